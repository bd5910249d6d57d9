#include <doctest/doctest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "plan/digests.h"
#include "util/crc32.h"
#include "util/crc32c.h"

using namespace tensorferry;

namespace {

using Bytes = std::vector<std::byte>;

Bytes pattern(std::size_t size, unsigned seed) {
  Bytes bytes(size);
  for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i * 7 + seed);
  return bytes;
}

std::uint32_t crc_with_front(const std::string& front, const Bytes& bytes) {
  return crc32(crc32(0, std::as_bytes(std::span(front))), bytes);
}

std::uint32_t little(const std::byte* at) {
  std::uint32_t value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | std::to_integer<std::uint32_t>(at[i]);
  return value;
}

Item item_of(const Layout& layout, std::size_t slot) {
  return {layout.slots[slot].offset, layout.slots[slot].length, slot, true};
}

Manifest without_checksums(std::size_t count) {
  Manifest manifest;
  manifest.tensors.resize(count);
  return manifest;
}

/// 8 float32 with a CRC32C.
Tensor with_checksum(const Bytes& bytes) {
  Tensor tensor;
  tensor.dtype = DType::float32;
  tensor.shape = {8};
  Piece& piece = tensor.stored.pieces.emplace_back();
  piece.origin = FileRange{memory_file("m", bytes), 0, bytes.size()};
  piece.checksum = Checksum{Checksum::Kind::crc32c, crc_bytes(crc32c(0, bytes))};
  return tensor;
}

/// A layout of one file with the tensor at 16 and its CRC as text at 4, told to `got`.
Layout asking(std::vector<std::uint32_t>& got) {
  Layout layout;
  layout.files = {{"", 48}};
  layout.segments = {{0, 0, std::string(16, '-'), true}};
  layout.slots = {Slot{.offset = 16, .length = 32}};
  layout.finish = [&](std::span<const std::uint32_t> crcs, std::span<Segment> segments) {
    got.assign(crcs.begin(), crcs.end());
    segments[0].bytes.replace(4, 4, "told");
  };
  return layout;
}

}  // namespace

TEST_CASE("a CRC that the source states is used again, before anything is moved") {
  const Bytes bytes = pattern(32, 4);
  Manifest manifest;
  manifest.tensors = {with_checksum(bytes)};
  std::vector<std::uint32_t> got;
  Layout layout = asking(got);
  Digests digests(layout, manifest);
  digests.finish_early();
  CHECK(got == std::vector<std::uint32_t>{crc32c(0, bytes)});
  CHECK(layout.segments[0].bytes == "----told--------");
  digests.add(0, 0, bytes);
  CHECK(digests.late().empty());
}

TEST_CASE("a CRC is computed where the bytes that are written are not those of the source") {
  const Bytes bytes = pattern(32, 5);
  const Tensor same = with_checksum(bytes);
  std::vector<Tensor> others(8, same);
  others[0].stored.order = std::endian::big;
  others[1].stored.dtype = DType::int32;
  others[2].dtype = DType::boolean;
  others[3].stored.codec = Codec::packed;
  others[4].stored.pieces[0].byte_strides = {4};
  others[5].stored.pieces[0].checksum->kind = Checksum::Kind::crc32;
  others[6].stored.pieces[0].checksum.reset();
  others[7].stored.pieces.push_back(same.stored.pieces[0]);
  for (const Tensor& other : others) {
    CAPTURE(&other - others.data());
    Manifest manifest;
    manifest.tensors = {other};
    std::vector<std::uint32_t> got;
    Layout layout = asking(got);
    Digests digests(layout, manifest);
    digests.finish_early();
    CHECK(got.empty());
    const Bytes written = pattern(32, 6);
    digests.add(0, 0, written);
    const std::vector<Segment> late = digests.late();
    REQUIRE(late.size() == 1);
    CHECK(late[0].bytes == "----told--------");
    CHECK(got == std::vector<std::uint32_t>{crc32c(0, written)});
  }
}

