#include "patch_text.h"

#include <algorithm>
#include <utility>

namespace tensorferry::onnx {
namespace {

// Shorter ranges take more memory as a tensor of their own than as literal bytes.
constexpr std::uint64_t kWorthMoving = 512;

/// A start that no tensor's name has.
std::string unused_prefix(const Manifest& manifest) {
  std::string prefix = "bytes ";
  const auto taken = [&](const Tensor& tensor) { return tensor.name.starts_with(prefix); };
  while (std::ranges::any_of(manifest.tensors, taken)) prefix.insert(0, "untouched ");
  return prefix;
}

Tensor bytes_of(const FileRange& range, std::string name) {
  Tensor tensor;
  tensor.name = std::move(name);
  tensor.dtype = DType::uint8;
  tensor.shape = {range.length};
  tensor.stored.pieces.push_back({range, {}, {}, {}, {}});
  return tensor;
}

}  // namespace

void PatchText::literal(std::string bytes) {
  if (bytes.empty()) return;
  Part part{Kind::literal};
  part.length = bytes.size();
  part.bytes = std::move(bytes);
  size_ += part.length;
  parts_.push_back(std::move(part));
}

void PatchText::copy(std::uint64_t offset, std::uint64_t length) {
  if (length == 0) return;
  size_ += length;
  if (!parts_.empty() && parts_.back().kind == Kind::copy &&
      parts_.back().offset + parts_.back().length == offset) {
    parts_.back().length += length;
    return;
  }
  Part part{Kind::copy};
  part.offset = offset;
  part.length = length;
  parts_.push_back(std::move(part));
}

void PatchText::elements(std::size_t tensor, std::uint64_t length, Codec codec) {
  Part part{Kind::elements, codec};
  part.tensor = tensor;
  part.length = length;
  size_ += length;
  parts_.push_back(std::move(part));
}

void PatchText::strings(std::size_t tensor, std::string fields) {
  Part part{Kind::strings};
  part.tensor = tensor;
  part.length = fields.size();
  part.bytes = std::move(fields);
  size_ += part.length;
  parts_.push_back(std::move(part));
}

std::size_t PatchText::reserve() {
  parts_.push_back({Kind::literal});
  return parts_.size() - 1;
}

void PatchText::fill(std::size_t reserved, std::string bytes) {
  Part& part = parts_.at(reserved);
  size_ += bytes.size() - part.length;
  part.length = bytes.size();
  part.bytes = std::move(bytes);
}

void PatchText::move_to(Layout& layout, Manifest& manifest) {
  const std::string prefix = unused_prefix(manifest);
  std::uint64_t at = 0;
  bool in_segment = false;
  const auto append = [&](const std::string& bytes) {
    if (!in_segment) layout.segments.push_back({0, at, {}});
    in_segment = true;
    layout.segments.back().bytes += bytes;
  };
  for (Part& part : parts_) {
    Slot slot;
    slot.tensor = part.tensor;
    slot.offset = at;
    slot.length = part.length;
    slot.codec = part.codec;
    if (part.kind == Kind::strings) {
      slot.fill = Slot::Fill::literal;
      layout.slots.push_back(slot);
    }
    if (part.kind == Kind::literal || part.kind == Kind::strings) {
      append(part.bytes);
      std::string().swap(part.bytes);
    } else if (part.kind == Kind::copy && part.length < kWorthMoving) {
      append(source_->read_string(part.offset, part.length));
    } else {
      if (part.kind == Kind::copy) {
        slot.tensor = manifest.tensors.size();
        manifest.tensors.push_back(bytes_of({source_, part.offset, part.length},
                                            prefix + std::to_string(part.offset) + ".." +
                                                std::to_string(part.offset + part.length)));
      }
      layout.slots.push_back(slot);
      in_segment = false;
    }
    at += part.length;
  }
  parts_.clear();
  size_ = 0;
}

}  // namespace tensorferry::onnx
