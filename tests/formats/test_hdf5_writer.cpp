// What the writer makes is read back with HDF5's own C++ API.
#include <doctest/doctest.h>

#include "layout_in_memory.h"
#include "temp_folder.h"
#include "tensorferry/convert.h"

#if __has_include(<H5Cpp.h>)
#include <H5Cpp.h>

using namespace tensorferry;
using namespace std::string_literals;
using WriteOptions = std::map<std::string, std::string>;

namespace {

const Writer& writer() { return *Registry::global().at("hdf5").writer; }

Layout lay_out(const Manifest& manifest, const WriteOptions& options = {}) {
  const auto& specs = Registry::global().at("hdf5").write_options;
  return writer().lay_out(manifest, {"x.h5", false}, Options(specs, options));
}

std::filesystem::path write(const TempFolder& folder, Manifest manifest,
                            const WriteOptions& options = {}) {
  std::filesystem::path path = folder / "x.h5";
  RunOptions run;
  run.overwrite = true;
  run.sync = false;
  ConversionPlan::make(std::move(manifest), Registry::global().at("hdf5"), path, options).run(run);
  return path;
}

// Every bit pattern that the dtype has, in some order.
std::string noise(DType dtype, std::uint64_t elements) {
  const DTypeInfo& row = info(dtype);
  std::string bytes;
  std::uint32_t state = 1;
  for (std::uint64_t i = 0; i < elements * row.bytes; ++i) {
    state = state * 1664525 + 1013904223;
    const bool padding = dtype == DType::longdouble && i % 16 >= 10;
    const unsigned bits = row.bits < 8 ? row.bits : 8;
    bytes += padding ? '\0' : static_cast<char>(state >> 24 & ((1u << bits) - 1));
  }
  return bytes;
}

std::string dataset_bytes(const H5::DataSet& dataset) {
  const H5::DataType type = dataset.getDataType();
  const auto count = static_cast<std::size_t>(dataset.getSpace().getSimpleExtentNpoints());
  std::string bytes(count * type.getSize(), '\0');
  if (count != 0) dataset.read(bytes.data(), type);
  return bytes;
}

std::string text_attribute(const H5::H5Object& object, const std::string& name) {
  if (!object.attrExists(name)) return "(none)";
  const H5::Attribute attribute = object.openAttribute(name);
  std::string text;
  attribute.read(attribute.getDataType(), text);
  return text;
}

// The raw rows of a dataset of variable-length bytes.
std::vector<std::string> rows_of(const H5::DataSet& dataset) {
  const H5::DataType type = dataset.getDataType();
  const H5::DataSpace space = dataset.getSpace();
  std::vector<hvl_t> rows(static_cast<std::size_t>(space.getSimpleExtentNpoints()));
  dataset.read(rows.data(), type);
  std::vector<std::string> result;
  result.reserve(rows.size());
  for (const hvl_t& row : rows) result.emplace_back(static_cast<const char*>(row.p), row.len);
  H5Dvlen_reclaim(type.getId(), space.getId(), H5P_DEFAULT, rows.data());
  return result;
}

std::vector<DType> written_dtypes() {
  std::vector<DType> dtypes;
  for (const DTypeInfo& row : all_dtypes()) {
    if (is_fixed_size(row.dtype)) dtypes.push_back(row.dtype);
  }
  return dtypes;
}

}  // namespace

TEST_CASE("hdf5: every dtype and shape is written bit for bit, plain and compressed") {
  const TempFolder folder;
  Manifest manifest;
  for (DType dtype : written_dtypes()) {
    for (const Shape& shape :
         {Shape{}, Shape{0}, Shape{3, 0, 2}, Shape{7}, Shape{3, 5, 7}, Shape{5, 1021}}) {
      manifest.tensors.push_back(tensor_of(std::string(to_string(dtype)) + "/" + to_string(shape),
                                           dtype, shape, noise(dtype, element_count(shape))));
    }
  }
  for (const WriteOptions& options :
       {WriteOptions{}, WriteOptions{{"compression", "gzip"}, {"chunk", "1K"}},
        WriteOptions{{"compression", "gzip"}, {"level", "0"}, {"shuffle", "false"}}}) {
    const H5::H5File file(write(folder, manifest, options).string(), H5F_ACC_RDONLY);
    for (const Tensor& tensor : manifest.tensors) {
      CAPTURE(tensor.name);
      const H5::DataSet dataset = file.openDataSet(tensor.name);
      const Slot slot{.codec = writer().encoding(tensor.dtype)->codec};
      CHECK(dataset_bytes(dataset) == slot_bytes(slot, tensor));
      Shape shape(static_cast<std::size_t>(dataset.getSpace().getSimpleExtentNdims()));
      static_assert(sizeof(hsize_t) == sizeof(std::uint64_t));
      std::vector<hsize_t> extents(shape.size());
      dataset.getSpace().getSimpleExtentDims(extents.data());
      std::copy(extents.begin(), extents.end(), shape.begin());
      CHECK(shape == tensor.shape);
      const bool native = writer().encoding(tensor.dtype)->carrier == Carrier::native;
      CHECK(text_attribute(dataset, "tensorferry_dtype") ==
            (native ? "(none)" : to_string(tensor.dtype)));
      const H5::DSetCreatPropList creation = dataset.getCreatePlist();
      const bool chunked = !options.empty() && !tensor.shape.empty() && tensor.elements() != 0;
      CHECK((creation.getLayout() == H5D_CHUNKED) == chunked);
    }
  }
}

