#include <doctest/doctest.h>

#include <limits>

#include "error_id.h"
#include "tensorferry/manifest.h"

using namespace tensorferry;

namespace {

constexpr std::uint64_t kFileBytes = 1000;
constexpr std::uint64_t kHuge = std::numeric_limits<std::uint64_t>::max();

std::shared_ptr<const File> file() {
  static const auto kFile = memory_file("weights.bin", std::string(kFileBytes, 'x'));
  return kFile;
}

Piece piece(std::uint64_t offset, std::uint64_t length, Shape start = {}, Shape extent = {}) {
  return {FileRange{file(), offset, length}, std::move(start), std::move(extent), {}, {}};
}

Tensor tensor(DType dtype, Shape shape, std::vector<Piece> pieces) {
  Tensor result;
  result.name = "w";
  result.dtype = dtype;
  result.shape = std::move(shape);
  result.stored.pieces = std::move(pieces);
  return result;
}

// The problem that the gate finds: "corrupt.size", or "no error".
std::string problem(Tensor candidate) {
  Manifest manifest;
  manifest.tensors.push_back(std::move(candidate));
  check(manifest);
  return manifest.tensors[0].problem ? manifest.tensors[0].problem->id() : "no error";
}

Piece strings(std::uint64_t bytes) {
  return {StringSource{bytes, [] { return std::vector<std::string>{"a"}; }}, {}, {}, {}, {}};
}

}  // namespace

TEST_CASE("a sound tensor passes the gate") {
  CHECK(problem(tensor(DType::float32, {2, 3}, {piece(976, 24)})) == "no error");
  CHECK(problem(tensor(DType::float32, {}, {piece(0, 4)})) == "no error");
  CHECK(problem(tensor(DType::float32, {0, 5}, {piece(kFileBytes, 0)})) == "no error");
  CHECK(problem(tensor(DType::float32, {0, 5}, {})) == "no error");
  CHECK(problem(tensor(DType::string, {1}, {strings(1)})) == "no error");
  CHECK(problem(tensor(DType::variant, {7}, {piece(0, 3)})) == "no error");
  CHECK(problem(tensor(DType::resource, {}, {})) == "no error");
}

TEST_CASE("stored bytes that differ from shape x dtype are corrupt, with both numbers") {
  for (std::uint64_t length : {0u, 23u, 25u, 48u}) {
    CHECK(problem(tensor(DType::float32, {2, 3}, {piece(0, length)})) == "corrupt.size");
  }
  CHECK(problem(tensor(DType::float32, {0}, {piece(0, 4)})) == "corrupt.size");
  Tensor packed = tensor(DType::int4, {5}, {piece(0, 3)});
  packed.stored.codec = Codec::packed;
  CHECK(problem(packed) == "no error");
  packed.stored.pieces = {piece(0, 5)};
  CHECK(problem(packed) == "corrupt.size");
  Manifest manifest;
  manifest.tensors.push_back(tensor(DType::float32, {2, 3}, {piece(0, 20)}));
  check(manifest);
  CHECK(std::string(manifest.tensors[0].problem->what()) ==
        "error[corrupt.size]: tensor \"w\": [2, 3] of float32 takes 24 bytes, stored are 20");
}

TEST_CASE("a range past the end of its file is truncated, without wrapping around") {
  const std::pair<std::uint64_t, std::string> table[] = {
      {kFileBytes - 3, "needs bytes 997..1001, file has 1000"},
      {kHuge - 10, "needs bytes 18446744073709551605..18446744073709551609, file has 1000"},
      {kHuge - 1, "4 bytes at offset 18446744073709551614 overflow"}};
  for (const auto& [offset, message] : table) {
    Manifest manifest;
    manifest.tensors.push_back(tensor(DType::float32, {1}, {piece(offset, 4)}));
    check(manifest);
    REQUIRE(manifest.tensors[0].problem);
    CHECK(manifest.tensors[0].problem->id() == "corrupt.truncated");
    CHECK(manifest.tensors[0].problem->message() == message);
    CHECK(manifest.tensors[0].problem->file() == "weights.bin");
  }
  CHECK(problem(tensor(DType::variant, {}, {piece(990, 11)})) == "corrupt.truncated");
}

