#include "file_names.h"
#include "npy.h"
#include "util/manifest_json.h"
#include "util/npy_dtype.h"
#include "util/npy_header.h"

namespace tensorferry {
namespace {

constexpr std::string_view kExtension = ".npy";

Encoding encoding_of(DType dtype) { return npy_encoding(dtype).value(); }

// Appends one file with one tensor; gives its place.
const Slot& add_array(Layout& layout, const Tensor& tensor, std::size_t index, std::string file) {
  std::string header = npy_header(npy_descr(tensor.dtype), tensor.shape);
  Slot slot;
  slot.tensor = index;
  slot.file = layout.files.size();
  slot.offset = header.size();
  slot.codec = encoding_of(tensor.dtype).codec;
  slot.length = encoded_bytes(tensor.dtype, slot.codec, tensor.elements());
  layout.files.push_back({std::move(file), checked_add(slot.offset, slot.length)});
  layout.segments.push_back({slot.file, 0, std::move(header)});
  return layout.slots.emplace_back(slot);
}

Layout one_file(const Manifest& manifest) {
  if (manifest.tensors.size() != 1) {
    throw Error(ErrorCode::usage, "single_file",
                "one .npy file holds exactly one tensor, there are " +
                    std::to_string(manifest.tensors.size()) +
                    "; an .npz file (--to npz) holds them all, and so does a folder of .npy files "
                    "(FOLDER/ --to npy)");
  }
  const Tensor& tensor = manifest.tensors[0];
  Layout layout;
  add_array(layout, tensor, 0, "");
  if (encoding_of(tensor.dtype).carrier != Carrier::native) {
    const std::string dtype(to_string(tensor.dtype));
    layout.read_options["dtype"] = dtype;
    layout.notes.push_back({"npy.no_tag", "numpy has no " + dtype + " and shows it as " +
                                              std::string(npy_descr(tensor.dtype)) +
                                              ": --in-opt dtype=" + dtype +
                                              " reads it back; a folder of .npy says so in its "
                                              "manifest.json"});
  }
  return layout;
}

Layout folder(const Manifest& manifest) {
  std::vector<std::string_view> names;
  names.reserve(manifest.tensors.size());
  for (const Tensor& tensor : manifest.tensors) names.emplace_back(tensor.name);
  std::vector<std::string> files = file_names(names);
  Layout layout;
  layout.directory = true;
  layout.files.reserve(files.size() + 1);
  layout.segments.reserve(files.size() + 1);
  layout.slots.reserve(files.size());
  ManifestText text(manifest);
  for (std::size_t i = 0; i < files.size(); ++i) {
    const std::string file = std::move(files[i] += kExtension);
    text.add(manifest.tensors[i], file, add_array(layout, manifest.tensors[i], i, file));
  }
  std::move(text).add_to(layout);
  return layout;
}

class NpyWriter : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override { return npy_encoding(dtype); }

  Layout lay_out(const Manifest& manifest, const Output& output, const Options&,
                 const Limits&) const override {
    refuse_for_numpy(manifest, ".npy");
    const bool single = !output.directory && output.leaf.ends_with(kExtension);
    return single ? one_file(manifest) : folder(manifest);
  }
};

}  // namespace

std::shared_ptr<const Writer> make_npy_writer() { return std::make_shared<NpyWriter>(); }

}  // namespace tensorferry
