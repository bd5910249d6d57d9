#include "heap_writer.h"

#include <algorithm>
#include <limits>

#include "header_writer.h"
#include "tensorferry/error.h"
#include "util/fields.h"

namespace tensorferry::hdf5 {
namespace {

// The library refuses collections of fewer bytes, and each has to be read as a whole.
constexpr std::uint64_t kLeast = 4096, kMost = 64 * 1024;
// Objects are counted in 16 bits; larger collections hold one.
static_assert(kMost / kHeapObjectHeader <= 0xFFFF);

}  // namespace

HeapReference HeapWriter::add(std::string_view value) {
  if (value.size() > std::numeric_limits<std::uint32_t>::max())
    throw Error(ErrorCode::unsupported, "hdf5", "HDF5 cannot hold a string of 4 GiB or more");
  const std::uint64_t padded =
      (value.size() + kHeapAlignment - 1) / kHeapAlignment * kHeapAlignment;
  const std::uint64_t bytes = kHeapObjectHeader + padded;
  if (bytes > size_ - used_) {
    finish();
    begin(bytes);
  }
  char* at = &out_[begin_ + used_];
  put_number(at, ++index_, 2);
  put_number(at + 8, value.size(), 8);
  value.copy(at + kHeapObjectHeader, value.size());
  used_ += bytes;
  return {value.size(), begin_, index_};
}

void HeapWriter::begin(std::uint64_t bytes) {
  pad(out_);
  begin_ = out_.size();
  size_ = std::max(std::clamp(2 * size_, kLeast, kMost), kCollectionHeader + bytes);
  out_.resize(begin_ + size_);
  kCollectionStart.copy(&out_[begin_], kCollectionStart.size());
  put_number(&out_[begin_ + kCollectionStart.size()], size_, 8);
  used_ = kCollectionHeader;
  index_ = 0;
}

void HeapWriter::finish() {
  const std::uint64_t free = size_ - used_;
  if (free >= kHeapObjectHeader) put_number(&out_[begin_ + used_ + 8], free, 8);
}

}  // namespace tensorferry::hdf5