TEST_CASE("shapes whose bytes overflow are corrupt") {
  const std::uint64_t two32 = std::uint64_t{1} << 32;
  CHECK(problem(tensor(DType::uint8, {two32, two32}, {piece(0, 0)})) == "corrupt.shape");
  CHECK(problem(tensor(DType::uint8, {two32, two32, 0}, {piece(0, 0)})) == "corrupt.shape");
  CHECK(problem(tensor(DType::float64, {two32, two32 / 4}, {piece(0, 0)})) == "corrupt.overflow");
}

TEST_CASE("strides must stay inside the range") {
  Tensor columns = tensor(DType::float32, {2, 3}, {piece(0, 24)});
  columns.stored.pieces[0].byte_strides = {4, 8};
  CHECK(problem(columns) == "no error");
  columns.stored.pieces[0].byte_strides = {4, 9};
  CHECK(problem(columns) == "corrupt.size");
  columns.stored.pieces[0].byte_strides = {4, kHuge / 2};
  CHECK(problem(columns) == "corrupt.overflow");
  columns.stored.pieces[0].byte_strides = {4};
  CHECK(problem(columns) == "internal.manifest");
  columns.shape = {0, 3};
  columns.stored.pieces[0].byte_strides = {kHuge, kHuge};
  CHECK(problem(columns) == "no error");
}

TEST_CASE("slices must be disjoint, inside the shape, and cover it") {
  const auto halves = [](Piece a, Piece b) {
    return problem(tensor(DType::uint8, {4, 2}, {std::move(a), std::move(b)}));
  };
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 4, {2, 0}, {2, 2})) == "no error");
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 4, {1, 0}, {2, 2})) == "corrupt.overlap");
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 2, {2, 0}, {1, 2})) == "corrupt.hole");
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 4, {3, 0}, {2, 2})) == "corrupt.slice");
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 4, {kHuge, 0}, {2, 2})) == "corrupt.slice");
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 4, {2, 0}, {kHuge, 2})) == "corrupt.slice");
  CHECK(halves(piece(0, 4, {0}, {4}), piece(4, 4, {2, 0}, {2, 2})) == "corrupt.slice");
  CHECK(halves(piece(0, 4, {0, 0}, {2, 2}), piece(4, 3, {2, 0}, {2, 2})) == "corrupt.size");
  CHECK(halves(piece(0, 8), piece(0, 8)) == "corrupt.overlap");
  CHECK(problem(tensor(DType::uint8, {4}, {})) == "corrupt.hole");
  CHECK(problem(tensor(DType::uint8, {}, {piece(0, 1), piece(0, 1)})) == "corrupt.overlap");
  // Two that overlap and one that is missing have the right sum.
  CHECK(problem(tensor(DType::uint8, {3},
                       {piece(0, 1, {0}, {1}), piece(0, 1, {0}, {1}), piece(0, 1, {2}, {1})})) ==
        "corrupt.overlap");
}

TEST_CASE("a problem of one slice says which") {
  Manifest manifest;
  manifest.tensors.push_back(
      tensor(DType::uint8, {4}, {piece(0, 2, {0}, {2}), piece(kFileBytes, 2, {2}, {2})}));
  check(manifest);
  CHECK(manifest.tensors[0].problem->message() == "slice 1: needs bytes 1000..1002, file has 1000");
  CHECK(manifest.tensors[0].problem->file() == "weights.bin");
}

