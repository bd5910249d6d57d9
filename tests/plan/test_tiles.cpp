// Tiles cover a tensor once, fit what is allowed, and hold the elements that a plain gather gives.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>
#include <random>
#include <vector>

#include "plan/boxes.h"
#include "plan/checksums.h"
#include "plan/tensor_source.h"
#include "plan/tensor_stream.h"
#include "plan/tiles.h"
#include "random_bytes.h"
#include "tensorferry/edits.h"
#include "tensorferry/stream.h"
#include "util/crc32.h"
#include "util/crc32c.h"

using namespace tensorferry;

namespace {

/// Strides of an array that holds the dimensions in another order.
Shape permuted_strides(const Shape& shape, std::uint64_t element, std::mt19937& random) {
  std::vector<std::size_t> order(shape.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::shuffle(order.begin(), order.end(), random);
  Shape strides(shape.size());
  for (std::size_t i = order.size(); i-- > 0;) {
    strides[order[i]] = element;
    element *= shape[order[i]];
  }
  return strides;
}

std::uint64_t runs_of(const Shape& shape, const Shape& tile) {
  Shape start, extent;
  tile_box(shape, tile, 0, start, extent);
  std::uint64_t runs = 0;
  for_each_run(shape, start, extent, [&](std::uint64_t, std::uint64_t) { ++runs; });
  return runs;
}

Tensor strided_tensor(DType dtype, Shape shape, std::mt19937& random) {
  Tensor tensor;
  tensor.name = "t";
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  Piece piece;
  piece.byte_strides = permuted_strides(tensor.shape, info(dtype).bytes, random);
  const std::uint64_t size = tensor.bytes();
  piece.origin = FileRange{memory_file("memory", random_bytes(size, 5)), 0, size};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

Shape tile_of(const Tensor& tensor, std::uint64_t most) {
  return tile_extent(tensor.shape, tensor.stored.pieces[0].byte_strides,
                     info(stored_dtype(tensor)).bytes, most);
}

/// The whole tensor, tile by tile.
Bytes by_tiles(const Tensor& tensor, const Shape& tile, ReadContext& context, bool verified) {
  const std::uint64_t element = info(tensor.dtype).bytes;
  const TensorSource source(tensor);
  Bytes whole(tensor.bytes());
  Shape start, extent;
  for (std::uint64_t i = 0; i < tile_count(tensor.shape, tile); ++i) {
    tile_box(tensor.shape, tile, i, start, extent);
    Bytes part(element_count(extent) * element);
    source.read_tile(start, extent, part, context, verified);
    std::size_t at = 0;
    for_each_run(tensor.shape, start, extent, [&](std::uint64_t first, std::uint64_t count) {
      std::memcpy(whole.data() + first * element, part.data() + at, count * element);
      at += count * element;
    });
    REQUIRE(at == part.size());
  }
  return whole;
}

Bytes by_tiles(const Tensor& tensor, std::uint64_t most, CastTallies& casts) {
  ReadContext context;
  context.casts = &casts;
  return by_tiles(tensor, tile_of(tensor, most), context, false);
}

}  // namespace

TEST_CASE("tiles hold every element once and are not larger than allowed") {
  std::mt19937 random(11);
  for (int round = 0; round < 300; ++round) {
    Shape shape(1 + random() % 5);
    for (std::uint64_t& extent : shape) extent = 1 + random() % (shape.size() < 3 ? 300 : 12);
    const std::uint64_t most = 1 + random() % 3000;
    const Shape tile = tile_extent(shape, permuted_strides(shape, 4, random), 4, most);
    CHECK(element_count(tile) <= most);
    std::vector<int> seen(element_count(shape), 0);
    Shape start, extent;
    for (std::uint64_t i = 0; i < tile_count(shape, tile); ++i) {
      tile_box(shape, tile, i, start, extent);
      std::uint64_t next = 0;
      for_each_run(shape, start, extent, [&](std::uint64_t first, std::uint64_t count) {
        REQUIRE(first >= next);
        REQUIRE(first + count <= seen.size());
        for (std::uint64_t at = first; at < first + count; ++at) ++seen[at];
        next = first + count;
      });
    }
    CAPTURE(round);
    REQUIRE(std::all_of(seen.begin(), seen.end(), [](int times) { return times == 1; }));
  }
}

TEST_CASE("tiles of large matrices have long runs on both sides") {
  constexpr std::uint64_t kMost = 2u << 20;
  // 10 MiB of rows of 4 KiB: parts of rows are cheaper to skip than short runs to write.
  const Shape usual = tile_extent({1024, 2616}, {4, 4096}, 4, kMost);
  CHECK(runs_of({1024, 2616}, usual) == 1);
  // A table of embeddings: whole strips would read all of it a hundred times.
  const Shape tall = tile_extent({768, 349'000}, {4, 3072}, 4, kMost);
  CHECK(tall[0] >= 256);
  CHECK(tall[1] >= 1024);
  const Shape square = tile_extent({16'384, 16'384}, {4, 65'536}, 4, kMost);
  CHECK(square[0] >= 256);
  CHECK(square[1] >= 1024);
}

TEST_CASE("tiles read what the stream reads, of any order of dimensions") {
  std::mt19937 random(12);
  for (const Shape& shape : {Shape{1, 7}, Shape{300, 700}, Shape{3, 100'000}, Shape{100'000, 3},
                             Shape{40, 3, 50, 20}, Shape{20, 2, 3, 4, 60}, Shape{2, 300'000}}) {
    for (DType dtype : {DType::int8, DType::float16, DType::int32, DType::float64}) {
      Tensor tensor = strided_tensor(dtype, shape, random);
      if (random() % 2) tensor.stored.order = std::endian::big;
      CAPTURE(to_string(shape));
      CastTallies casts;
      const Bytes expected = load_bytes(tensor);
      for (const std::uint64_t most : {1'000u, 30'000u, 500'000u})
        REQUIRE(by_tiles(tensor, most, casts) == expected);
    }
  }
}

TEST_CASE("tiles that are ranges of the source verify its checksum, byte for byte") {
  std::mt19937 random(15);
  int verified = 0;
  for (int round = 0; round < 200; ++round) {
    Shape shape(1 + random() % 4);
    for (std::uint64_t& extent : shape) extent = 1 + random() % (shape.size() < 3 ? 900 : 60);
    Tensor tensor = strided_tensor(random() % 2 ? DType::float32 : DType::float64, shape, random);
    Piece& piece = tensor.stored.pieces[0];
    const Shape tile = tile_of(tensor, 1 + random() % 200'000);
    if (!are_ranges(shape, piece.byte_strides, info(tensor.dtype).bytes, tile)) continue;
    ++verified;
    const std::uint32_t crc = crc32c(0, random_bytes(tensor.bytes(), 5));
    CrcParts parts;
    ReadContext context;
    context.checksums = &parts;
    CAPTURE(to_string(shape));
    CAPTURE(to_string(tile));
    piece.checksum = Checksum{Checksum::Kind::crc32c, crc_bytes(crc)};
    CHECK(by_tiles(tensor, tile, context, true) == load_bytes(tensor));
    CHECK(parts.complete());
    piece.checksum->value = crc_bytes(crc ^ 1);
    CHECK_THROWS_AS(by_tiles(tensor, tile, context, true), Error);
  }
  CHECK(verified > 50);
}

TEST_CASE("boxes with gaps between their bytes are no ranges") {
  CHECK(are_ranges({1000, 500}, {4, 4000}, 4, {1000, 20}));
  CHECK_FALSE(are_ranges({1000, 500}, {4, 4000}, 4, {100, 500}));
  CHECK_FALSE(are_ranges({1000, 500}, {4, 4004}, 4, {1000, 20}));
  CHECK_FALSE(are_ranges({1000, 500}, {0, 4}, 4, {1000, 500}));
  CHECK(are_ranges({1000, 1, 500}, {4, 77, 4000}, 4, {1000, 1, 500}));
}

TEST_CASE("tiles are cast as a stream is, with the same report") {
  std::mt19937 random(13);
  Manifest manifest;
  manifest.tensors.push_back(strided_tensor(DType::float32, {200, 30, 50}, random));
  Tensor& tensor = manifest.tensors[0];
  tensor.stored.dtype = DType::float32;
  tensor.stored.overflow = Overflow::saturate;
  tensor.dtype = DType::bfloat16;
  CastTallies tiled, streamed;
  std::atomic<std::uint64_t> bools{0};
  const Bytes whole = by_tiles(tensor, 20'000, tiled);
  Bytes expected(tensor.bytes());
  open_counting_stream(tensor, 0, 1 << 20, streamed, bools)->read(expected);
  CHECK(whole == expected);
  const CastReport a = tiled.reports(manifest)[0], b = streamed.reports(manifest)[0];
  CHECK(a.changed == b.changed);
  CHECK(a.changed > 0);
  CHECK(a.first == b.first);
  CHECK(a.overflowed == b.overflowed);
  CHECK(a.absolute == b.absolute);
  CHECK(a.relative == b.relative);
}

TEST_CASE("the CRC of a range comes from its parts in any order") {
  std::mt19937 random(14);
  const Bytes bytes = random_bytes(100'000, 6);
  for (int round = 0; round < 20; ++round) {
    std::vector<std::size_t> cuts = {0, bytes.size()};
    for (int i = 0; i < 40; ++i) cuts.push_back(random() % bytes.size());
    std::sort(cuts.begin(), cuts.end());
    cuts.erase(std::unique(cuts.begin(), cuts.end()), cuts.end());
    std::vector<std::size_t> order(cuts.size() - 1);
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::shuffle(order.begin(), order.end(), random);
    CrcParts parts;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::size_t at = cuts[order[i]];
      const auto whole = parts.add(Checksum::Kind::crc32c, 7, bytes.size(), at,
                                   std::span(bytes).subspan(at, cuts[order[i] + 1] - at));
      REQUIRE(whole.has_value() == (i + 1 == order.size()));
      if (whole) CHECK(*whole == crc32c(0, bytes));
    }
  }
}
