#include "raw.h"
#include "util/manifest_json.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kProbed = 4096;

Match probe(const Probe& shown) {
  if (shown.input.kind() == Input::Kind::file) {
    return shown.extension == ".json" && looks_like_manifest(shown.prefix) ? Match::exact
                                                                           : Match::no;
  }
  if (shown.input.kind() != Input::Kind::directory ||
      !shown.input.has_sibling(manifest_file_name)) {
    return Match::no;
  }
  const auto file = shown.input.sibling(manifest_file_name);
  const std::string start = file->read_string(0, file->size() < kProbed ? file->size() : kProbed);
  return looks_like_manifest(start) ? Match::exact : Match::no;
}

}  // namespace

Format make_raw_format() {
  using Kind = OptionSpec::Kind;
  Format format;
  format.name = "raw";
  format.title = "Files of bytes with a manifest.json, or one file with dtype and shape as options";
  format.read_options = {
      {"dtype", Kind::text, "", "of a file without a manifest: float32, int8, <f4, ..."},
      {"shape", Kind::text, "", "its shape: 784,128 (scalar for rank 0)"},
      {"offset", Kind::bytes, "",
       "where its elements begin; 0 when not given. Bytes behind them are then allowed"},
      {"order", Kind::choice, "", "its byte order: little when not given", {"little", "big"}},
      {"layout",
       Kind::choice,
       "",
       "its dimension order: row-major when not given",
       {"row-major", "column-major"}},
      {"name", Kind::text, "",
       "the tensor's name; the file's name without extension when not given"},
      {"allow_trailing", Kind::boolean, "", "accept bytes behind the elements"},
  };
  format.untyped = true;
  format.probe = probe;
  format.reader = make_raw_reader();
  format.writer = make_raw_writer();
  return format;
}

}  // namespace tensorferry