TEST_CASE(
    "hdf5: values of float types without a name in the library are what the library converts them "
    "to") {
  const TempFolder folder;
  Manifest manifest;
  manifest.tensors = {tensor_of("b", DType::bfloat16, {2}, "\x80\x3f\x20\xc1"s),  // 1, -10
                      tensor_of("h", DType::float16, {2}, "\x00\x3c\x00\xc9"s),   // 1, -10
                      tensor_of("q", DType::float8_e5m2, {2}, "\x3c\xc9"s)};      // 1, -10
  const H5::H5File file(write(folder, manifest).string(), H5F_ACC_RDONLY);
  for (const char* name : {"b", "h", "q"}) {
    float values[2] = {};
    file.openDataSet(name).read(values, H5::PredType::NATIVE_FLOAT);
    CHECK(values[0] == 1.0f);
    CHECK(values[1] == -10.0f);
  }
}

TEST_CASE("hdf5: bool is h5py's enumeration, complex its pair, long double the machine's") {
  const TempFolder folder;
  Manifest manifest;
  for (DType dtype : {DType::boolean, DType::complex64, DType::longdouble}) {
    manifest.tensors.push_back(
        tensor_of(std::string(to_string(dtype)), dtype, {1}, noise(dtype, 1)));
  }
  const H5::H5File file(write(folder, manifest).string(), H5F_ACC_RDONLY);
  const H5::EnumType boolean = file.openDataSet("bool").getEnumType();
  REQUIRE(boolean.getNmembers() == 2);
  std::int8_t value = -1;
  CHECK(boolean.getMemberIndex("FALSE") == 0);
  boolean.getMemberValue(0, &value);
  CHECK(value == 0);
  boolean.getMemberValue(1, &value);
  CHECK(value == 1);
  const H5::CompType complex = file.openDataSet("complex64").getCompType();
  CHECK(complex.getMemberIndex("r") == 0);
  CHECK(complex.getMemberOffset(1) == 4);
  CHECK(complex.getMemberFloatType(1) == H5::PredType::IEEE_F32LE);
#if defined(__x86_64__)
  CHECK(file.openDataSet("longdouble").getDataType() == H5::PredType::NATIVE_LDOUBLE);
#endif
}

TEST_CASE("hdf5: strings are text where they can be, and else rows of bytes with a tag") {
  const TempFolder folder;
  Manifest manifest;
  manifest.tensors = {strings_of("text", {3}, {"a", "", "h\xc3\xa9"}),
                      strings_of("nul", {2, 1}, {"a\0b"s, ""}), strings_of("bytes", {}, {"\xff"}),
                      strings_of("none", {0, 2}, {})};
  const H5::H5File file(write(folder, manifest, {{"compression", "gzip"}}).string(),
                        H5F_ACC_RDONLY);
  const H5::DataSet text = file.openDataSet("text");
  CHECK(text.getStrType().getCset() == H5T_CSET_UTF8);
  CHECK(text_attribute(text, "tensorferry_dtype") == "(none)");
  char* values[3] = {};
  text.read(values, text.getDataType());
  CHECK(std::string(values[0]) == "a");
  CHECK(std::string(values[1] != nullptr ? values[1] : "") == "");
  CHECK(std::string(values[2]) == "h\xc3\xa9");
  H5Dvlen_reclaim(text.getDataType().getId(), text.getSpace().getId(), H5P_DEFAULT, values);
  CHECK(rows_of(file.openDataSet("nul")) == std::vector<std::string>{"a\0b"s, ""});
  CHECK(rows_of(file.openDataSet("bytes")) == std::vector<std::string>{"\xff"});
  CHECK(text_attribute(file.openDataSet("nul"), "tensorferry_dtype") == "string");
  CHECK(file.openDataSet("none").getTypeClass() == H5T_STRING);
}

