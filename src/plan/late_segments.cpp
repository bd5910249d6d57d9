#include "plan/late_segments.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "plan/buffers.h"
#include "plan/work.h"

namespace tensorferry {
namespace {

/// Writes the first of `segments` and those that follow it in its window, and returns how many.
/// Many short ones (a checksum beside each small tensor) are put into what lies there already;
/// late ones are never read first: the file may end before them.
std::size_t write_neighbours(std::span<const Segment> segments, const Descriptor& fd,
                             const std::string& name, Buffer& window) {
  constexpr std::size_t kMany = 8;
  const std::uint64_t begin = segments[0].offset;
  std::uint64_t end = begin;
  std::size_t count = 0;
  while (count < segments.size() && !segments[count].late && segments[count].offset >= end &&
         segments[count].offset + segments[count].bytes.size() - begin <= kWindowBytes) {
    end = segments[count].offset + segments[count].bytes.size();
    ++count;
  }
  if (count < kMany) {
    write_at(fd, begin, std::as_bytes(std::span(segments[0].bytes)), name);
    return 1;
  }
  make_room(window, end - begin);
  const auto bytes = std::span(window).first(end - begin);
  read_at(fd, begin, bytes, name);
  for (const Segment& segment : segments.first(count)) {
    std::memcpy(bytes.data() + (segment.offset - begin), segment.bytes.data(),
                segment.bytes.size());
  }
  write_at(fd, begin, bytes, name);
  return count;
}

}  // namespace

void write_segments(std::vector<Segment> segments, const std::vector<OutputFile>& files,
                    OutputFiles& output, bool sync_each) {
  const auto before = [](const Segment& a, const Segment& b) { return a.file < b.file; };
  if (!std::is_sorted(segments.begin(), segments.end(), before))
    std::stable_sort(segments.begin(), segments.end(), before);
  Buffer window;
  for (std::span<const Segment> left(segments); !left.empty();) {
    const std::size_t file = left[0].file;
    const auto next = std::find_if(left.begin(), left.end(),
                                   [&](const Segment& segment) { return segment.file != file; });
    std::span<const Segment> own = left.first(static_cast<std::size_t>(next - left.begin()));
    left = left.subspan(own.size());
    Descriptor fd = output.open(file);
    while (!own.empty()) own = own.subspan(write_neighbours(own, fd, files[file].name, window));
    output.complete(file, std::move(fd), sync_each);
  }
}

}  // namespace tensorferry
