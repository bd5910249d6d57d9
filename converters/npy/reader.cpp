#include <unordered_set>

#include "file_names.h"
#include "npy.h"
#include "util/manifest_json.h"
#include "util/npy_array.h"

namespace tensorferry {
namespace {

constexpr std::size_t kExtension = 4;  // of ".npy"

std::string stem_of(const std::string& leaf) {
  return leaf.ends_with(".npy") ? leaf.substr(0, leaf.size() - kExtension) : leaf;
}

Tensor read_file(NpyArrays& arrays, std::string name, const std::shared_ptr<const File>& file) {
  return arrays.describe(std::move(name), {file, 0, file->size()});
}

/// A file that is named as ours are gives its tensor that name; others keep their own, and win.
std::vector<std::string> names_of(const std::vector<std::string>& files) {
  std::unordered_set<std::string> kept;
  for (const std::string& file : files) {
    if (!name_of_file(stem_of(file))) kept.insert(stem_of(file));
  }
  std::vector<std::string> names;
  for (const std::string& file : files) {
    std::string stem = stem_of(file);
    std::optional<std::string> name = name_of_file(stem);
    names.push_back(name && !kept.contains(*name) ? std::move(*name) : std::move(stem));
  }
  return names;
}

void read_folder(const Input& folder, NpyArrays& arrays, Manifest& manifest) {
  const std::vector<std::string> files = npy_files(folder);
  if (files.empty()) {
    throw Error(ErrorCode::input, "missing", "the folder holds no .npy files")
        .in_file(folder.name());
  }
  const std::vector<std::string> names = names_of(files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    Tensor tensor;
    try {
      tensor = read_file(arrays, names[i], folder.sibling(files[i]));
      if (tensor.problem) tensor.problem = tensor.problem->in_file(files[i]);
    } catch (const Error& error) {
      tensor.name = names[i];
      tensor.problem = error.in_file(files[i]);
    }
    manifest.tensors.push_back(std::move(tensor));
  }
  if (folder.has_sibling(manifest_file_name)) {
    manifest.notes.push_back(
        {"npy.manifest_ignored",
         "names and dtypes come from the .npy files alone; --from raw reads the " +
             std::string(manifest_file_name) + " beside them"});
  }
}

class NpyReader : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits&) const override {
    std::optional<DType> opaque;
    if (options.given("dtype")) opaque = parse_dtype(options.text("dtype")).dtype;
    NpyArrays arrays(opaque);
    Manifest manifest;
    if (input.kind() == Input::Kind::directory) {
      read_folder(input, arrays, manifest);
    } else {
      const std::string stem = stem_of(input.leaf());
      manifest.tensors.push_back(
          read_file(arrays, name_of_file(stem).value_or(stem), input.file()));
    }
    arrays.resolve(manifest);
    return manifest;
  }
};

}  // namespace

std::shared_ptr<const Reader> make_npy_reader() { return std::make_shared<NpyReader>(); }

}  // namespace tensorferry
