// Literal bytes of a file with room between them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/layout.h"

namespace tensorferry::onnx {

/// Bytes that follow each other, some of them left to the mover. Offsets count from the start of
/// the text.
class GraphText {
 public:
  void append(std::string_view bytes) {
    append_by([&](std::string& text) { text += bytes; });
  }

  /// What `write` appends to a string.
  template <typename Write>
  void append_by(Write write) {
    if (closed_) segments_.push_back({0, size_, {}});
    closed_ = false;
    std::string& text = segments_.back().bytes;
    const std::size_t before = text.size();
    write(text);
    size_ += text.size() - before;
  }

  /// Returns the offset of `length` bytes that somebody else writes.
  std::uint64_t leave_room(std::uint64_t length) {
    const std::uint64_t offset = size_;
    if (length > 0) closed_ = true;
    size_ += length;
    return offset;
  }

  std::uint64_t size() const { return size_; }

  /// Adds the literal bytes to `segments`, for a text that begins at `offset` of file 0. Empties
  /// the text.
  void move_to(std::vector<Segment>& segments, std::uint64_t offset) {
    segments.reserve(segments.size() + segments_.size());
    for (Segment& segment : segments_) {
      segment.offset += offset;
      segments.push_back(std::move(segment));
    }
    *this = {};
  }

 private:
  std::vector<Segment> segments_;
  std::uint64_t size_ = 0;
  bool closed_ = true;  // the next bytes begin a segment
};

}  // namespace tensorferry::onnx
