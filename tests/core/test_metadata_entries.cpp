#include <doctest/doctest.h>

#include "core/carriers.h"
#include "tensorferry/stream.h"
#include "util/metadata_entries.h"

using namespace tensorferry;

namespace {

Tensor stored(std::string name, DType dtype, Shape shape) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = dtype;
  tensor.shape = std::move(shape);
  std::vector<std::byte> bytes(tensor.bytes());
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i + 1);
  const std::uint64_t length = bytes.size();
  Piece piece;
  piece.origin = FileRange{memory_file("bytes", std::move(bytes)), 0, length};
  tensor.stored.pieces.push_back(std::move(piece));
  return tensor;
}

StoredAs as(std::vector<std::string> names) {
  return {"a test",
          [](DType dtype) -> std::optional<Encoding> {
            if (dtype == DType::qint8) return Encoding{DType::int8, Carrier::bits};
            if (dtype == DType::int4) return Encoding{DType::int8, Carrier::sign_extended};
            if (dtype == DType::complex64) return Encoding{DType::float32, Carrier::last2};
            if (dtype == DType::longdouble) return Encoding{DType::uint8, Carrier::last16};
            return Encoding{dtype};
          },
          [names = std::move(names)](std::size_t i) -> std::string_view { return names.at(i); }};
}

}  // namespace

TEST_CASE("what is carried, renamed or has attributes comes back as it was") {
  Manifest wanted;
  wanted.attributes = {{"producer", std::string("x")},
                       {"steps", std::int64_t{7}},
                       {"raw", std::string("\xff\0", 2)}};
  wanted.tensors = {stored("q", DType::qint8, {2}), stored("\xff", DType::float32, {}),
                    stored("i", DType::int4, {3}), stored("c", DType::complex64, {2, 2}),
                    stored("l", DType::longdouble, {1})};
  wanted.tensors[1].attributes["trainable"] = true;
  const MetadataEntries entries = metadata_entries(wanted, as({"q", "%FF", "i", "c", "l"}));

  Manifest found;
  found.tensors = {stored("q", DType::int8, {2}), stored("%FF", DType::float32, {}),
                   stored("i", DType::int8, {3}), stored("c", DType::float32, {2, 2, 2}),
                   stored("l", DType::uint8, {1, 16})};
  const Manifest back = apply_metadata(std::move(found), entries, {});
  CHECK(back.notes.empty());
  CHECK(back.attributes == wanted.attributes);
  REQUIRE(back.tensors.size() == wanted.tensors.size());
  for (std::size_t i = 0; i < back.tensors.size(); ++i) {
    CAPTURE(i);
    CHECK(back.tensors[i].name == wanted.tensors[i].name);
    CHECK(back.tensors[i].dtype == wanted.tensors[i].dtype);
    CHECK(back.tensors[i].shape == wanted.tensors[i].shape);
    CHECK(back.tensors[i].attributes == wanted.tensors[i].attributes);
    CHECK(load_bytes(back.tensors[i]).size() == wanted.tensors[i].bytes());
  }
}

TEST_CASE("a tag that does not fit leaves the tensor as it is stored, and is noted") {
  const std::string tags[] = {
      R"({"w": {"dtype": "qint8", "carrier": "bits", "shape": [2]}})",
      R"({"w": {"dtype": "float32", "carrier": "bits", "shape": [3]}})",
      R"({"w": {"dtype": "nonsense", "carrier": "bits", "shape": [2, 2]}})",
      R"({"w": {"dtype": "qint8", "carrier": 3, "shape": [2, 2]}})",
      R"({"w": {"dtype": "qint8"}})",
      R"({"w": {"attributes": {"a": []}}})",
      R"({"w": {"name_base64": "x"}})",
      R"({"w": )",
      R"({"w": {"name_base64": "dg=="}})",  // "v", which is there
  };
  for (const std::string& tag : tags) {
    CAPTURE(tag);
    Manifest found;
    found.tensors = {stored("w", DType::int8, {2, 2}), stored("v", DType::int8, {})};
    const Manifest back = apply_metadata(std::move(found), {{"tensorferry.tensors", tag}}, {});
    CHECK(back.notes.size() == 1);
    CHECK(back.tensors[0].name == "w");
    CHECK(back.tensors[0].dtype == DType::int8);
    CHECK(back.tensors[0].shape == Shape{2, 2});
  }
}

TEST_CASE(
    "an entry of a tensor that is gone, and keys that a later version may use, are passed over") {
  Manifest found;
  found.tensors = {stored("w", DType::int8, {2})};
  const Manifest back = apply_metadata(
      std::move(found),
      {{"tensorferry.tensors", R"({"gone": {"name_base64": "dg=="}})"}, {"tensorferry.later", "?"}},
      {});
  CHECK(back.notes.empty());
  CHECK(back.attributes.empty());
}

TEST_CASE("two parts of an element that lie apart are not one element") {
  Tensor tensor = stored("c", DType::float32, {2, 2});
  tensor.stored.pieces[0].byte_strides = {4, 8};
  CHECK(restore_carried(tensor, {DType::complex64, Carrier::last2, {2}}) != "");
  CHECK(tensor.dtype == DType::float32);
  tensor.stored.pieces[0].byte_strides = {8, 4};
  CHECK(restore_carried(tensor, {DType::complex64, Carrier::last2, {2}}) == "");
  CHECK(tensor.dtype == DType::complex64);
}
