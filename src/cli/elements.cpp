#include "elements.h"

#include <span>
#include <utility>
#include <vector>

#include "tensorferry/error.h"
#include "tensorferry/stream.h"

namespace tensorferry::cli {
namespace {

class FixedElements : public Elements {
 public:
  FixedElements(const Tensor& tensor, std::uint64_t last, bool few)
      : tensor_(tensor), element_bytes_(info(tensor.dtype).bytes), last_(last), few_(few) {
    constexpr std::size_t buffer_bytes = 64 * 1024;
    buffer_.resize(buffer_bytes / element_bytes_ * element_bytes_);
  }

  void expect(std::uint64_t first, std::uint64_t count) override {
    if (few_) last_ = first + count;
  }

  void append(std::string& out, std::uint64_t index, Style style) override {
    seek(index);
    append_value(out, tensor_.dtype, buffer_.data() + (index - first_) * element_bytes_, style);
  }

  void finish() override {
    while (!few_ && stream_ != nullptr && fill() > 0) {
    }
  }

 private:
  /// Makes `index` lie in the buffer.
  void seek(std::uint64_t index) {
    if (index >= first_ && index < first_ + held_) return;
    // a short gap is read over: opening again costs more, and a whole tensor stays one stream with
    // its checksums
    constexpr std::uint64_t short_gap_bytes = 1 << 20;
    const std::uint64_t next = first_ + held_;
    const bool opened = stream_ != nullptr && index >= next && index < stream_last_;
    if (!opened || (index - next) * element_bytes_ > short_gap_bytes) {
      stream_ = open_stream(tensor_, index, last_ - index);
      stream_last_ = last_;
      first_ = index;
      held_ = 0;
    }
    while (index >= first_ + held_) {
      if (fill() == 0)
        throw Error(ErrorCode::internal, "short_stream", "elements are missing")
            .in_tensor(tensor_.name);
    }
  }

  /// The next elements of the stream; their number.
  std::uint64_t fill() {
    first_ += held_;
    std::size_t got = 0;
    while (got < buffer_.size()) {
      const std::size_t more = stream_->read(std::span(buffer_).subspan(got));
      if (more == 0) break;
      got += more;
    }
    held_ = got / element_bytes_;
    return held_;
  }

  const Tensor& tensor_;
  std::size_t element_bytes_;
  std::uint64_t last_;
  bool few_;
  std::unique_ptr<ByteStream> stream_;
  std::uint64_t stream_last_ = 0;
  std::vector<std::byte> buffer_;
  std::uint64_t first_ = 0, held_ = 0;  // the elements in the buffer
};

class StringElements : public Elements {
 public:
  StringElements(std::vector<std::string> strings, std::size_t limit)
      : strings_(std::move(strings)), limit_(limit) {}

  void expect(std::uint64_t, std::uint64_t) override {}
  void append(std::string& out, std::uint64_t index, Style style) override {
    append_string(out, strings_.at(index), style, limit_);
  }
  void finish() override {}

 private:
  std::vector<std::string> strings_;
  std::size_t limit_;
};

}  // namespace

std::unique_ptr<Elements> open_elements(const Tensor& tensor, std::uint64_t first,
                                        std::uint64_t last, bool few, const Limits& limits,
                                        std::size_t string_limit) {
  if (tensor.problem) throw tensor.problem->in_tensor(tensor.name);
  if (tensor.dtype == DType::string)
    return std::make_unique<StringElements>(load_strings(tensor, limits), string_limit);
  if (!is_fixed_size(tensor.dtype))
    throw Error(ErrorCode::unsupported, "opaque_dtype",
                "values of dtype " + std::string(to_string(tensor.dtype)) + " cannot be shown")
        .in_tensor(tensor.name);
  auto elements = std::make_unique<FixedElements>(tensor, last, few);
  elements->expect(first, last - first);
  return elements;
}

}  // namespace tensorferry::cli
