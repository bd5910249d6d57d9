#include "global_heap.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "tensorferry/error.h"
#include "tensorferry/values.h"

namespace tensorferry::hdf5 {
namespace {

using namespace std::string_view_literals;

constexpr std::string_view kStart = "GCOL\1\0\0\0"sv;
constexpr std::uint64_t kHeader = 16, kObjectHeader = 16;

std::uint64_t number_at(const std::string& bytes, std::size_t at, std::size_t count) {
  return little_endian(reinterpret_cast<const std::byte*>(bytes.data()) + at, count);
}

[[noreturn]] void refuse(std::uint64_t address, const std::string& why) {
  throw Error(ErrorCode::corrupt, "hdf5_heap",
              "the global heap collection at " + std::to_string(address) + " " + why);
}

void check_heap(const File& file, std::uint64_t address) {
  if (file.size() - address < kHeader) return;  // the library finds that itself
  const std::uint64_t size = number_at(file.read_string(address, kHeader), 8, 8);
  if (size > file.size() - address) refuse(address, "reaches past the end of the file");
  for (std::uint64_t at = kHeader; at <= size && size - at >= kObjectHeader;) {
    const std::string header = file.read_string(address + at, kObjectHeader);
    const bool free = number_at(header, 0, 2) == 0;
    const std::uint64_t bytes = number_at(header, 8, 8), room = size - at;
    const std::uint64_t least = free ? kObjectHeader : 0;
    if (bytes < least || bytes > room - (free ? 0 : kObjectHeader)) {
      refuse(address, "has an object of " + std::to_string(bytes) + " bytes where " +
                          std::to_string(room) + " are left");
    }
    at += free ? bytes : kObjectHeader + (bytes + 7) / 8 * 8;
  }
}

}  // namespace

void check_heaps(const File& file, std::uint64_t offset, std::uint64_t length) {
  // A collection may begin in one read and go on in the next.
  const std::uint64_t before = std::min<std::uint64_t>(offset, kStart.size() - 1);
  const std::uint64_t behind =
      std::min<std::uint64_t>(kStart.size() - 1, file.size() - offset - length);
  const std::string bytes = file.read_string(offset - before, before + length + behind);
  for (std::size_t at = bytes.find(kStart); at != std::string::npos;
       at = bytes.find(kStart, at + 1))
    check_heap(file, offset - before + at);
}

}  // namespace tensorferry::hdf5