TEST_CASE("an origin that does not suit the dtype is a bug of the reader") {
  CHECK(problem(tensor(DType::float32, {1}, {strings(4)})) == "internal.manifest");
  CHECK(problem(tensor(DType::string, {1}, {piece(0, 4)})) == "internal.manifest");
  CHECK(problem(tensor(DType::uint8, {1}, {{FileRange{nullptr, 0, 1}, {}, {}, {}, {}}})) ==
        "internal.manifest");
  Tensor summed = tensor(DType::uint8, {1}, {piece(0, 1)});
  summed.stored.pieces[0].checksum = Checksum{Checksum::Kind::crc32c, "abc"};
  CHECK(problem(summed) == "internal.manifest");
}

TEST_CASE("an unknown dtype is listed as unsupported, and a known problem is kept") {
  CHECK(problem(tensor(DType::unknown, {1}, {})) == "unsupported.dtype");
  Tensor damaged = tensor(DType::float32, {1}, {piece(0, 3)});
  damaged.problem = Error(ErrorCode::unsupported, "filter", "szip");
  CHECK(problem(damaged) == "unsupported.filter");
}

TEST_CASE("names may be any bytes up to 64 KiB") {
  Tensor named = tensor(DType::uint8, {1}, {piece(0, 1)});
  for (const std::string& name :
       {std::string(), std::string("\0\xff\n", 3), std::string(65536, 'n')}) {
    named.name = name;
    CHECK(problem(named) == "no error");
  }
  named.name = std::string(65537, 'n');
  CHECK(problem(named) == "corrupt.name");
}

TEST_CASE("a duplicate name refuses the file and gives both positions") {
  Manifest manifest;
  for (const char* name : {"a", "b", "c", "b"}) {
    manifest.tensors.push_back(tensor(DType::uint8, {1}, {piece(0, 1)}));
    manifest.tensors.back().name = name;
  }
  const auto error = error_of([&] { check(manifest); });
  REQUIRE(error);
  CHECK(error->id() == "corrupt.duplicate_name");
  CHECK(error->tensor() == "b");
  CHECK(error->message() == "the name stands twice, as tensors 1 and 3 of the file");
}

TEST_CASE("exceeded limits refuse the file, and the caller can raise them") {
  Manifest manifest;
  manifest.tensors.push_back(tensor(DType::uint8, Shape(256, 1), {piece(0, 1)}));
  CHECK(error_id([&] { check(manifest); }) == "unsafe.limit");
  Limits limits;
  limits.rank = 256;
  check(manifest, limits);
  CHECK(!manifest.tensors[0].problem);
  limits.tensors = 0;
  CHECK(error_id([&] { check(manifest, limits); }) == "unsafe.limit");
}

TEST_CASE("bytes of a tensor") {
  CHECK(tensor(DType::int4, {3}, {}).bytes() == 3);
  CHECK(tensor(DType::complex64, {2, 2}, {}).bytes() == 32);
  CHECK(tensor(DType::string, {1}, {strings(12)}).bytes() == 12);
  CHECK(tensor(DType::variant, {1}, {piece(0, 5)}).bytes() == 5);
  CHECK(tensor(DType::resource, {}, {}).bytes() == 0);
}

TEST_CASE("a missing tensor is refused with the nearest names") {
  Manifest manifest;
  for (const char* name : {"dense/kernel", "dense/bias", "out/kernel"}) {
    manifest.tensors.push_back(tensor(DType::uint8, {1}, {}));
    manifest.tensors.back().name = name;
  }
  CHECK(manifest.at("dense/bias").name == "dense/bias");
  CHECK(error_id([&] { manifest.at("x"); }) == "usage.no_such_tensor");
  CHECK(error_message([&] { manifest.at("dense/kernal"); }) ==
        "there is no tensor \"dense/kernal\"; did you mean dense/kernel?");
  CHECK(error_message([&] { manifest.at("kernel"); }) ==
        "there is no tensor \"kernel\"; did you mean dense/kernel, out/kernel?");
  CHECK(error_message([&] { manifest.at(""); }) == "there is no tensor \"\"");
}
