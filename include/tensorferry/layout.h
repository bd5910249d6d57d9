// Where everything goes: the answer of a Writer, checked by one gate, carried out by the
// ConversionPlan.
#pragma once

#include <bit>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensorferry/dtype.h"
#include "tensorferry/export.h"
#include "tensorferry/manifest.h"
#include "tensorferry/stream.h"

namespace TENSORFERRY_API tensorferry {

/// What the user asked for: the last component of the target, and whether it is to be a directory.
struct Output {
  std::string leaf;
  bool directory = false;
};

/// One file of the output.
struct OutputFile {
  std::string name;  ///< in a directory output: the file's name; otherwise empty (the target) or a
                     ///< sibling's name
  std::uint64_t size = 0;  ///< in bytes; of a prepared file an estimate for the free-space check
};

/// Literal bytes: headers, string data, manifests.
struct Segment {
  std::size_t file = 0;  ///< index into Layout::files
  std::uint64_t offset = 0;
  std::string bytes;
};

/// The place of one tensor's elements.
struct Slot {
  enum class Fill : std::uint8_t {
    moved,  ///< the mover writes `length` bytes at `offset`
    sink,   ///< handed to the Sink as a stream, plain or sign-extended: its size in the file is not
            ///< known up front
    literal,  ///< already in a segment or in the prepared file
  };
  std::size_t tensor = 0;  ///< index into Manifest::tensors
  std::size_t file = 0;    ///< index into Layout::files
  std::uint64_t offset = 0, length = 0;
  Codec codec = Codec::plain;
  std::endian order = std::endian::little;
  Fill fill = Fill::moved;
  /// Of a moved slot: the CRC of bytes in front of it, with which its own goes on
  /// (Layout::finish_crc); 0 = it begins with the slot. 0 of others.
  std::uint32_t crc_of_front = 0;
  /// Where in `file` its CRC is written once it is known, 4 bytes, least significant first, over
  /// bytes of a segment; 0 = nowhere.
  std::uint64_t crc_offset = 0;
};

/// An output file whose structure a third-party library writes. Used by one thread.
class Sink {
 public:
  virtual ~Sink() = default;
  /// How many threads it may use for its own work, this one included, and how many bytes of buffers
  /// for that. Once, before create(). What is written must not depend on it.
  virtual void allow(unsigned threads, std::uint64_t memory) {
    static_cast<void>(threads);
    static_cast<void>(memory);
  }
  /// Creates the structure in the existing empty file `path` and sets the offset of each slot that
  /// is to be moved.
  virtual void create(const std::filesystem::path& path, std::vector<Slot>& slots) = 0;
  /// Writes one Fill::sink slot, slot by slot in the order of the layout.
  virtual void write(const Slot& slot, ByteStream& bytes) = 0;
  /// Completes and closes the file. The mover fills the moved slots afterwards.
  virtual void close() = 0;
};

struct Layout {
  std::vector<OutputFile> files;  ///< committed in reverse order: the first one is what users name
  std::vector<Segment> segments;
  std::vector<Slot> slots;
  bool directory = false;  ///< the target is a directory of `files`
  std::unique_ptr<Sink>
      sink;  ///< set: files[0] is prepared by it, and segments hold nothing of that file
  /// Set: called once with the CRC of each moved slot, Slot::crc_of_front included (in the order of
  /// `slots`; 0 for the others); returns bytes to write over segments, or over parts of them.
  std::function<std::vector<Segment>(std::span<const std::uint32_t>)> finish;
  Checksum::Kind finish_crc = Checksum::Kind::crc32c;  ///< which one: crc32c or crc32
  std::vector<Note> notes;
};

/// The gate behind every writer: every tensor placed, lengths equal to the encoded tensors, nothing
/// past the end of its file, no overlap of different slots or segments; in files without a sink
/// also no hole above 64 KiB. Throws Error(internal).
void check(const Layout& layout, const Manifest& manifest);

}  // namespace tensorferry