TEST_CASE("hdf5: a name that is not its path comes along as an attribute") {
  const TempFolder folder;
  Manifest manifest;
  for (const std::string& name : {"a"s, "a/b"s, "w/k:0"s, "n\0l"s, "\xff"s, ""s, "/x"s}) {
    manifest.tensors.push_back(tensor_of(name, DType::uint8, {1}, "1"));
  }
  const H5::H5File file(write(folder, manifest).string(), H5F_ACC_RDONLY);
  CHECK(text_attribute(file.openDataSet("a%~"), "tensorferry_name") == "a");
  CHECK(text_attribute(file.openDataSet("a/b"), "tensorferry_name") == "(none)");
  CHECK(text_attribute(file.openDataSet("w/k:0"), "tensorferry_name") == "(none)");
  CHECK(text_attribute(file.openDataSet("n%00l"), "tensorferry_name_base64") == "bgBs");
  CHECK(text_attribute(file.openDataSet("%FF"), "tensorferry_name_base64") == "/w==");
  CHECK(text_attribute(file.openDataSet("%%~"), "tensorferry_name") == "");
  CHECK(text_attribute(file.openDataSet("%/x"), "tensorferry_name") == "/x");
}

TEST_CASE("hdf5: attributes of the file and of tensors keep type and value") {
  const TempFolder folder;
  const Attributes attributes = {{"i", std::int64_t{-5}},
                                 {"d", 0.1},
                                 {"b", true},
                                 {"t", "h\xc3\xa9"s},
                                 {"long", std::string(100'000, 'x')},
                                 {"raw", "\0\xff"s},
                                 {"tensorferry_name", "taken"s}};
  Manifest manifest;
  manifest.attributes = attributes;
  manifest.tensors = {tensor_of("x", DType::int4, {1}, "\x0f")};
  manifest.tensors[0].attributes = attributes;
  const H5::H5File file(write(folder, manifest).string(), H5F_ACC_RDONLY);
  const auto check_on = [](const H5::H5Object& object) {
    std::int64_t integer = 0;
    object.openAttribute("i").read(H5::PredType::NATIVE_INT64, &integer);
    CHECK(integer == -5);
    double real = 0;
    object.openAttribute("d").read(H5::PredType::NATIVE_DOUBLE, &real);
    CHECK(real == 0.1);
    CHECK(object.openAttribute("b").getTypeClass() == H5T_ENUM);
    CHECK(text_attribute(object, "t") == "h\xc3\xa9");
    CHECK(text_attribute(object, "long").size() == 100'000);
    CHECK(text_attribute(object, "tensorferry_attribute:tensorferry_name") == "taken");
    hvl_t row = {};
    const H5::Attribute raw = object.openAttribute("raw");
    raw.read(raw.getDataType(), &row);
    CHECK(std::string(static_cast<const char*>(row.p), row.len) == "\0\xff"s);
    H5free_memory(row.p);
  };
  check_on(file.openGroup("/"));
  check_on(file.openDataSet("x"));
}

TEST_CASE("hdf5: the oldest superblock, large tensors on pages, the same bytes every time") {
  const TempFolder folder;
  Manifest manifest;
  manifest.attributes = {{"s", "x"s}};
  manifest.tensors = {tensor_of("g/odd", DType::uint8, {3}, "abc"),
                      tensor_of("g/large", DType::float32, {70'000}, noise(DType::float32, 70'000)),
                      strings_of("s", {1}, {"x"})};
  const std::string first = read_file(write(folder, manifest));
  CHECK(first.substr(0, 9) == "\x89HDF\r\n\x1a\n\0"s);
  CHECK(read_file(write(folder, manifest)) == first);
  const H5::H5File file((folder / "x.h5").string(), H5F_ACC_RDONLY);
  CHECK(file.openDataSet("g/large").getOffset() % 4096 == 0);
}

TEST_CASE("hdf5: a dry run sizes everything and opens nothing") {
  Manifest manifest;
  manifest.tensors = {tensor_of("a", DType::int4, {3}, "\x01\x02\x03"), strings_of("s", {1}, {"x"}),
                      tensor_of("e", DType::float32, {0}, "")};
  Layout layout = lay_out(manifest);
  check(layout, manifest);
  REQUIRE(layout.slots.size() == 3);
  CHECK(layout.slots[0].length == 3);
  CHECK(layout.slots[0].codec == Codec::sign_extended);
  CHECK(layout.slots[0].fill == Slot::Fill::moved);
  CHECK(layout.slots[1].fill == Slot::Fill::literal);
  CHECK(layout.slots[2].length == 0);
  layout = lay_out(manifest, {{"compression", "gzip"}});
  check(layout, manifest);
  CHECK(layout.slots[0].fill == Slot::Fill::sink);
  CHECK(layout.slots[2].fill == Slot::Fill::moved);
}

TEST_CASE("hdf5: a layout is the whole file, whatever its tensors are called") {
  const TempFolder folder;
  Manifest manifest;
  manifest.attributes = {{"s", "x"s}, {"raw", "\xff"s}};
  for (const std::string& name :
       {"b/w"s, "a"s, "a/b"s, "a-"s, "\xff"s, ""s, "b/"s, "a/b/c"s, "A/x"s}) {
    manifest.tensors.push_back(tensor_of(name, DType::uint16, {2}, "12" + std::to_string(10)));
    manifest.tensors.push_back(strings_of("strings/" + name, {1}, {name}));
  }
  for (int i = 0; i < 100; ++i)
    manifest.tensors.push_back(tensor_of("many/" + std::to_string(i), DType::uint8, {1}, "x"));
  const Layout layout = lay_out(manifest);
  const std::string laid_out = carry_out(layout, manifest).at("");
  CHECK(laid_out.size() == layout.files[0].size);
  CHECK(layout.files[0].appended == 0);
  CHECK(read_file(write(folder, manifest)) == laid_out);
  const Layout compressed = lay_out(manifest, {{"compression", "gzip"}});
  CHECK(compressed.files[0].appended > 0);
  CHECK(read_file(write(folder, manifest, {{"compression", "gzip"}})).size() <
        compressed.files[0].total());
}

TEST_CASE("hdf5: everything that cannot be written is named at once") {
  Manifest manifest;
  manifest.tensors = {
      tensor_of("fine", DType::uint8, {1}, "1"), tensor_of("rank", DType::uint8, Shape(33, 1), "1"),
      tensor_of("opaque", DType::variant, {1}, "1"), tensor_of("tagged", DType::uint8, {1}, "1")};
  manifest.tensors[3].attributes[std::string(70'000, 'n')] = true;
  try {
    lay_out(manifest);
    FAIL("nothing was thrown");
  } catch (const Error& error) {
    CHECK(error.id() == "unsupported.hdf5");
    for (const char* name : {"rank", "opaque", "tagged"}) {
      CHECK(error.message().find("\n  "s + name + ": ") != std::string::npos);
    }
    CHECK(error.message().find("fine") == std::string::npos);
  }
  manifest.tensors = {tensor_of("rank", DType::uint8, Shape(32, 1), "1")};
  CHECK(thrown_by([&] { lay_out(manifest); }).empty());
}

TEST_CASE("hdf5: options out of range, or without effect, are usage errors") {
  for (const WriteOptions& options :
       {WriteOptions{{"compression", "lzf"}}, WriteOptions{{"level", "4"}},
        WriteOptions{{"chunk", "1M"}}, WriteOptions{{"shuffle", "true"}, {"compression", "none"}},
        WriteOptions{{"compression", "gzip"}, {"level", "10"}},
        WriteOptions{{"compression", "gzip"}, {"chunk", "1025M"}},
        WriteOptions{{"compression", "gzip"}, {"chunk", "512"}}}) {
    CHECK(thrown_by([&] { lay_out({}, options); }) == "usage.bad_option");
  }
  // The largest that the reader takes.
  CHECK(thrown_by([] { lay_out({}, {{"compression", "gzip"}, {"chunk", "1G"}}); }).empty());
}

namespace {

class FullFile final : public GrowingFile {
 public:
  std::uint64_t end() const override { return 0; }
  void append(std::span<const std::byte>) override {
    throw Error(ErrorCode::output, "write", "no space left");
  }
  void rewrite(std::uint64_t, std::span<const std::byte>) override {}
};

}  // namespace

TEST_CASE("hdf5: chunks that cannot be written are an output error, and the next file is fine") {
  Manifest manifest;
  manifest.tensors = {tensor_of("x", DType::uint8, {3}, "123"),
                      tensor_of("y", DType::uint8, {3000}, noise(DType::uint8, 3000))};
  for (const unsigned threads : {1u, 2u}) {
    Layout layout = lay_out(manifest, {{"compression", "gzip"}, {"chunk", "1K"}});
    FullFile full;
    layout.sink->allow(threads, 64u << 20);
    CHECK(thrown_by([&] {
            for (const Slot& slot : layout.slots) {
              layout.sink->write(slot, *open_stream(manifest.tensors[slot.tensor]), full);
            }
            layout.sink->finish(full, layout);
          }) == "output.write");
  }
  const TempFolder folder;
  const H5::H5File file(write(folder, manifest).string(), H5F_ACC_RDONLY);
  CHECK(dataset_bytes(file.openDataSet("x")) == "123");
}
#endif
