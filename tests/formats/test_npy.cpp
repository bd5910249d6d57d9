#include <doctest/doctest.h>

#include <map>
#include <string>

#include "core/strings.h"
#include "formats/layout_in_memory.h"
#include "npy/npy.h"
#include "raw/raw.h"
#include "util/manifest_json.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"

using namespace tensorferry;

namespace {

Layout lay_out(const Manifest& manifest, const std::string& leaf, bool directory = false) {
  return make_npy_format().writer->lay_out(manifest, {leaf, directory}, {});
}

std::string header_text(const std::string& header) {
  return header.substr(10, header.find('}') - 9);
}

}  // namespace

TEST_CASE("headers are those that numpy 2.4 writes") {
  // Sizes from numpy.lib.format.write_array_header_1_0 of numpy 2.4.
  const struct {
    std::string_view descr;
    Shape shape;
    std::size_t size;
    std::string_view text;
  } rows[] = {
      {"<f4", {}, 128, "{'descr': '<f4', 'fortran_order': False, 'shape': (), }"},
      {"<f4", {3}, 128, "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }"},
      {"|b1", {2, 3}, 128, "{'descr': '|b1', 'fortran_order': False, 'shape': (2, 3), }"},
      {"<c16", {0}, 128, "{'descr': '<c16', 'fortran_order': False, 'shape': (0,), }"},
      {"<f4",
       {1234567890, 0},
       128,
       "{'descr': '<f4', 'fortran_order': False, 'shape': (1234567890, 0), }"},
      {"<f4", Shape(64, 1), 320, ""},
      // The text alone is aligned: numpy adds a whole row of blanks.
      {"<f4", Shape(36, 2), 256, ""},
  };
  for (const auto& row : rows) {
    const std::string header = npy_header(row.descr, row.shape);
    CAPTURE(header);
    CHECK(header.size() == row.size);
    CHECK(header.substr(0, 8) == std::string("\x93NUMPY\x01\x00", 8));
    CHECK(static_cast<unsigned char>(header[8]) + 256u * static_cast<unsigned char>(header[9]) ==
          row.size - 10);
    CHECK(header.back() == '\n');
    if (!row.text.empty()) CHECK(header_text(header) == row.text);
    const std::size_t end = header.find('}') + 1;
    CHECK(header.find_first_not_of(' ', end) == header.size() - 1);
  }
}

TEST_CASE("each dtype has the descr and the carrier of the table in the README") {
  const struct {
    DType dtype;
    std::string_view descr;
    Carrier carrier;
  } rows[] = {
      {DType::boolean, "|b1", Carrier::native},      {DType::int2, "|i1", Carrier::sign_extended},
      {DType::int4, "|i1", Carrier::sign_extended},  {DType::int64, "<i8", Carrier::native},
      {DType::uint4, "|u1", Carrier::codes},         {DType::uint16, "<u2", Carrier::native},
      {DType::float4_e2m1fn, "|V1", Carrier::codes}, {DType::float6_e3m2fn, "|V1", Carrier::codes},
      {DType::float8_e5m2, "|V1", Carrier::codes},   {DType::float16, "<f2", Carrier::native},
      {DType::bfloat16, "<V2", Carrier::bits},       {DType::longdouble, "<f16", Carrier::native},
      {DType::complex128, "<c16", Carrier::native},  {DType::qint8, "|i1", Carrier::bits},
      {DType::quint16, "<u2", Carrier::bits},        {DType::qint32, "<i4", Carrier::bits},
      {DType::string, "", Carrier::string_pair},
  };
  const auto writer = make_npy_format().writer;
  for (const auto& row : rows) {
    CAPTURE(to_string(row.dtype));
    CHECK(npy_descr(row.dtype) == row.descr);
    CHECK(writer->encoding(row.dtype)->carrier == row.carrier);
  }
  for (const DTypeInfo& row : all_dtypes()) {
    CHECK(writer->encoding(row.dtype).has_value() == (row.kind != DTypeKind::opaque));
  }
}

TEST_CASE("one tensor becomes one file of header and elements") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("w", DType::uint8, {2}, "ab"));
  const auto files = carry_out(lay_out(manifest, "w.npy"), manifest);
  REQUIRE(files.size() == 1);
  CHECK(files.at("") == npy_header("|u1", {2}) + "ab");
  CHECK(lay_out(manifest, "w.npy").notes.empty());
}

TEST_CASE("a single file of a type that numpy lacks comes with a note") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("w", DType::bfloat16, {1}, "ab"));
  const Layout layout = lay_out(manifest, "w.npy");
  REQUIRE(layout.notes.size() == 1);
  CHECK(layout.notes[0].id == "npy.no_tag");
}

