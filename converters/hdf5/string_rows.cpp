#include "string_rows.h"

#include <cstdlib>

#include "fixed_text.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

/// Memory for the library, up to a limit: many elements may share one object of the file's heap.
class Arena {
 public:
  explicit Arena(std::uint64_t bytes) : left_(bytes) {}
  ~Arena() {
    for (void* part : parts_) std::free(part);
  }
  Arena(const Arena&) = delete;
  Arena& operator=(const Arena&) = delete;

  bool exhausted() const { return exhausted_; }

  static void* allocate(std::size_t size, void* arena) {
    auto& self = *static_cast<Arena*>(arena);
    if (size > self.left_) {
      self.exhausted_ = true;
      return nullptr;
    }
    try {
      if (self.parts_.size() == self.parts_.capacity())
        self.parts_.reserve(2 * self.parts_.size() + 16);
    } catch (...) {
      return nullptr;
    }
    void* part = std::malloc(size == 0 ? 1 : size);
    if (part == nullptr) return nullptr;
    self.left_ -= size;
    self.parts_.push_back(part);
    return part;
  }
  // All at once in the end.
  static void release(void*, void*) {}

 private:
  std::uint64_t left_;
  std::vector<void*> parts_;
  bool exhausted_ = false;
};

std::vector<std::string> load_rows(const SharedFile& shared, haddr_t address, std::size_t elements,
                                   std::uint64_t most_bytes) {
  const ReadScope scope;
  const auto dataset = shared.file->dataset(address);
  const Handle type = readable_handle(H5Dget_type(dataset->id()), H5Tclose, "read a type");
  const Handle transfer =
      readable_handle(H5Pcreate(H5P_DATASET_XFER), H5Pclose, "make a property list");
  Arena arena(most_bytes);
  readable(H5Pset_vlen_mem_manager(transfer.id(), Arena::allocate, &arena, Arena::release, &arena),
           "set up a property list");
  const bool text = H5Tget_class(type.id()) == H5T_STRING;
  std::vector<char*> texts(text ? elements : 0, nullptr);
  std::vector<hvl_t> rows(text ? 0 : elements, hvl_t{0, nullptr});
  void* buffer = text ? static_cast<void*>(texts.data()) : static_cast<void*>(rows.data());
  const herr_t done = H5Dread(dataset->id(), type.id(), H5S_ALL, H5S_ALL, transfer.id(), buffer);
  if (arena.exhausted()) {
    throw Error(ErrorCode::resources, "strings",
                "needs more than " + std::to_string(most_bytes) +
                    " bytes of memory (--limit strings=BYTES raises it)");
  }
  readable(done, "read strings");
  std::vector<std::string> result;
  result.reserve(elements);
  for (const char* row : texts) result.emplace_back(row == nullptr ? "" : row);
  for (const hvl_t& row : rows)
    result.emplace_back(static_cast<const char*>(row.p), row.p == nullptr ? 0 : row.len);
  return result;
}

}  // namespace

Strings string_rows(SharedFile shared, haddr_t address, std::uint64_t elements,
                    std::uint64_t most_bytes) {
  Strings strings;
  strings.bytes = checked_multiply(elements, sizeof(hvl_t));
  strings.load = [shared = std::move(shared), address, elements, most_bytes] {
    try {
      shared.verify();
      return load_rows(shared, address, elements, most_bytes);
    } catch (const Error& error) {
      throw error.in_file(shared.file->file()->name());
    }
  };
  return strings;
}

Strings fixed_strings(FileRange bytes, std::size_t element_bytes, H5T_str_t padding) {
  Strings strings;
  strings.bytes = bytes.length;
  strings.load = [bytes = std::move(bytes), element_bytes, padding] {
    return split_fixed_texts(bytes.file->read_string(bytes.offset, bytes.length), element_bytes,
                             padding);
  };
  return strings;
}

}  // namespace tensorferry::hdf5
