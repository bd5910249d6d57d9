#include "sparse.h"

#include <algorithm>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace tensorferry::onnx {
namespace {

// Few stored bytes may stand for any number of zeros.
constexpr std::uint64_t kFreelyDense = std::uint64_t{4} << 30;
constexpr std::uint64_t kMostDense = 1000;
constexpr std::uint64_t kBatchBytes = 64 * 1024;

[[noreturn]] void corrupt(std::string message) {
  throw Error(ErrorCode::corrupt, "sparse", std::move(message));
}

class DenseFile final : public File {
 public:
  DenseFile(FileRange values, FileRange indices, std::uint64_t count, bool coordinates, Shape shape,
            std::uint32_t width)
      : values_(std::move(values)),
        indices_(std::move(indices)),
        count_(count),
        columns_(coordinates ? shape.size() : 1),
        coordinates_(coordinates),
        shape_(std::move(shape)),
        elements_(element_count(shape_)),
        width_(width) {}

  const std::string& name() const override { return values_.file->name(); }
  std::uint64_t size() const override { return elements_ * width_; }
  FileIdentity identity() const override { return values_.file->identity(); }
  void check_unchanged() const override {
    values_.file->check_unchanged();
    indices_.file->check_unchanged();
  }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > size() || offset > size() - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated", "a read behind the last value").in_file(name());
    }
    try {
      check_all();
      scatter(offset, bytes);
    } catch (const Error& error) {
      throw error.in_file(name());
    }
  }

 private:
  std::uint64_t batch() const {
    return std::max<std::uint64_t>(1, kBatchBytes / (8 * std::max<std::uint64_t>(1, columns_)));
  }

  /// The places in the dense tensor of `count` values from `first` on.
  std::vector<std::uint64_t> places(std::uint64_t first, std::uint64_t count) const {
    std::vector<std::uint64_t> raw(count * columns_);
    indices_.file->read_at(indices_.offset + first * columns_ * 8,
                           std::as_writable_bytes(std::span(raw)));
    if (!coordinates_) return raw;
    std::vector<std::uint64_t> result(count);
    for (std::uint64_t i = 0; i < count; ++i) {
      std::uint64_t place = 0;
      for (std::uint64_t dim = 0; dim < columns_; ++dim) {
        const std::uint64_t index = raw[i * columns_ + dim];
        if (index >= shape_[dim]) corrupt("an index outside of the shape");
        place = place * shape_[dim] + index;
      }
      result[i] = place;
    }
    return result;
  }

  void check_all() const {
    const std::lock_guard lock(mutex_);
    if (checked_) return;
    std::uint64_t next = 0;
    for (std::uint64_t first = 0; first < count_; first += batch()) {
      for (const std::uint64_t place : places(first, std::min(batch(), count_ - first))) {
        if (place >= elements_) corrupt("an index outside of the shape");
        if (place < next) corrupt("indices that do not ascend");
        next = place + 1;
      }
    }
    checked_ = true;
  }

  /// The first value at `place` or behind it.
  std::uint64_t lower_bound(std::uint64_t place) const {
    std::uint64_t low = 0, high = count_;
    while (low < high) {
      const std::uint64_t middle = low + (high - low) / 2;
      if (places(middle, 1)[0] < place) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low;
  }

  void scatter(std::uint64_t offset, std::span<std::byte> bytes) const {
    std::fill(bytes.begin(), bytes.end(), std::byte{0});
    const std::uint64_t end = offset + bytes.size();
    std::vector<std::byte> elements;
    for (std::uint64_t first = lower_bound(offset / width_); first < count_; first += batch()) {
      const std::uint64_t count = std::min(batch(), count_ - first);
      const std::vector<std::uint64_t> where = places(first, count);
      elements.resize(count * width_);
      values_.file->read_at(values_.offset + first * width_, elements);
      for (std::uint64_t i = 0; i < count; ++i) {
        const std::uint64_t begins = where[i] * width_;
        if (begins >= end) return;
        // A window may begin or end inside an element.
        const std::uint64_t from = std::max(begins, offset), to = std::min(begins + width_, end);
        if (from < to)
          std::copy_n(&elements[i * width_ + (from - begins)], to - from, &bytes[from - offset]);
      }
    }
  }

  FileRange values_, indices_;
  std::uint64_t count_, columns_;
  bool coordinates_;
  Shape shape_;
  std::uint64_t elements_;
  std::uint32_t width_;
  mutable std::mutex mutex_;
  mutable bool checked_ = false;
};

FileRange plain_range(const Tensor& tensor, const char* what) {
  const auto* range = std::get_if<FileRange>(&tensor.stored.pieces.at(0).origin);
  if (range == nullptr || tensor.stored.codec != Codec::plain) {
    throw Error(ErrorCode::unsupported, "sparse",
                "sparse " + std::string(what) + " of " + std::string(to_string(tensor.dtype)));
  }
  if (range->offset > range->file->size() || range->length > range->file->size() - range->offset)
    corrupt(std::string(what) + " reach behind the end of their file");
  return *range;
}

}  // namespace

std::shared_ptr<const File> dense_file(const Tensor& values, const Tensor& indices,
                                       const Shape& shape, std::uint64_t stored_bytes) {
  if (values.shape.size() != 1) corrupt("values of shape " + to_string(values.shape));
  const std::uint64_t count = values.shape[0];
  if (indices.dtype != DType::int64) corrupt("indices that are not int64");
  const bool coordinates = indices.shape.size() == 2;
  if (indices.shape != (coordinates ? Shape{count, shape.size()} : Shape{count})) {
    corrupt("indices of shape " + to_string(indices.shape) + " for " + std::to_string(count) +
            " values of a tensor of " + to_string(shape));
  }
  const std::uint64_t bytes = encoded_bytes(values.dtype, Codec::plain, element_count(shape));
  if (bytes > kFreelyDense && bytes / kMostDense > stored_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                std::to_string(bytes) + " bytes made of the " + std::to_string(stored_bytes) +
                    " that are stored");
  }
  return std::make_shared<DenseFile>(plain_range(values, "values"), plain_range(indices, "indices"),
                                     count, coordinates, shape, info(values.dtype).bytes);
}

}  // namespace tensorferry::onnx