TEST_CASE("any other number of tensors in one file is a usage error that names the folder form") {
  Manifest manifest;
  CHECK(thrown_by([&] { lay_out(manifest, "w.npy"); }) == "usage.single_file");
  manifest.tensors = {tensor_of("a", DType::uint8, {0}, ""), tensor_of("b", DType::uint8, {0}, "")};
  CHECK_THROWS_WITH_AS(lay_out(manifest, "w.npy"), doctest::Contains("(FOLDER/ --to npy)"), Error);
  CHECK(lay_out(manifest, "w.npy", true).directory);
  CHECK(lay_out(manifest, "w").directory);
  CHECK(lay_out({}, "w").files.size() == 1);
}

TEST_CASE("a folder reads back through its manifest: carriers, strings, names") {
  Manifest manifest;
  manifest.attributes = {{"k", 1.5}};
  manifest.tensors.push_back(tensor_of("layer/kernel:0", DType::float32, {1, 2}, "12345678"));
  manifest.tensors.push_back(tensor_of("LAYER/kernel:0", DType::bfloat16, {}, "ab"));
  manifest.tensors.push_back(tensor_of("i4", DType::int4, {3}, "\x08\x0f\x07"));
  manifest.tensors.push_back(tensor_of("\xff", DType::float8_e5m2, {2, 0}, ""));
  manifest.tensors.push_back(strings_of("words", {1, 2}, {"a", "bc"}));
  const Manifest split = split_strings(manifest);
  const auto files = carry_out(lay_out(split, "out"), split);
  CHECK(files.size() == 7);
  CHECK(files.count("%4C%41%59%45%52%2Fkernel%3A0.npy") == 1);
  CHECK(files.at("i4.npy") == npy_header("|i1", {3}) + "\xf8\xff\x07");

  for (const Format& format : {make_raw_format(), make_npy_format()}) {
    CAPTURE(format.name);
    Manifest read = format.reader->read(Input::memory("", files), {}, {});
    check(read);
    CHECK(read.notes.empty());
    CHECK(read.attributes == manifest.attributes);
    REQUIRE(read.tensors.size() == manifest.tensors.size());
    for (std::size_t i = 0; i < read.tensors.size(); ++i) {
      const Tensor& got = read.tensors[i];
      const Tensor& want = manifest.tensors[i];
      CAPTURE(want.name);
      REQUIRE_FALSE(got.problem);
      CHECK(got.name == want.name);
      CHECK(got.dtype == want.dtype);
      CHECK(got.shape == want.shape);
      CHECK(got.attributes == want.attributes);
      if (got.dtype == DType::string) {
        CHECK(load_strings(got) == load_strings(want));
      } else {
        CHECK(text_of(got) == text_of(want));
      }
    }
  }
}

TEST_CASE("a file that is not what the manifest says is a problem of its tensor") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("a", DType::int4, {1}, "\x01"));
  manifest.tensors.push_back(tensor_of("b", DType::uint8, {1}, "b"));
  auto files = carry_out(lay_out(manifest, "out"), manifest);
  std::swap(files.at("a.npy"), files.at("b.npy"));
  for (const Tensor& tensor :
       make_npy_format().reader->read(Input::memory("", files), {}, {}).tensors) {
    CHECK(tensor.problem->id() == "corrupt.manifest");
  }
  files.erase("a.npy");
  const Manifest read = make_npy_format().reader->read(Input::memory("", files), {}, {});
  CHECK(read.tensors.at(0).problem->id() == "input.missing");
}

TEST_CASE("ranks above numpy's and types without a descr are refused, listing all") {
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("fits", DType::uint8, Shape(64, 1), "x"));
  CHECK(lay_out(manifest, "out").files.size() == 2);
  manifest.tensors.push_back(tensor_of("deep", DType::uint8, Shape(65, 1), "x"));
  manifest.tensors.push_back(tensor_of("deeper", DType::uint8, Shape(66, 1), "x"));
  CHECK_THROWS_WITH_AS(lay_out(manifest, "out"),
                       doctest::Contains("deep (rank 65), deeper (rank 66)"), Error);
  CHECK(thrown_by([&] { lay_out(manifest, "out"); }) == "unsupported.rank");
  manifest.tensors.push_back(tensor_of("handle", DType::resource, {}, ""));
  CHECK(thrown_by([&] { lay_out(manifest, "out"); }) == "unsupported.dtype");
}
