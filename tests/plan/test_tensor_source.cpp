// Elements out of pieces, strides and byte orders, against a plain gather of one element at a time.
#include <doctest/doctest.h>

#include <cstring>
#include <numeric>
#include <random>

#include "error_id.h"
#include "plan/boxes.h"
#include "random_bytes.h"
#include "tensorferry/stream.h"
#include "util/crc32.h"
#include "util/crc32c.h"
#include "util/sha256.h"

using namespace tensorferry;

namespace {

Checksum crc_of(const Bytes& bytes, Checksum::Kind kind = Checksum::Kind::crc32c) {
  const std::uint32_t crc = kind == Checksum::Kind::crc32 ? crc32(0, bytes) : crc32c(0, bytes);
  std::string value;
  for (int shift = 24; shift >= 0; shift -= 8) value += static_cast<char>(crc >> shift);
  return {kind, value};
}

Piece piece_of(Bytes bytes, Shape start = {}, Shape extent = {}) {
  Piece piece;
  piece.checksum = crc_of(bytes);
  piece.start = std::move(start);
  piece.extent = std::move(extent);
  const std::uint64_t size = bytes.size();
  piece.origin = FileRange{memory_file("memory", std::move(bytes)), 0, size};
  return piece;
}

Tensor tensor_of(DType dtype, Shape shape) {
  Tensor tensor;
  tensor.name = "t";
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  return tensor;
}

/// Cuts the box at random places into pieces (not a grid) that hold the bytes of `whole`.
void cut_at_random(const Tensor& tensor, const Bytes& whole, Shape start, Shape extent, int depth,
                   std::mt19937& random, std::vector<Piece>& pieces) {
  const std::size_t d = random() % extent.size();
  if (depth > 0 && extent[d] > 1) {
    const std::uint64_t at = 1 + random() % (extent[d] - 1);
    Shape first = extent, second = extent, middle = start;
    first[d] = at;
    second[d] = extent[d] - at;
    middle[d] += at;
    cut_at_random(tensor, whole, middle, second, depth - 1, random, pieces);
    cut_at_random(tensor, whole, start, first, depth - 1, random, pieces);
    return;
  }
  const std::uint32_t element = info(tensor.dtype).bytes;
  const Shape strides = dense_strides(tensor.shape, element);
  Bytes bytes(element_count(extent) * element);
  std::uint64_t from = 0;
  for (std::size_t i = 0; i < start.size(); ++i) from += start[i] * strides[i];
  copy_box(bytes.data(), dense_strides(extent, element), whole.data() + from, strides, extent,
           element);
  pieces.push_back(piece_of(std::move(bytes), start, extent));
}

}  // namespace

