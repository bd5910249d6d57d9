// A deflated range of a file, seen inflated.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tensorferry/input.h"

namespace tensorferry {

/// A raw deflate stream (RFC 1951, as zip members are) and what it must become.
struct DeflatedRange {
  std::shared_ptr<const File> file;
  std::uint64_t offset = 0, length = 0;  ///< of the stream in `file`
  std::uint64_t size = 0;                ///< inflated
  std::uint32_t crc32 = 0;               ///< of the inflated bytes
};

/// Inflates while it is read. Made for reading once from front to back in pieces of about 1 MiB,
/// also by several threads a few MiB out of order; any other access works and may inflate parts
/// again. Nothing is read before read_at.
///
/// All such files of the process together keep about 20 MiB, however many and however large they
/// are. A read that reaches offset `verify_from` goes on to the end of the stream and compares size
/// and CRC-32, once; pass the offset behind the last byte that anyone will ask for. Throws
/// Error(corrupt.deflate), Error(corrupt.checksum).
std::shared_ptr<const File> inflated_file(std::string name, DeflatedRange range,
                                          std::uint64_t verify_from);

}  // namespace tensorferry
