// The numbers of a repeated field of a protobuf message, at any place, without holding them.
//
//   packed      tag (type 2), length, then the numbers back to back; as often as the writer likes
//   unpacked    tag, number; once for each
//
// Varints have no fixed size, so the scan that counts them remembers where every 65,536th begins.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensorferry/input.h"
#include "util/file_cursor.h"
#include "util/wire.h"

namespace tensorferry::wire {

struct NumberField {
  std::uint32_t number = 0;
  Type type = Type::varint;  ///< of one number: varint, fixed32, fixed64
  std::uint32_t width = 8;   ///< bytes of one in the result, little-endian; a varint is cut to them
  bool is_bool = false;      ///< varints other than 0 become 1
};

class Numbers {
 public:
  /// Scans the bytes [begin, end) of `file`, a message. Numbers of fixed size are counted, not
  /// read. Throws Error(corrupt.message).
  Numbers(const File& file, std::uint64_t begin, std::uint64_t end, const NumberField& field);

  std::uint64_t count() const { return count_; }
  /// Fills `bytes`, whose size is a multiple of the width, with the numbers from `first` on; they
  /// are there. `file` holds what was scanned. Thread-safe.
  void read(const File& file, std::uint64_t first, std::span<std::byte> bytes) const;

 private:
  /// Where a number begins: inside a packed run that ends at `run_end`, or in front of a field.
  struct Mark {
    std::uint64_t position = 0, run_end = 0;
  };
  class Walk;

  NumberField field_;
  std::uint64_t end_, count_ = 0;
  std::vector<Mark> marks_;
};

}  // namespace tensorferry::wire
