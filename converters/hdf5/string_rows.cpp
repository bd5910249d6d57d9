#include "string_rows.h"

#include <algorithm>

#include "global_heap.h"
#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

std::vector<std::string> load_rows(const File& file, std::uint64_t base,
                                   const FileRange& references, bool text,
                                   std::uint64_t most_bytes) {
  constexpr std::uint64_t kWindow = std::uint64_t{64} << 10, kBytes = HeapReference::kBytes;
  static_assert(kWindow % kBytes == 0);
  GlobalHeap heap(file, base);
  std::vector<std::string> rows;
  std::uint64_t left = most_bytes;
  // Many elements may share one object of the heap.
  const auto take = [&](std::uint64_t bytes) {
    if (bytes > left) {
      throw Error(ErrorCode::resources, "strings",
                  "needs more than " + std::to_string(most_bytes) +
                      " bytes of memory (--limit strings=BYTES raises it)");
    }
    left -= bytes;
  };
  for (std::uint64_t at = 0; at < references.length; at += kWindow) {
    const std::string window = references.file->read_string(
        references.offset + at, std::min(kWindow, references.length - at));
    for (std::size_t i = 0; i < window.size(); i += kBytes) {
      const HeapReference reference = HeapReference::at(&window[i]);
      take(reference.length);
      std::string row = heap.value(reference);
      if (text) row.resize(std::min(row.find('\0'), row.size()));
      rows.push_back(std::move(row));
    }
  }
  return rows;
}

}  // namespace

Strings string_rows(SharedFile shared, std::uint64_t base, FileRange references, bool text,
                    std::uint64_t most_bytes) {
  StringSource strings;
  strings.bytes = references.length;
  strings.load = [shared = std::move(shared), base, references = std::move(references), text,
                  most_bytes] {
    try {
      return load_rows(*shared.payload, base, references, text, most_bytes);
    } catch (const Error& error) {
      throw error.in_file(shared.payload->name());
    }
  };
  return strings;
}

Strings fixed_strings(FileRange bytes, std::size_t element_bytes, TextPadding padding) {
  StringSource strings;
  strings.bytes = bytes.length;
  strings.load = [bytes = std::move(bytes), element_bytes, padding] {
    return split_fixed_texts(bytes.file->read_string(bytes.offset, bytes.length), element_bytes,
                             padding);
  };
  return strings;
}

}  // namespace tensorferry::hdf5
