#include "plan/segments.h"

#include <cstring>
#include <span>

#include "io/output_files.h"
#include "plan/work.h"

namespace tensorferry {

std::size_t write_neighbours(const std::vector<Segment>& segments, std::size_t first,
                             const Descriptor& fd, const std::string& name) {
  constexpr std::size_t kMany = 8;
  const std::size_t file = segments[first].file;
  const std::uint64_t begin = segments[first].offset;
  std::uint64_t end = begin;
  std::size_t last = first;
  while (last < segments.size() && segments[last].file == file && segments[last].offset >= end &&
         segments[last].offset + segments[last].bytes.size() - begin <= kWindowBytes) {
    end = segments[last].offset + segments[last].bytes.size();
    ++last;
  }
  if (last - first < kMany) {
    write_at(fd, begin, std::as_bytes(std::span(segments[first].bytes)), name);
    return first + 1;
  }
  std::vector<std::byte> window(end - begin);
  read_at(fd, begin, window, name);
  for (std::size_t i = first; i < last; ++i) {
    std::memcpy(window.data() + (segments[i].offset - begin), segments[i].bytes.data(),
                segments[i].bytes.size());
  }
  write_at(fd, begin, window, name);
  return last;
}

}  // namespace tensorferry
