#include <doctest/doctest.h>

#include <random>

#include "error_id.h"
#include "hdf5/datatype_message.h"
#include "hdf5/datatypes.h"
#include "hdf5/encoding.h"
#include "hdf5/lzf.h"
#include "hdf5/stored_types.h"
#include "random_bytes.h"
#include "tensorferry/tensorferry.h"

using namespace tensorferry;

namespace {

std::string number(std::uint64_t value, std::size_t bytes) {
  std::string text;
  for (std::size_t i = 0; i < bytes; ++i) text += static_cast<char>(value >> 8 * i);
  return text;
}

std::string front(unsigned version, unsigned kind, unsigned flags, std::uint64_t bytes) {
  return number(version << 4 | kind, 1) + number(flags, 3) + number(bytes, 4);
}

std::string integer(unsigned bytes, unsigned flags = 0) {
  return front(1, 0, flags, bytes) + number(0, 2) + number(8 * bytes, 2);
}

std::string array(unsigned version, const std::string& part, std::uint64_t bytes, Shape extents) {
  std::string text = front(version, 10, 0, bytes) + number(extents.size(), 1);
  if (version < 3) text += number(0, 3);
  for (const std::uint64_t extent : extents) text += number(extent, 4);
  if (version < 3) text += std::string(4 * extents.size(), '\0');
  return text + part;
}

std::string outcome(const std::string& message) {
  return error_id([&] { hdf5::stored_type(hdf5::parse_datatype(message)); });
}

}  // namespace

TEST_CASE("hdf5: every type that is written is the one that is read") {
  for (const DTypeInfo& row : all_dtypes()) {
    const auto encoding = hdf5::encoding_of(row.dtype);
    if (!encoding || encoding->dtype == DType::string) continue;
    const auto message = hdf5::element_datatype(encoding->dtype);
    const auto stored = hdf5::stored_type(hdf5::parse_datatype(message));
    CHECK(stored.dtype == encoding->dtype);
    CHECK(stored.bytes == info(encoding->dtype).bytes);
    CHECK(hdf5::parse_datatype(message).end == message.size());
  }
}

TEST_CASE("hdf5: array types of every version, one in another") {
  for (const unsigned version : {2u, 3u, 4u, 5u}) {
    const std::string inner = array(version, integer(2, 8), 12, {3, 2});
    const auto stored = hdf5::stored_type(hdf5::parse_datatype(array(version, inner, 48, {4})));
    CHECK(stored.dtype == DType::int16);
    CHECK(stored.extents == Shape{4, 3, 2});
  }
  CHECK(outcome(array(3, integer(2), 7, {3})) == "corrupt.hdf5_header");
  CHECK(outcome(array(3, integer(2), 0, {0})) == "corrupt.hdf5_header");
  CHECK(outcome(array(3, integer(1), 1, Shape(32, 0xffffffff))).starts_with("corrupt."));
}

TEST_CASE("hdf5: types that are not known are unsupported, malformed ones corrupt") {
  CHECK(outcome(front(6, 0, 0, 4) + number(0, 2) + number(32, 2)) == "unsupported.hdf5_version");
  CHECK(outcome(front(1, 12, 0, 4)) == "unsupported.hdf5_version");
  CHECK(outcome(front(0, 0, 0, 4)) == "corrupt.hdf5_header");
  CHECK(outcome(front(1, 0, 0, 4) + number(1, 2) + number(32, 2)) == "corrupt.hdf5_header");
  CHECK(outcome(front(1, 0, 0, 4) + number(4, 2) + number(16, 2)) == "unsupported.dtype");
  CHECK(outcome(front(1, 7, 0, 8)) == "unsupported.dtype");
  CHECK(outcome(front(1, 3, 3, 8)) == "unsupported.dtype");
  CHECK(outcome(front(3, 6, 0, 8)) == "corrupt.hdf5_header");
  std::string deep = integer(1);
  for (int i = 0; i < 40; ++i) deep = array(3, deep, 1, {1});
  CHECK(outcome(deep) == "corrupt.hdf5_header");
}

TEST_CASE("hdf5: every cut and many changes of a type end in a type or in an error") {
  std::mt19937 random(3);
  for (const DType dtype : {DType::boolean, DType::complex64, DType::longdouble}) {
    const std::string whole(
        array(3, std::string(hdf5::element_datatype(dtype)), 6 * info(dtype).bytes, {2, 3}));
    CHECK(outcome(whole) == "no error");
    for (std::size_t size = 0; size < whole.size(); ++size)
      CHECK(outcome(whole.substr(0, size)) == "corrupt.hdf5_header");
    for (int i = 0; i < 20'000; ++i) {
      std::string changed = whole;
      for (auto n = 1 + random() % 3; n > 0; --n)
        changed[random() % changed.size()] = static_cast<char>(random());
      const std::string id = outcome(changed);
      const bool told =
          id == "no error" || id.starts_with("corrupt.") || id.starts_with("unsupported.");
      if (!told) FAIL_CHECK(id);
    }
  }
}

TEST_CASE("hdf5: any bytes as a stream of lzf stay within the bounds") {
  for (unsigned seed = 0; seed < 2000; ++seed) {
    const Bytes stream = random_bytes(seed % 97, seed);
    std::size_t size = 0;
    const std::string id = error_id([&] { size = hdf5::lzf_decompressed(stream, 300).size(); });
    CHECK(size <= 300);
    if (id != "no error" && id != "corrupt.lzf" && id != "corrupt.size") FAIL_CHECK(id);
  }
}
