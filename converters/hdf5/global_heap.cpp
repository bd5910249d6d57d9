#include "global_heap.h"

#include <algorithm>

#include "tensorferry/error.h"
#include "tensorferry/values.h"
#include "util/fields.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::uint64_t kMostHeld = std::uint64_t{1} << 20;

std::uint64_t number_at(const char* bytes, std::size_t count) {
  return little_endian(reinterpret_cast<const std::byte*>(bytes), count);
}

[[noreturn]] void refuse(std::uint64_t address, const std::string& why) {
  throw Error(ErrorCode::corrupt, "hdf5_heap",
              "the global heap collection at " + std::to_string(address) + " " + why);
}

}  // namespace

HeapReference HeapReference::at(const char* stored) {
  return {number_at(stored, 4), number_at(stored + 4, 8), number_at(stored + 12, 4)};
}

std::string HeapReference::stored() const {
  return std::string(Fields<kBytes>().put(length, 4).put(address, 8).put(index, 4));
}

std::string GlobalHeap::bytes(std::uint64_t begin, std::uint64_t size) const {
  if (begin >= held_begin_ && begin - held_begin_ <= held_.size() &&
      size <= held_.size() - (begin - held_begin_))
    return held_.substr(begin - held_begin_, size);
  return file_.read_string(begin, size);
}

GlobalHeap::Objects GlobalHeap::walk(std::uint64_t begin, std::uint64_t end) const {
  Objects objects;
  for (std::uint64_t at = begin + kCollectionHeader; end - at >= kHeapObjectHeader;) {
    const std::string header = bytes(at, kHeapObjectHeader);
    const std::uint64_t index = number_at(header.data(), 2), size = number_at(&header[8], 8);
    const std::uint64_t room = end - at - (index == 0 ? 0 : kHeapObjectHeader);
    if (size > room || (index == 0 && size < kHeapObjectHeader)) {
      refuse(begin, "has an object of " + std::to_string(size) + " bytes where " +
                        std::to_string(room) + " are left");
    }
    if (index != 0) objects.push_back({index, at + kHeapObjectHeader, size});
    // The padding of the last one may be cut.
    at += std::min(index == 0 ? size
                              : kHeapObjectHeader +
                                    (size + kHeapAlignment - 1) / kHeapAlignment * kHeapAlignment,
                   end - at);
  }
  const auto by_index = [](const Object& a, const Object& b) { return a.index < b.index; };
  std::sort(objects.begin(), objects.end(), by_index);
  for (std::size_t i = 1; i < objects.size(); ++i) {
    if (objects[i].index == objects[i - 1].index)
      refuse(begin, "has two objects " + std::to_string(objects[i].index));
  }
  return objects;
}

const GlobalHeap::Objects& GlobalHeap::collection(std::uint64_t address) {
  if (const auto known = known_.find(address); known != known_.end()) return known->second;
  if (address > file_.size() || base_ > file_.size() - address ||
      file_.size() - address - base_ < kCollectionHeader)
    refuse(address, "lies outside the file");
  const std::uint64_t begin = base_ + address;
  const std::string header = file_.read_string(begin, kCollectionHeader);
  if (!header.starts_with(kCollectionStart)) refuse(address, "is not one");
  const std::uint64_t size = number_at(&header[8], 8);
  if (size < kCollectionHeader || size > file_.size() - begin)
    refuse(address, "has " + std::to_string(size) + " bytes, which the file does not hold");
  // What overlaps could be walked through without end.
  if (size > file_.size() - walked_) refuse(address, "overlaps others");
  walked_ += size;
  held_.clear();
  if (size <= kMostHeld) {
    held_ = file_.read_string(begin, size);
    held_begin_ = begin;
  }
  return known_.emplace(address, walk(begin, begin + size)).first->second;
}

std::string GlobalHeap::value(const HeapReference& reference) {
  if (reference.length == 0 && reference.address == 0) return {};
  const Objects& objects = collection(reference.address);
  const auto found = std::lower_bound(
      objects.begin(), objects.end(), reference.index,
      [](const Object& object, std::uint64_t index) { return object.index < index; });
  if (found == objects.end() || found->index != reference.index)
    refuse(reference.address, "has no object " + std::to_string(reference.index));
  if (found->size != reference.length) {
    refuse(reference.address, "has an object of " + std::to_string(found->size) +
                                  " bytes where a value takes " + std::to_string(reference.length));
  }
  return bytes(found->begin, found->size);
}

}  // namespace tensorferry::hdf5
