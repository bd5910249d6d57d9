#include <doctest/doctest.h>

#include <string>
#include <string_view>

#include "error_id.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"

using namespace tensorferry;

namespace {

std::string file_of(std::string_view text, int major = 1, int minor = 0) {
  std::string bytes(npy_magic);
  bytes += static_cast<char>(major);
  bytes += static_cast<char>(minor);
  for (int i = 0; i < (major == 1 ? 2 : 4); ++i)
    bytes += static_cast<char>(text.size() >> (8 * i) & 255);
  return bytes + std::string(text);
}

NpyHeader parse(std::string_view text, int major = 1) {
  const std::string bytes = file_of(text, major) + "elements";
  return read_npy_header(*memory_file("a.npy", bytes), 0, bytes.size());
}

std::string id_of(std::string_view text, int major = 1) {
  return error_id([&] { parse(text, major); });
}

}  // namespace

TEST_CASE("headers that np.load accepts, each of the shape (2, 3)") {
  const std::string_view table[] = {
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }      \n",
      "{'shape': (2, 3), 'fortran_order': False, 'descr': '<f4'}",
      "{\"descr\": \"<f4\", \"fortran_order\": False, \"shape\": (2, 3)}",
      "{u'descr': u'<f4', u'fortran_order': False, u'shape': (2L, 3L)}",
      "\n\n  {'descr': '<f4',\n 'fortran_order': False,\n\t'shape': (2,\n3,)}\n\n",
      "{'des' 'cr': '<' \"f4\", 'fortran_order': False, 'shape': (2, 3)}",
      "{'\\x64escr': '\\074f4', 'fortran_order': False, 'shap\\u0065': (2, 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} # dtype=bfloat16",
      "{'descr': '<f4', 'fortran_order': False, # order\n 'shape': (2, 3)}",
      "{'descr': ('<f4'), 'fortran_order': False, 'shape': ((2, 3))}",
      "{'descr': r'<f4', 'fortran_order': False, 'shape': (0x2, +3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2, \\\n3)}",
  };
  for (std::string_view text : table) {
    CAPTURE(text);
    const NpyHeader header = parse(text);
    CHECK(header.descr == "<f4");
    CHECK_FALSE(header.column_major);
    CHECK_FALSE(header.key_twice);
    CHECK(header.shape == Shape{2, 3});
    CHECK(header.bytes == file_of(text));
  }
  CHECK(parse("{'descr': '<f4', 'fortran_order': True, 'shape': ()}").column_major);
  CHECK(parse("{'descr': '<f4', 'fortran_order': False, 'shape': ()}").shape.empty());
  CHECK(parse("{'descr': '<f4', 'fortran_order': False, 'shape': (0b1, 1_0)}").shape ==
        Shape{1, 10});
  CHECK(parse("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}").record);
}

TEST_CASE("a key that stands twice counts as it stands last") {
  const NpyHeader header = parse(
      "{'descr': '<f8', 'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'shape': (3,)}");
  CHECK(header.descr == "<f4");
  CHECK(header.shape == Shape{3});
  CHECK(header.key_twice);
}

