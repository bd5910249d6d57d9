// Reading the output back before it is committed: damage between writing and naming leaves nothing.
#include <doctest/doctest.h>
#include <fcntl.h>
#include <unistd.h>

#include <fstream>

#include "error_id.h"
#include "temp_folder.h"
#include "tensorferry/tensorferry.h"

using namespace tensorferry;
namespace fs = std::filesystem;

namespace {

const std::string kMarker = "these bytes are in the middle of a tensor";

void write_source(const TempFolder& folder) {
  folder.write(
      "in/manifest.json",
      R"({"tensorferry":1,"tensors":[{"name":"w","dtype":"uint8","shape":[4041],"file":"data"},)"
      R"({"name":"h","dtype":"bfloat16","shape":[7],"file":"data"},)"
      R"({"name":"s","dtype":"string","shape":[1],"file":"text","length":9}]})");
  folder.write("in/data", std::string(2000, 'a') + kMarker + std::string(2000, 'b'));
  folder.write("in/text", std::string("\1\0\0\0\0\0\0\0a", 9));
}

/// Changes one byte behind the marker, if the file holds it.
bool damage(const std::string& path) {
  const std::string bytes = read_file(path);
  const std::size_t at = bytes.find(kMarker);
  if (at == std::string::npos) return false;
  const int fd = open(path.c_str(), O_RDWR | O_CLOEXEC);
  const bool done = fd >= 0 && pwrite(fd, "T", 1, static_cast<off_t>(at)) == 1;
  if (fd >= 0) close(fd);
  return done;
}

/// The files of `folder` that are written and have no final name: in a hidden folder, or open
/// without any name.
bool damage_uncommitted(const TempFolder& folder) {
  for (const auto& entry : fs::recursive_directory_iterator(folder.path())) {
    const std::string relative = entry.path().lexically_relative(folder.path()).string();
    if (relative.starts_with(".") && entry.is_regular_file() && damage(entry.path())) return true;
  }
  for (const auto& entry : fs::directory_iterator("/proc/self/fd")) {
    std::error_code ignored;
    const std::string target = fs::read_symlink(entry.path(), ignored).string();
    const bool ours =
        target.starts_with(folder.path().string() + "/") && target.ends_with("(deleted)");
    if (ours && damage(entry.path())) return true;
  }
  return false;
}

ConvertOptions verified(std::string_view format) {
  ConvertOptions options;
  options.to = format;
  options.run.verify_output = true;
  options.run.sync = false;
  return options;
}

std::vector<const Format*> both_ways() {
  std::vector<const Format*> formats;
  for (const Format& format : Registry::global().formats()) {
    if (format.reader && format.writer) formats.push_back(&format);
  }
  return formats;
}

}  // namespace

TEST_CASE("what was written is read back, and the receipt says so") {
  TempFolder folder;
  write_source(folder);
  REQUIRE(!both_ways().empty());
  for (const Format* format : both_ways()) {
    CAPTURE(format->name);
    const fs::path target = folder / ("out-" + std::string(format->name));
    bool read_back = false;
    ConvertOptions options = verified(format->name);
    options.run.progress = [&](const Progress& at) { read_back = read_back || at.reading_back; };
    CHECK(convert(folder / "in", target, options).verified);
    CHECK(read_back);
    CHECK(sha256(read(target).at("w")) == sha256(read(folder / "in").at("w")));
  }
}

TEST_CASE("a byte that changes between writing and naming is found, and nothing is left") {
  TempFolder folder;
  write_source(folder);
  for (const Format* format : both_ways()) {
    CAPTURE(format->name);
    bool damaged = false;
    ConvertOptions options = verified(format->name);
    options.run.progress = [&](const Progress& at) {
      if (!at.reading_back && at.bytes_done == at.bytes_total)
        damaged = damaged || damage_uncommitted(folder);
    };
    const auto error = error_of([&] { convert(folder / "in", folder / "out", options); });
    CHECK(damaged);
    REQUIRE(error);
    CHECK(error->id() == "output.verify");
    CHECK(folder.names() == std::vector<std::string>{"in"});
  }
}

