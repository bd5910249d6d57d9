// Work buffers that are used again and again.
#pragma once

#include <cstddef>
#include <vector>

namespace tensorferry {

/// Makes room for that many bytes; what was in it is lost. vector's own growth would double the
/// size and hold both, which the memory limit does not count.
inline void make_room(std::vector<std::byte>& buffer, std::size_t bytes) {
  if (buffer.size() >= bytes) return;
  std::vector<std::byte>().swap(buffer);
  buffer.resize(bytes);
}

}  // namespace tensorferry
