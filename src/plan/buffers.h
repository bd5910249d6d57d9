// Work buffers that are used again and again.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <new>
#include <vector>

namespace tensorferry {

/// Bytes at the start of a cache line, or of a huge page when there are many: the kernel copies to
/// and from there up to a third faster. Not zeroed. Aligned within a larger block: glibc up to 2.37
/// does not use again what its own aligned allocations gave back.
template <typename T>
struct BufferAllocator {
  using value_type = T;
  static constexpr std::size_t kLine = 64, kHugePage = 2u << 20;

  T* allocate(std::size_t count) {
    const std::size_t bytes = count * sizeof(T);
    const std::size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kLine;
    std::size_t room = bytes + alignment;
    void* block = ::operator new(sizeof block + room);
    void* buffer = static_cast<void**>(block) + 1;
    std::align(alignment, bytes, buffer, room);
    static_cast<void**>(buffer)[-1] = block;
    if (bytes >= 2 * kHugePage) madvise(buffer, bytes, MADV_HUGEPAGE);
    return static_cast<T*>(buffer);
  }
  void deallocate(T* buffer, std::size_t /*count*/) {
    ::operator delete(reinterpret_cast<void**>(buffer)[-1]);
  }
  void construct(T* /*element*/) noexcept {}
  bool operator==(const BufferAllocator&) const = default;
};

using Buffer = std::vector<std::byte, BufferAllocator<std::byte>>;

/// Makes room for that many bytes; what was in it is lost. vector's own growth would double the
/// size and hold both, which the memory limit does not count.
inline void make_room(Buffer& buffer, std::size_t bytes) {
  if (buffer.size() >= bytes) return;
  Buffer().swap(buffer);
  buffer.resize(bytes);
}

}  // namespace tensorferry
