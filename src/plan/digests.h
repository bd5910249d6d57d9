// CRCs of what is written, for formats that keep them.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "plan/checksums.h"
#include "plan/work.h"

namespace tensorferry {

/// Of the moved slots of a layout. Thread-safe, each window being one thread's.
class Digests {
 public:
  /// Keeps a reference to `layout`, whose late segments it finishes. The CRC of a slot whose bytes
  /// are those of its source, and are verified while they are read, is the one that the source
  /// states.
  Digests(Layout& layout, const Manifest& manifest);

  /// When all CRCs are known before anything is read: finishes the late segments, which are not
  /// late then.
  void finish_early();

  /// Adds a part of a slot's output, which begins `from` bytes into it.
  void add(std::size_t slot, std::uint64_t from, std::span<const std::byte> bytes);
  /// Puts the CRCs of slots that lie in the window, with their CRC's place (Slot::crc_offset), into
  /// its filled buffer.
  void put(const Window& window, std::span<const Item> items, std::span<std::byte> buffer);
  /// The CRCs that were not put anywhere, and the late segments, finished. Once, when all else is
  /// written.
  std::vector<Segment> late();

 private:
  enum class State : std::uint8_t { open, known, put };

  /// Layout::finish, which must leave what the gate has checked; gives the late segments.
  std::vector<Segment*> finish();

  Layout& layout_;
  bool wanted_, finished_ = false;
  CrcParts parts_;
  std::vector<std::uint32_t> values_;
  std::vector<State> states_;  ///< known: from the start; put: its CRC is in its place
};

}  // namespace tensorferry
