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
  /// Keeps a reference.
  explicit Digests(const Layout& layout);

  /// Adds a part of a slot's output, which begins `from` bytes into it.
  void add(std::size_t slot, std::uint64_t from, std::span<const std::byte> bytes);
  /// Puts the CRCs of slots that lie in the window, with their CRC's place (Slot::crc_offset), into
  /// its filled buffer.
  void put(const Window& window, std::span<const Item> items, std::span<std::byte> buffer);
  /// The CRCs that were not put anywhere, and what Layout::finish gives. Once, when all is written.
  std::vector<Segment> late();

 private:
  const Layout& layout_;
  bool wanted_;
  CrcParts parts_;
  std::vector<std::uint32_t> values_;
  std::vector<std::uint8_t> put_;  ///< 1: its CRC is in its place
};

}  // namespace tensorferry
