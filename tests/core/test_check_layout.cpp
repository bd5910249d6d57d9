#include <doctest/doctest.h>

#include "error_id.h"
#include "tensorferry/layout.h"

using namespace tensorferry;

namespace {

struct NullSink : Sink {
  void write(const Slot&, ByteStream&, GrowingFile&) override {}
  void finish(GrowingFile&, Layout&) override {}
};

// Two tensors of 8 bytes each behind a header of 4.
struct Fixture {
  Manifest manifest;
  Layout layout;

  Fixture() {
    for (const char* name : {"a", "b"}) {
      Tensor tensor;
      tensor.name = name;
      tensor.dtype = DType::float32;
      tensor.shape = {2};
      manifest.tensors.push_back(tensor);
    }
    layout.files = {{"", 20}};
    layout.segments = {{0, 0, "head"}};
    layout.slots = {slot(0, 4, 8), slot(1, 12, 8)};
  }

  static Slot slot(std::size_t tensor, std::uint64_t offset, std::uint64_t length) {
    Slot result;
    result.tensor = tensor;
    result.offset = offset;
    result.length = length;
    return result;
  }

  std::string result() const {
    return error_message([&] { check(layout, manifest); });
  }
};

bool mentions(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE_FIXTURE(Fixture, "a sound layout passes the gate") {
  CHECK(result() == "no error");
  std::swap(layout.slots[0].offset, layout.slots[1].offset);
  CHECK(result() == "no error");
}

TEST_CASE_FIXTURE(Fixture, "a broken layout is a bug of the writer") {
  layout.slots.pop_back();
  CHECK(error_id([&] { check(layout, manifest); }) == "internal.layout");
  CHECK(result() == "tensor \"b\" has no place");
}

TEST_CASE_FIXTURE(Fixture, "places must not overlap") {
  SUBCASE("slot and slot") {
    layout.slots[1].offset = 11;
    CHECK(result() ==
          "tensor \"a\" (bytes 4..12 of file 0) overlaps tensor \"b\" (bytes 11..19 of file 0)");
  }
  SUBCASE("slot and segment") {
    layout.slots[0].offset = 3;
    CHECK(mentions(result(), "overlaps"));
  }
  SUBCASE("segment and segment") {
    layout.segments.push_back({0, 0, "head"});
    CHECK(mentions(result(), "overlaps"));
  }
  SUBCASE("one inside another, not a neighbour in order") {
    layout.segments = {{0, 0, std::string(20, 'x')}};
    CHECK(mentions(result(), "overlaps"));
  }
}

TEST_CASE_FIXTURE(Fixture, "tensors that are one place share it") {
  layout.files[0].size = 12;
  layout.slots[1].offset = 4;
  CHECK(result() == "no error");
}

TEST_CASE_FIXTURE(Fixture, "lengths are those of the encoded tensors") {
  SUBCASE("too short") {
    layout.slots[1].length = 7;
    CHECK(result() == "tensor \"b\" takes 8 bytes, its slot has 7");
  }
  SUBCASE("packed") {
    manifest.tensors[1].dtype = DType::int4;
    manifest.tensors[1].shape = {15};
    layout.slots[1].codec = Codec::packed;
    CHECK(result() == "no error");
    layout.slots[1].codec = Codec::plain;
    CHECK(mentions(result(), "takes 15 bytes"));
  }
  SUBCASE("strings cannot be moved, but lie in a segment") {
    manifest.tensors[1].dtype = DType::string;
    CHECK(mentions(result(), "cannot be moved"));
    layout.slots[1].fill = Slot::Fill::literal;
    CHECK(result() == "no error");
  }
}

TEST_CASE_FIXTURE(Fixture, "nothing lies behind the end of its file") {
  SUBCASE("slot") { layout.files[0].size = 19; }
  SUBCASE("wrapping around") { layout.slots[1].offset = ~std::uint64_t{0} - 3; }
  SUBCASE("segment") { layout.segments.push_back({0, 20, "x"}); }
  CHECK(mentions(result(), "ends behind the file's"));
}

TEST_CASE_FIXTURE(Fixture, "holes above 64 KiB are refused, smaller ones are padding") {
  constexpr std::uint64_t kHole = 64 * 1024;
  layout.slots[1].offset = 12 + kHole;
  layout.files[0].size = 20 + kHole;
  CHECK(result() == "no error");
  layout.slots[1].offset += 1;
  layout.files[0].size += 1;
  CHECK(mentions(result(), "nothing is written to bytes 12..65549"));
  layout.slots[1].offset = 12;
  CHECK(mentions(result(), "nothing is written to bytes 20..65557"));
}

TEST_CASE_FIXTURE(Fixture, "indices must be in range") {
  SUBCASE("tensor") { layout.slots[0].tensor = 2; }
  SUBCASE("file of a slot") { layout.slots[0].file = 1; }
  SUBCASE("file of a segment") { layout.segments[0].file = 1; }
  SUBCASE("no file") { layout.files.clear(); }
  SUBCASE("sink slot without a sink") { layout.slots[0].fill = Slot::Fill::sink; }
  CHECK(error_id([&] { check(layout, manifest); }) == "internal.layout");
}

TEST_CASE_FIXTURE(Fixture, "late segments and what finishes them come together") {
  const auto finish = [](std::span<const std::uint32_t>, std::span<Segment>) {};
  layout.segments[0].late = true;
  CHECK(mentions(result(), "come together"));
  layout.finish = finish;
  CHECK(result() == "no error");
  layout.slots[0].crc_offset = 3;
  CHECK(mentions(result(), "there is no CRC at byte 3"));
  layout.segments[0].late = false;
  CHECK(mentions(result(), "come together"));
  layout.finish = nullptr;
  CHECK(result() == "no error");
}

TEST_CASE_FIXTURE(Fixture, "file names are unique and stay in the directory") {
  layout.files.push_back({"m.data", 0});
  CHECK(result() == "no error");
  for (const char* name : {"", "..", "../x", "/x", "a//b", "a/.", "a/"}) {
    CAPTURE(name);
    layout.files[1].name = name;
    CHECK(error_id([&] { check(layout, manifest); }) == "internal.layout");
  }
  layout.directory = true;
  layout.files[1].name = "x";
  CHECK(mentions(result(), "is not plain"));
  layout.files[0].name = "x";
  CHECK(mentions(result(), "two files are called"));
}

TEST_CASE_FIXTURE(Fixture, "what a sink appends has no place yet; all else is checked as ever") {
  layout.sink = std::make_unique<NullSink>();
  CHECK(result() == "no error");
  layout.slots[1].offset = 10;
  CHECK(mentions(result(), "overlaps"));
  layout.slots[1].offset = 500'000;
  CHECK(mentions(result(), "ends behind"));
  layout.slots[1].fill = Slot::Fill::sink;
  layout.files[0] = {"", 12, 1000};
  CHECK(result() == "no error");
  layout.slots[1].length = 4;
  CHECK(mentions(result(), "takes 8 bytes"));
  layout.slots[1].length = 8;
  layout.files[0].size = 500'000;
  CHECK(mentions(result(), "nothing is written"));
  layout.files[0] = {"", 12, ~std::uint64_t{0} / 2};
  CHECK(mentions(result(), "too large"));
}
