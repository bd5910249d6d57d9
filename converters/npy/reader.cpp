#include <unordered_set>

#include "core/carriers.h"
#include "core/strings.h"
#include "file_names.h"
#include "npy.h"
#include "util/manifest_json.h"
#include "util/npy_array.h"
#include "util/npy_dtype.h"

namespace tensorferry {
namespace {

constexpr std::size_t kExtension = 4;  // of ".npy"

std::string stem_of(const std::string& leaf) {
  return leaf.ends_with(".npy") ? leaf.substr(0, leaf.size() - kExtension) : leaf;
}

Tensor read_file(NpyArrays& arrays, std::string name, const std::shared_ptr<const File>& file) {
  return arrays.describe(std::move(name), {file, 0, file->size()});
}

/// As the user would name it.
std::string path_in(const Input& folder, const std::string& file) {
  return folder.name() + (folder.name().ends_with('/') ? "" : "/") + file;
}

Tensor read_sibling(const Input& folder, NpyArrays& arrays, const std::string& name,
                    const std::string& file) {
  Tensor tensor;
  try {
    tensor = read_file(arrays, name, folder.sibling(file));
  } catch (const Error& error) {
    tensor.name = name;
    tensor.problem = error;
  }
  if (tensor.problem) tensor.problem = tensor.problem->in_file(path_in(folder, file));
  return tensor;
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

void read_plain_folder(const Input& folder, NpyArrays& arrays, Manifest& manifest) {
  const std::vector<std::string> files = npy_files(folder);
  if (files.empty()) {
    throw Error(ErrorCode::input, "missing", "the folder holds no .npy files")
        .in_file(folder.name());
  }
  const std::vector<std::string> names = names_of(files);
  for (std::size_t i = 0; i < files.size(); ++i) {
    manifest.tensors.push_back(read_sibling(folder, arrays, names[i], files[i]));
  }
}

/// What the manifest says of an array: name, dtype where numpy has none, attributes. The file says
/// the rest.
void apply_entry(const Input& folder, Tensor& tensor, const ManifestEntry& entry) {
  if (tensor.problem) return;
  const Carrier carrier = npy_encoding(entry.dtype).value_or(Encoding{entry.dtype}).carrier;
  std::string why;
  if (carrier != Carrier::native) {
    why = restore_carried(tensor, {entry.dtype, carrier, entry.shape});
  } else if (tensor.dtype != entry.dtype || tensor.shape != entry.shape) {
    why = "the manifest says " + std::string(to_string(entry.dtype)) + " " +
          to_string(entry.shape) + ", the file " + std::string(to_string(tensor.dtype)) + " " +
          to_string(tensor.shape);
  }
  tensor.attributes.insert(entry.attributes.begin(), entry.attributes.end());
  if (why.empty()) return;
  tensor.stored = {};
  tensor.problem = Error(ErrorCode::corrupt, "manifest", why).in_file(path_in(folder, entry.file));
}

void read_described_folder(const Input& folder, const Limits& limits, NpyArrays& arrays,
                           Manifest& manifest) {
  const auto file = folder.sibling(manifest_file_name);
  if (file->size() > limits.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "the manifest has " + std::to_string(file->size()) + " bytes, the limit is " +
                    std::to_string(limits.header_bytes))
        .in_file(file->name());
  }
  ManifestDocument document = parse_manifest(file->read_string(0, file->size()), limits);
  manifest.attributes = std::move(document.attributes);
  for (const ManifestEntry& entry : document.tensors) {
    Tensor tensor = read_sibling(folder, arrays, entry.name, entry.file);
    apply_entry(folder, tensor, entry);
    manifest.tensors.push_back(std::move(tensor));
  }
}

/// Elements that numpy has another type for, as a folder's manifest would tell if there was one:
/// int4 in |i1. Arrays of other types stay what they are.
void take_as(Manifest& manifest, DType dtype) {
  const std::optional<Encoding> encoding = npy_encoding(dtype);
  if (!encoding || encoding->carrier == Carrier::native) return;
  for (Tensor& tensor : manifest.tensors)
    static_cast<void>(restore_carried(tensor, {dtype, encoding->carrier, tensor.shape}));
}

class NpyReader : public Reader {
 public:
  Manifest read(const Input& input, const Options& options, const Limits& limits) const override {
    std::optional<DType> asked;
    if (options.given("dtype")) asked = parse_dtype(options.text("dtype")).dtype;
    NpyArrays arrays(asked);
    Manifest manifest;
    const bool described = input.kind() == Input::Kind::directory && has_npy_manifest(input);
    if (described) {
      read_described_folder(input, limits, arrays, manifest);
    } else if (input.kind() == Input::Kind::directory) {
      read_plain_folder(input, arrays, manifest);
    } else {
      const std::string stem = stem_of(input.leaf());
      manifest.tensors.push_back(
          read_file(arrays, name_of_file(stem).value_or(stem), input.file()));
    }
    arrays.resolve(manifest);
    if (asked && !described) take_as(manifest, *asked);
    return join_strings(std::move(manifest), limits);
  }
};

}  // namespace

std::shared_ptr<const Reader> make_npy_reader() { return std::make_shared<NpyReader>(); }

}  // namespace tensorferry