TEST_CASE("a tensor in pieces of any cut comes back whole, at once and in parts") {
  std::mt19937 random(7);
  for (const Shape& shape : {Shape{17}, Shape{1}, Shape{5, 7}, Shape{8, 1, 3}, Shape{3, 4, 5, 6},
                             Shape{300, 700}, Shape{2, 600'000}}) {
    for (DType dtype : {DType::uint8, DType::float16, DType::float32, DType::complex128}) {
      Tensor tensor = tensor_of(dtype, shape);
      const Bytes whole = random_bytes(tensor.bytes(), 3);
      cut_at_random(tensor, whole, Shape(shape.size(), 0), shape, 5, random, tensor.stored.pieces);
      CAPTURE(to_string(shape));
      CHECK(load_bytes(tensor) == whole);
      const std::uint64_t elements = tensor.elements(), element = info(dtype).bytes;
      for (int i = 0; i < 20; ++i) {
        const std::uint64_t first = random() % elements;
        const std::uint64_t count = 1 + random() % (elements - first);
        Bytes part(count * element);
        CHECK(open_stream(tensor, first, count)->read(part) == part.size());
        REQUIRE(std::memcmp(part.data(), whole.data() + first * element, part.size()) == 0);
      }
    }
  }
}

TEST_CASE("column-major and other strides are read element for element") {
  for (const Shape& shape : {Shape{1, 1}, Shape{4, 5}, Shape{3, 5, 7}, Shape{1000, 300},
                             Shape{3, 100'000}, Shape{100'000, 3}}) {
    for (DType dtype : {DType::int8, DType::int32, DType::float64}) {
      CAPTURE(to_string(shape));
      Tensor tensor = tensor_of(dtype, shape);
      const std::uint32_t element = info(dtype).bytes;
      Bytes stored = random_bytes(tensor.bytes(), 5);
      Piece piece = piece_of(stored);
      std::uint64_t stride = element;
      for (std::uint64_t extent : shape) {
        piece.byte_strides.push_back(stride);
        stride *= extent;
      }
      Bytes expected(stored.size());
      copy_box(expected.data(), dense_strides(shape, element), stored.data(), piece.byte_strides,
               shape, element);
      // The oracle's oracle: one element by hand.
      const std::uint64_t row = shape[0] - 1;
      CHECK(std::memcmp(expected.data() + row * (expected.size() / shape[0]),
                        stored.data() + row * element, element) == 0);
      tensor.stored.pieces.push_back(std::move(piece));
      CHECK(load_bytes(tensor) == expected);
    }
  }
}

TEST_CASE("big-endian components are swapped, after the checksum of the stored bytes") {
  Tensor tensor = tensor_of(DType::complex64, {1});
  Bytes stored;
  for (int i = 0; i < 8; ++i) stored.push_back(static_cast<std::byte>(i));
  tensor.stored.order = std::endian::big;
  tensor.stored.pieces.push_back(piece_of(stored));
  Bytes expected;
  for (int i : {3, 2, 1, 0, 7, 6, 5, 4}) expected.push_back(static_cast<std::byte>(i));
  CHECK(load_bytes(tensor) == expected);
}

TEST_CASE("a packed source is unpacked") {
  Tensor tensor = tensor_of(DType::uint4, {3});
  tensor.stored.codec = Codec::packed;
  tensor.stored.pieces.push_back(piece_of({std::byte{0x21}, std::byte{0x03}}));
  CHECK(load_bytes(tensor) == Bytes{std::byte{1}, std::byte{2}, std::byte{3}});
}

TEST_CASE("one flipped bit is found, whatever the form of the source and the checksum") {
  const Shape shape{700, 900};
  const Bytes good = random_bytes(700 * 900 * 4, 9);
  for (const char* form : {"whole", "pieces", "column-major", "sha256", "crc32"}) {
    CAPTURE(form);
    Tensor tensor = tensor_of(DType::float32, shape);
    Bytes bad = good;
    bad[1'234'567] ^= std::byte{4};
    std::vector<Piece>& pieces = tensor.stored.pieces;
    if (form == std::string_view("pieces")) {
      std::mt19937 random(1);
      cut_at_random(tensor, bad, {0, 0}, shape, 4, random, pieces);
      Tensor intact = tensor_of(DType::float32, shape);
      std::mt19937 again(1);
      cut_at_random(intact, good, {0, 0}, shape, 4, again, intact.stored.pieces);
      for (std::size_t i = 0; i < pieces.size(); ++i) {
        pieces[i].checksum = intact.stored.pieces[i].checksum;
      }
    } else {
      pieces.push_back(piece_of(bad));
      pieces[0].checksum = crc_of(good);
      if (form == std::string_view("column-major")) pieces[0].byte_strides = {4, 2800};
      if (form == std::string_view("sha256")) {
        Sha256 sha;
        sha.update(good);
        pieces[0].checksum = Checksum{Checksum::Kind::sha256, sha.finish()};
      }
      if (form == std::string_view("crc32")) {
        pieces[0].checksum = crc_of(good, Checksum::Kind::crc32);
        Tensor intact = tensor;
        intact.stored.pieces = {piece_of(good)};
        intact.stored.pieces[0].checksum = pieces[0].checksum;
        CHECK(load_bytes(intact) == good);
      }
    }
    CHECK(error_id([&] { load_bytes(tensor); }) == "corrupt.checksum");
    // A part of a tensor is read without it: there is nothing to compare.
    CHECK(error_id([&] {
            Bytes four(4);
            open_stream(tensor, 0, 1)->read(four);
          }) == "no error");
  }
}

TEST_CASE("an empty tensor has no elements, and its checksum counts") {
  Tensor tensor = tensor_of(DType::float32, {3, 0, 2});
  tensor.stored.pieces.push_back(piece_of({}));
  CHECK(load_bytes(tensor).empty());
  tensor.stored.pieces[0].checksum->value[0] ^= 1;
  CHECK(error_id([&] {
          Bytes one(1);
          open_stream(tensor)->read(one);
        }) == "corrupt.checksum");
}

TEST_CASE("values are given in the tensor's own type only") {
  Tensor tensor = tensor_of(DType::int32, {2});
  Bytes bytes(8);
  bytes[0] = std::byte{5};
  bytes[4] = std::byte{6};
  tensor.stored.pieces.push_back(piece_of(bytes));
  CHECK(load<std::int32_t>(tensor) == std::vector<std::int32_t>{5, 6});
  CHECK(error_id([&] { load<float>(tensor); }) == "usage.dtype");
  CHECK(error_id([&] { load_strings(tensor); }) == "usage.dtype");
}

TEST_CASE("strings in pieces are put in their places, and counted") {
  Tensor tensor = tensor_of(DType::string, {2, 2});
  auto strings = [](std::vector<std::string> values) {
    return StringSource{16, [values] { return values; }};
  };
  Piece left{strings({"a", "c"}), {0, 0}, {2, 1}, {}, {}};
  Piece right{strings({"b", "d"}), {0, 1}, {2, 1}, {}, {}};
  tensor.stored.pieces = {right, left};
  CHECK(load_strings(tensor) == std::vector<std::string>{"a", "b", "c", "d"});
  tensor.stored.pieces = {Piece{strings({"a", "b", "c"}), {}, {}, {}, {}}};
  CHECK(error_id([&] { load_strings(tensor); }) == "corrupt.string_count");
  Limits tight;
  tight.string_bytes = 8;
  CHECK(error_id([&] { load_strings(tensor, tight); }) == "resources.strings");
}
