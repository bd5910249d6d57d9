#include "raw.h"
#include "raw_wire.h"
#include "tensorferry/stream.h"
#include "util/crc32c.h"
#include "util/manifest_json.h"
#include "util/text.h"

namespace tensorferry {
namespace {

// Of each tensor's first byte: the widest vector load of today's processors.
constexpr std::uint64_t kAlignment = 64;
constexpr std::string_view kFile = "weights.bin";

class RawWriter : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override {
    if (dtype != DType::string && !is_fixed_size(dtype)) return std::nullopt;
    return Encoding{dtype};
  }

  Layout lay_out(const Manifest& manifest, const Output&, const Options&,
                 const Limits& limits) const override {
    refuse_opaque(manifest);
    Layout layout;
    layout.directory = true;
    layout.files.push_back({std::string(kFile), 0});
    layout.slots.reserve(manifest.tensors.size());
    ManifestText text(manifest);
    for (std::size_t i = 0; i < manifest.tensors.size(); ++i)
      place(manifest.tensors[i], i, layout, text, limits);
    std::move(text).add_to(layout);
    return layout;
  }

 private:
  void refuse_opaque(const Manifest& manifest) const {
    std::vector<std::string> names;
    for (const Tensor& tensor : manifest.tensors) {
      if (!encoding(tensor.dtype))
        names.push_back(tensor.name + " (" + std::string(to_string(tensor.dtype)) + ")");
    }
    if (names.empty()) return;
    throw Error(ErrorCode::unsupported, "dtype", "raw files cannot hold " + join_names(names));
  }

  // Appends the tensor to the first file of the layout.
  static void place(const Tensor& tensor, std::size_t index, Layout& layout, ManifestText& text,
                    const Limits& limits) {
    OutputFile& file = layout.files[0];
    Slot slot;
    slot.tensor = index;
    std::string strings, crc32c_of_strings;
    if (tensor.dtype == DType::string) {
      strings = encode_raw_strings(load_strings(tensor, limits));
      crc32c_of_strings = crc32c_to_hex(crc32c(0, std::as_bytes(std::span(strings))));
      slot.fill = Slot::Fill::literal;
      slot.length = strings.size();
    } else {
      slot.length = encoded_bytes(tensor.dtype, Codec::plain, tensor.elements());
    }
    // What is empty needs no place of its own, and none behind the end of the file.
    slot.offset = slot.length == 0
                      ? file.size
                      : checked_add(file.size, kAlignment - 1) / kAlignment * kAlignment;
    file.size = checked_add(slot.offset, slot.length);
    if (!strings.empty()) layout.segments.push_back({slot.file, slot.offset, std::move(strings)});
    text.add(tensor, kFile, slot, crc32c_of_strings);
    layout.slots.push_back(slot);
  }
};

}  // namespace

std::shared_ptr<const Writer> make_raw_writer() { return std::make_shared<RawWriter>(); }

}  // namespace tensorferry
