#include <algorithm>

#include "npy.h"
#include "util/manifest_json.h"
#include "util/npy_header.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kProbed = 4096;

std::string start_of(const Input& folder, std::string_view name) {
  const auto file = folder.sibling(name);
  return file->read_string(0, std::min(file->size(), kProbed));
}

/// A folder with our manifest.json is the raw format's; any other one is ours only if nothing else
/// knows it.
Match probe_folder(const Input& folder) {
  const std::vector<std::string> files = npy_files(folder);
  try {
    if (files.empty() || !start_of(folder, files.front()).starts_with(npy_magic)) return Match::no;
  } catch (const Error&) {
    return Match::broken;  // the listing says why it cannot be read
  }
  return has_npy_manifest(folder) ? Match::no : Match::container;
}

Match probe(const Probe& shown) {
  if (shown.input.kind() == Input::Kind::directory) return probe_folder(shown.input);
  return shown.prefix.starts_with(npy_magic) ? Match::exact : Match::no;
}

}  // namespace

std::vector<std::string> npy_files(const Input& folder) {
  std::vector<std::string> files = folder.list();
  std::erase_if(files, [](const std::string& name) {
    return !name.ends_with(".npy") || name.starts_with('.');
  });
  return files;
}

bool has_npy_manifest(const Input& folder) {
  return folder.has_sibling(manifest_file_name) &&
         looks_like_manifest(start_of(folder, manifest_file_name));
}

Format make_npy_format() {
  Format format;
  format.name = "npy";
  format.title = "NumPy array file, or a folder of them";
  format.extensions = {".npy"};
  constexpr std::string_view kWhich =
      "an .npy file holds one array, an .npz file many: --to npy or --to npz";
  format.advice = {{"numpy", kWhich}, {"np", kWhich}};
  format.read_options = {
      {"dtype", OptionSpec::Kind::text, "",
       "what elements are that numpy calls void (|V1, |V2) or has another type for: float8_e4m3fn, "
       "int4, ..."}};
  format.probe = probe;
  format.reader = make_npy_reader();
  format.writer = make_npy_writer();
  return format;
}

}  // namespace tensorferry
