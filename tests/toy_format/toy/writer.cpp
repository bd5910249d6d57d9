#include "tensorferry/format.h"

namespace tensorferry {
namespace {

class ToyWriter final : public Writer {
 public:
  std::optional<Encoding> encoding(DType dtype) const override {
    if (!is_fixed_size(dtype)) return std::nullopt;
    return Encoding{dtype};
  }

  Layout lay_out(const Manifest& manifest, const Output&, const Options&,
                 const Limits&) const override {
    if (manifest.tensors.size() != 1) {
      throw Error(ErrorCode::usage, "single_file", "a toy file holds one tensor");
    }
    const Tensor& tensor = manifest.tensors[0];
    std::string header = "TOY " + std::string(to_string(tensor.dtype)) + " ";
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      header += (d ? "," : "") + std::to_string(tensor.shape[d]);
    }
    header += " " + tensor.name + "\n";
    Layout layout;
    layout.files.push_back({"", header.size() + tensor.bytes()});
    layout.slots.push_back({.offset = header.size(), .length = tensor.bytes()});
    layout.segments.push_back({0, 0, std::move(header)});
    return layout;
  }
};

}  // namespace

std::shared_ptr<const Writer> make_toy_writer() { return std::make_shared<ToyWriter>(); }

}  // namespace tensorferry