TEST_CASE("a CRC whose place and slot lie in the window is put there, others come late") {
  const std::string front = "in front";
  const Bytes small = pattern(20, 1), large = pattern(300, 2);
  Layout layout;
  layout.finish_crc = Checksum::Kind::crc32;
  layout.files = {{"", 1000}};
  layout.slots.resize(3);
  // Its CRC at 4, in the first window.
  layout.slots[0] = Slot{.offset = 30, .length = 20, .crc_offset = 4};
  layout.slots[0].crc_of_front = crc32(0, std::as_bytes(std::span(front)));
  // Reaches into the second window, its CRC is in the first.
  layout.slots[1] = Slot{.tensor = 1, .offset = 100, .length = 300, .crc_offset = 60};
  layout.slots[1].crc_of_front = layout.slots[0].crc_of_front;
  layout.slots[2] = Slot{.tensor = 2, .offset = 400, .length = 0, .crc_offset = 70};
  layout.slots[2].crc_of_front = layout.slots[0].crc_of_front;

  const Manifest manifest = without_checksums(3);
  Digests digests(layout, manifest);
  const Window first{0, 0, 200, 0}, second{0, 200, 1000, 1};
  Bytes buffer(200, std::byte{0xee});
  digests.add(0, 0, small);
  digests.add(1, 0, std::span(large).first(100));
  const std::vector<Item> items = {item_of(layout, 0), item_of(layout, 1)};
  digests.put(first, items, buffer);
  CHECK(little(&buffer[4]) == crc_with_front(front, small));
  CHECK(std::all_of(buffer.begin() + 8, buffer.end(),
                    [](std::byte b) { return b == std::byte{0xee}; }));

  Bytes rest(800);
  digests.add(1, 100, std::span(large).subspan(100));
  digests.put(second, std::span(items).subspan(1), rest);
  const std::vector<Segment> late = digests.late();
  REQUIRE(late.size() == 2);
  CHECK(late[0].offset == 60);
  CHECK(little(reinterpret_cast<const std::byte*>(late[0].bytes.data())) ==
        crc_with_front(front, large));
  CHECK(late[1].offset == 70);
  CHECK(little(reinterpret_cast<const std::byte*>(late[1].bytes.data())) ==
        crc_with_front(front, {}));
}

TEST_CASE("finish() gets the CRCs in the order of the slots, and nothing is asked of others") {
  const Bytes bytes = pattern(64, 3);
  Layout layout;
  layout.files = {{"", 65}};
  layout.slots = {Slot{.length = 64}, Slot{.tensor = 1, .fill = Slot::Fill::literal}};
  const Manifest manifest = without_checksums(2);
  CHECK(Digests(layout, manifest).late().empty());
  std::vector<std::uint32_t> got;
  layout.segments = {{0, 64, "x", true}};
  layout.finish = [&](std::span<const std::uint32_t> crcs, std::span<Segment>) {
    got.assign(crcs.begin(), crcs.end());
  };
  Digests digests(layout, manifest);
  digests.add(0, 32, std::span(bytes).subspan(32));
  digests.add(0, 0, std::span(bytes).first(32));
  CHECK(digests.late().size() == 1);
  CHECK(got == std::vector<std::uint32_t>{crc32c(0, bytes), 0});
}

TEST_CASE("what finish() leaves in a late segment must fit its place") {
  const Bytes bytes = pattern(32, 7);
  std::vector<std::uint32_t> got;
  Layout layout = asking(got);
  const Manifest manifest = without_checksums(1);
  Digests digests(layout, manifest);
  digests.add(0, 0, bytes);
  layout.finish = [](std::span<const std::uint32_t>, std::span<Segment> segments) {
    segments[0].bytes += "longer";
  };
  CHECK_THROWS_WITH_AS(digests.late(),
                       doctest::Contains("a late segment changed its place or size"), Error);
}
