// What the two processes of run_apart() say to each other over a socket, and the memory that they
// share.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "util/apart.h"

namespace tensorferry::apart {

/// From the child: a frame, and after `sent` and `failed` as many bytes as it says.
struct Frame {
  enum class Kind : std::uint32_t {
    sent,          ///< bytes of the result
    read,          ///< wants bytes of the file
    done,          ///< nothing follows
    failed,        ///< an error in a parcel; nothing follows
    out_of_memory  ///< nothing follows
  } kind;
  std::uint32_t bytes;
  std::uint64_t offset;  ///< of `read`
};

/// From the parent, to `read`: how many bytes of an error in a parcel lie in SharedMemory::data; 0
/// for the bytes that were asked for.
using Answer = std::uint32_t;

struct SharedMemory {
  std::array<char, 4096> at;
  std::uint32_t at_bytes;
  std::array<std::byte, 64 << 10> data;
};

/// Of all that is sent before the child waits for its parent.
inline constexpr std::uint32_t kMostSent = 64 << 10;

/// The life of the child. Holds nothing but `channel`.
[[noreturn]] void be_apart(int channel, int parent, const File& file, SharedMemory& shared,
                           const ApartWork& work);

/// Takes from the process, for good, what computing does not need. What the system refuses to take
/// it keeps.
void renounce_system_calls();

}  // namespace tensorferry::apart