TEST_CASE("headers that np.load refuses are corrupt") {
  const std::string_view table[] = {
      "",
      "{",
      "{}",
      "[]",
      "{'descr': '<f4', 'fortran_order': False}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'extra': 1}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': [2]}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (6)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': 6}",
      "{'descr': '<f4', 'fortran_order': 0, 'shape': (6,)}",
      "{'descr': '<f4', 'fortran_order': 'False', 'shape': (6,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (True,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}\\\n",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1.0,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1e3,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2**3,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2*3,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (010,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (1__0,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (0x,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (3l,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2 3)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (np.int64(1),)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': "
      "(340282366920938463463374607431768211456,)}",
      "{'descr': b'<f4', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4' b'', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': 4, 'fortran_order': False, 'shape': (2,)}",
      "{'descr': None, 'fortran_order': False, 'shape': (2,)}",
      "{'descr': f'<f4', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4, 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4\n', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '\\x4', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)} x",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}{}",
      "{'descr': __import__('os'), 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4' if True else '', 'fortran_order': False, 'shape': (2,)}",
      "{'descr': '<f4', 1: False, 'shape': (2,)}",
      "{'descr', 'fortran_order', 'shape'}",
      "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)",
  };
  for (std::string_view text : table) {
    CAPTURE(text);
    CHECK(id_of(text).starts_with("corrupt."));
  }
  CHECK(id_of(std::string("{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}\0", 56)) ==
        "corrupt.npy_header");
  const std::string deep(10'000, '(');
  CHECK(id_of("{'descr': '<f4', 'fortran_order': False, 'shape': " + deep) == "corrupt.literal");
  CHECK(id_of(std::string(60'000, '[')) == "corrupt.literal");
}

TEST_CASE("versions 2 and 3 have a longer length, and only version 3 is UTF-8 without Python 2") {
  const std::string_view text = "{'descr': '<f4', 'fortran_order': False, 'shape': (2L,)}";
  CHECK(parse(text, 1).shape == Shape{2});
  CHECK(parse(text, 2).shape == Shape{2});
  CHECK(id_of(text, 3) == "corrupt.literal");
  const std::string_view plain = "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)}";
  CHECK(parse(plain, 3).shape == Shape{2});
  const std::string latin = std::string(plain) + " # \xe9";
  CHECK(parse(latin, 1).shape == Shape{2});
  CHECK(id_of(latin, 3) == "corrupt.npy_header");
  const std::string_view record =
      "{'descr': [('\xc3\xa9', '<f4')], 'fortran_order': False, 'shape': (2,)}";
  CHECK(parse(record, 3).record);
}

TEST_CASE("what is no .npy, of another version, cut or too long") {
  const auto id = [](const std::string& bytes) {
    return error_id([&] { read_npy_header(*memory_file("a", bytes), 0, bytes.size()); });
  };
  CHECK(id("PK\3\4 and so on, long enough") == "corrupt.npy_magic");
  for (const int major : {0, 4, 255})
    CHECK(id(file_of("{}", major) + "xxxx") == "unsupported.npy_version");
  CHECK(id(file_of("{}", 1, 1) + "xxxx") == "unsupported.npy_version");
  CHECK(id(std::string("\x93NUMPY\x02\x00\xF0\xFF\xFF\xFF", 12)) == "unsafe.limit");
  CHECK(id(std::string("\x93NUMPY\x02\x00\xF0\xFF\x00\x00", 12)) == "corrupt.truncated");
  const std::string whole = npy_header("<f4", {2, 3});
  for (std::size_t n = 0; n < whole.size(); ++n)
    CHECK(id(whole.substr(0, n)) == "corrupt.truncated");
  CHECK(id(whole) == "no error");
  // Longer than one read.
  const std::string large =
      std::string(70'000, ' ') + "{'descr': '<f4', 'fortran_order': False, 'shape': (7,)}";
  CHECK(parse(large, 2).shape == Shape{7});
}

TEST_CASE("descrs and words of np.dtype") {
  const std::tuple<std::string_view, DType, bool> table[] = {
      {"|b1", DType::boolean, false},     {"?", DType::boolean, false},
      {"bool", DType::boolean, false},    {"|i1", DType::int8, false},
      {"<i2", DType::int16, false},       {">i4", DType::int32, true},
      {"=i8", DType::int64, false},       {"|u1", DType::uint8, false},
      {"u2", DType::uint16, false},       {">u8", DType::uint64, true},
      {"<f2", DType::float16, false},     {"|f4", DType::float32, false},
      {">f8", DType::float64, true},      {"<f16", DType::longdouble, false},
      {"<c8", DType::complex64, false},   {">c16", DType::complex128, true},
      {"<f1", DType::float8_e5m2, false}, {"float32", DType::float32, false},
      {"d", DType::float64, false},       {">d", DType::float64, true},
      {"b", DType::int8, false},          {"g", DType::longdouble, false},
      {"half", DType::float16, false},    {"longlong", DType::int64, false},
  };
  for (const auto& [text, dtype, big] : table) {
    CAPTURE(text);
    const NpyType type = parse_npy_descr(text);
    CHECK(type.kind == NpyType::Kind::number);
    CHECK(type.dtype == dtype);
    CHECK(type.big_endian == big);
    CHECK(type.width == info(dtype).bytes);
  }
  CHECK(parse_npy_descr("|S12").kind == NpyType::Kind::text);
  CHECK(parse_npy_descr("|S12").width == 12);
  CHECK(parse_npy_descr("S").width == 0);
  CHECK(parse_npy_descr(">U12").kind == NpyType::Kind::wide_text);
  CHECK(parse_npy_descr(">U12").width == 48);
  CHECK(parse_npy_descr(">U12").big_endian);
  CHECK(parse_npy_descr("bfloat16").dtype == DType::bfloat16);
  CHECK(parse_npy_descr("int4").width == 1);
  CHECK(parse_npy_descr("<V2").kind == NpyType::Kind::opaque);
  CHECK(parse_npy_descr(">V2").big_endian == false);
  CHECK(parse_npy_descr("|V1").width == 1);
  for (std::string_view text : {"|O", "O", "O8", "object"}) {
    CHECK(error_id([&] { parse_npy_descr(text); }) == "unsupported.pickle");
  }
  for (std::string_view text :
       {"",     "<",   "<Ux", "<M8[ns]", "m8",     "<c32", "<W4", "<g2",
        "<i16", "<i3", "<f3", "f4,i4",   "(2,)f4", "2f4",  "l",   ">L",
        "int",  "p",   "foo", "<f4 ",    " <f4",   "<f-4", "S-1", "<f99999999999999999999",
        "|T16"}) {
    CAPTURE(text);
    CHECK(error_id([&] { parse_npy_descr(text); }) == "unsupported.dtype");
  }
}
