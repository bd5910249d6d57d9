// A file put together from literal bytes, ranges of the file that it replaces, and elements.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace tensorferry::onnx {

class PatchText {
 public:
  explicit PatchText(std::shared_ptr<const File> source) : source_(std::move(source)) {}

  void literal(std::string bytes);
  /// These bytes of the source.
  void copy(std::uint64_t offset, std::uint64_t length);
  /// The elements of a tensor, `length` bytes, which the mover brings.
  void elements(std::size_t tensor, std::uint64_t length, Codec codec);
  /// The elements of a tensor of strings.
  void strings(std::size_t tensor, std::string fields);

  /// Leaves room here for bytes that are known later; to be given to fill().
  std::size_t reserve();
  void fill(std::size_t reserved, std::string bytes);

  std::uint64_t size() const { return size_; }

  /// Becomes file 0: literal bytes are segments, elements are slots, and ranges of the source are
  /// tensors of bytes behind those of the manifest, with slots of their own. Empties the text.
  void move_to(Layout& layout, Manifest& manifest);

 private:
  enum class Kind : std::uint8_t { literal, copy, elements, strings };
  struct Part {
    Kind kind;
    Codec codec = Codec::plain;
    std::string bytes = {};
    std::uint64_t offset = 0;  ///< in the source
    std::uint64_t length = 0;
    std::size_t tensor = 0;
  };

  std::shared_ptr<const File> source_;
  std::vector<Part> parts_;
  std::uint64_t size_ = 0;
};

}  // namespace tensorferry::onnx
