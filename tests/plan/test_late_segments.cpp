#include <doctest/doctest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "plan/work.h"
#include "temp_folder.h"
#include "tensorferry/convert.h"
#include "util/crc32.h"
#include "util/crc32c.h"

using namespace tensorferry;

namespace {

constexpr std::size_t kElements = 8;

std::string crc_text(std::uint32_t crc) {
  std::string text = std::to_string(crc);
  text.insert(0, 10 - text.size(), '0');
  return text;
}

/// Of each tensor: its checksum as text in front, its bytes, its checksum behind; all checksums
/// once more at the end, the second half first in the layout. The last file holds nothing else.
class LateWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override {
    return Encoding{dtype, Carrier::native};
  }

  Layout lay_out(const Manifest& manifest, const Output&, const Options&,
                 const Limits&) const override {
    Layout layout;
    layout.files = {{"", 0}, {"beside", 0}};
    std::uint64_t& end = layout.files[0].size;
    const auto add = [&](std::size_t file) {
      std::uint64_t& size = layout.files[file].size;
      layout.segments.push_back({file, size, std::string(10, '?'), true});
      size += 10;
    };
    for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
      add(0);
      Slot slot;
      slot.tensor = i;
      slot.offset = end;
      slot.length = manifest.tensors[i].bytes();
      layout.slots.push_back(slot);
      end += slot.length;
      add(0);
      add(1);
    }
    const std::size_t last = layout.segments.size();
    add(0);
    add(0);
    std::swap(layout.segments[last], layout.segments[last + 1]);
    layout.finish = [](std::span<const std::uint32_t> crcs, std::span<Segment> segments) {
      for (std::size_t i = 0; i < segments.size(); ++i)
        segments[i].bytes = crc_text(crcs[i / 3 % crcs.size()]);
    };
    return layout;
  }
};

Format late_format() {
  Format format;
  format.name = "late";
  format.writer = std::make_shared<LateWriter>();
  return format;
}

Tensor tensor_at(std::string name, std::string_view bytes, bool stated) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = DType::uint8;
  tensor.shape = {bytes.size()};
  Piece& piece = tensor.stored.pieces.emplace_back();
  piece.origin = FileRange{memory_file("m", bytes), 0, bytes.size()};
  if (stated) {
    piece.checksum =
        Checksum{Checksum::Kind::crc32c, crc_bytes(crc32c(0, std::as_bytes(std::span(bytes))))};
  }
  return tensor;
}

}  // namespace

TEST_CASE("late segments are written wherever they lie, with checksums stated or taken") {
  const std::array<std::string, 2> contents = {std::string(kElements, 'a'),
                                               std::string(3 << 20, 'b')};
  std::array<std::string, 2> crcs;
  for (std::size_t i = 0; i < 2; ++i)
    crcs[i] = crc_text(crc32c(0, std::as_bytes(std::span(contents[i]))));
  for (const bool stated : {true, false}) {
    for (const unsigned threads : {1u, 2u}) {
      CAPTURE(stated);
      CAPTURE(threads);
      TempFolder folder;
      Manifest manifest;
      for (std::size_t i = 0; i < 2; ++i)
        manifest.tensors.push_back(tensor_at("t" + std::to_string(i), contents[i], stated));
      RunOptions options;
      options.threads = threads;
      Progress seen;
      options.progress = [&](const Progress& at) { seen = at; };
      const Receipt receipt =
          ConversionPlan::make(std::move(manifest), late_format(), folder / "out", {}, {})
              .run(options);
      const std::string out = read_file(folder / "out"), beside = read_file(folder / "beside");
      CHECK(out ==
            crcs[0] + contents[0] + crcs[0] + crcs[1] + contents[1] + crcs[1] + crcs[0] + crcs[0]);
      CHECK(beside == crcs[0] + crcs[1]);
      CHECK(receipt.output_bytes == out.size() + beside.size());
      CHECK(receipt.moved_bytes == receipt.output_bytes);
      CHECK(seen.bytes_done == seen.bytes_total);
      CHECK(seen.bytes_total == receipt.output_bytes);
    }
  }
}

TEST_CASE("windows end in front of the late segments at the end of a file") {
  Layout layout;
  layout.files = {{"", 40}, {"index", 8}};
  layout.segments = {{0, 0, std::string(4, 'a'), true},
                     {0, 20, std::string(12, 'b'), true},
                     {0, 32, std::string(8, 'c'), true},
                     {1, 0, std::string(8, 'd'), true}};
  layout.slots = {Slot{.offset = 4, .length = 10}};  // and a hole behind it
  Manifest manifest;
  manifest.tensors.push_back(tensor_at("t", "0123456789", false));
  const Work work = cut(layout, manifest, 1 << 20);
  REQUIRE(work.windows.size() == 2);
  CHECK(work.windows[0].begin == 0);
  CHECK(work.windows[0].end == 20);
  CHECK(work.windows[1].file == 1);
  CHECK(work.windows[1].end == 0);
  CHECK(work.items.size() == 1);
  CHECK(work.bytes == 20);
  CHECK(work.late_bytes == 28);
}