TEST_CASE("an old output stays as it was when the new one does not verify") {
  TempFolder folder;
  write_source(folder);
  ConvertOptions options = verified("raw");
  options.run.overwrite = true;
  convert(folder / "in", folder / "out", options);
  const std::string before = read_file(folder / "out/manifest.json");
  options.run.progress = [&](const Progress& at) {
    if (!at.reading_back) damage_uncommitted(folder);
  };
  CHECK(error_id([&] { convert(folder / "in", folder / "out", options); }) == "output.verify");
  CHECK(read_file(folder / "out/manifest.json") == before);
  CHECK(folder.names() == std::vector<std::string>{"in", "out"});
}

namespace {

/// Writes what it does not say: the bytes of each element in the wrong order.
class LyingWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return Encoding{dtype}; }
  Layout lay_out(const Manifest& manifest, const Output&, const Options&,
                 const Limits&) const override {
    Layout layout;
    layout.files.push_back({"", manifest.tensors[0].bytes()});
    Slot slot;
    slot.length = manifest.tensors[0].bytes();
    slot.order = std::endian::big;
    layout.slots.push_back(slot);
    return layout;
  }
};

class PlainReader final : public Reader {
 public:
  Manifest read(const Input& input, const Options&, const Limits&) const override {
    Manifest manifest;
    Tensor& tensor = manifest.tensors.emplace_back();
    tensor.name = "h";
    tensor.dtype = DType::bfloat16;
    tensor.shape = {input.file()->size() / 2};
    Piece piece;
    piece.origin = FileRange{input.file(), 0, input.file()->size()};
    tensor.stored.pieces.push_back(std::move(piece));
    return manifest;
  }
};

Receipt write_lying(const TempFolder& folder, bool verify, bool with_reader) {
  Format format;
  format.name = "lying";
  format.title = "a writer with a mistake";
  format.writer = std::make_shared<LyingWriter>();
  if (with_reader) format.reader = std::make_shared<PlainReader>();
  Selection one;
  one.include = {"h"};
  folder.write("in/data", "\1\2\3\4\5\6\7\10\11\12\13\14\15\16" + std::string(4027, 'x'));
  RunOptions options;
  options.verify_output = verify;
  return ConversionPlan::make(select(one)(read(folder / "in")), format, folder / "out.lying")
      .run(options);
}

}  // namespace

TEST_CASE("a writer's mistake is found by reading back, before anybody sees the file") {
  TempFolder folder;
  write_source(folder);
  CHECK(error_id([&] { write_lying(folder, true, true); }) == "output.verify");
  CHECK(folder.names() == std::vector<std::string>{"in"});
  CHECK(error_id([&] { write_lying(folder, true, false); }) == "usage.no_reader");
  CHECK(folder.names() == std::vector<std::string>{"in"});
  CHECK(!write_lying(folder, false, true).verified);  // and without it nothing stops the mistake
}

TEST_CASE("one .npy of any dtype is read back, also of those that numpy has another type for") {
  const Format& npy = Registry::global().at("npy");
  for (const DTypeInfo& row : all_dtypes()) {
    if (row.kind == DTypeKind::string || !npy.writer->encoding(row.dtype)) continue;
    const std::string name(row.name);
    CAPTURE(name);
    const TempFolder folder;
    folder.write("in", std::string(std::size_t{16} * row.bytes, '\1'));
    ConvertOptions options = verified("npy");
    options.read.from = "raw";
    options.read.options = {{"dtype", name}, {"shape", "16"}, {"allow_trailing", "true"}};
    CHECK(convert(folder / "in", folder / "out.npy", options).verified);
    ReadOptions reading;
    reading.options = {{"dtype", name}};
    CHECK(read(folder / "out.npy", reading).tensors[0].dtype == row.dtype);
  }
}
