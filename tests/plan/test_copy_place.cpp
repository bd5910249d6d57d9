#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "plan/copy_place.h"

using namespace tensorferry;

TEST_CASE("a window is made where the kernel copies fast, whatever the offsets") {
  constexpr std::uint64_t kBytes = 100'000, kWindow = 3 << 20;
  alignas(64) std::byte buffer[64];
  for (std::uint64_t from = 0; from < 4096; from += 7) {
    for (std::uint64_t behind : {0u, 1u, 62u, 4000u}) {
      Manifest manifest;
      Tensor& tensor = manifest.tensors.emplace_back();
      tensor.stored.pieces.emplace_back().origin =
          FileRange{memory_file("m", std::vector<std::byte>{}), from, kBytes};
      Layout layout;
      layout.slots = {Slot{.offset = kWindow + 40, .length = kBytes}};
      const std::vector<Item> items = {{kWindow + 40, kBytes, 0, true}};
      const Window window{0, kWindow + behind, kWindow + 40 + kBytes, 0};

      const std::size_t place = copy_place(layout, manifest, window, items, buffer);
      CHECK(place < kCopyPlaces);
      CHECK(place % 64 == behind % 64);
      const auto address = reinterpret_cast<std::uintptr_t>(buffer) + place;
      const std::uint64_t skipped = behind > 40 ? behind - 40 : 0;  // of the tensor
      const std::uint64_t to = address + (behind > 40 ? 0 : 40 - behind);
      const std::uint64_t further = (to - (from + skipped)) % 4096;
      CHECK_FALSE((further > 0 && further < 32));
    }
  }
}
