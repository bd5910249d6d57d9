// Where everything goes: the answer of a Writer, checked by one gate, carried out by the
// ConversionPlan.
#pragma once

#include <bit>
#include <cstdint>
#include <functional>
#include <map>
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
  std::uint64_t size = 0;  ///< in bytes, without what a sink appends
  std::uint64_t appended =
      0;  ///< behind that by the sink, in bytes: an estimate until it is written

  std::uint64_t total() const { return size + appended; }
};

/// Literal bytes: headers, string data, manifests.
struct Segment {
  std::size_t file = 0;  ///< index into Layout::files
  std::uint64_t offset = 0;
  std::string bytes;
  /// Written after everything else, when Layout::finish has put into `bytes` what was not known;
  /// in its turn when that was known at once.
  bool late = false;
};

/// The place of one tensor's elements.
struct Slot {
  enum class Fill : std::uint8_t {
    moved,  ///< the mover writes `length` bytes at `offset`
    sink,   ///< handed to the Sink as a stream, plain or sign-extended: its size in the file is not
            ///< known up front
    literal,  ///< already in a segment
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
  /// bytes of a segment that is not late; 0 = nowhere.
  std::uint64_t crc_offset = 0;
};

/// An output file, behind what a layout places in it.
class GrowingFile {
 public:
  virtual ~GrowingFile() = default;
  /// Where the next bytes go.
  virtual std::uint64_t end() const = 0;
  virtual void append(std::span<const std::byte> bytes) = 0;
  /// Over what was appended.
  virtual void rewrite(std::uint64_t offset, std::span<const std::byte> bytes) = 0;
};

struct Layout;

/// Makes what has no size before it is made, compressed elements, and appends it to files[0]. Used
/// by one thread, before anything else of the layout is written. `file` is the same in all calls.
class Sink {
 public:
  virtual ~Sink() = default;
  /// How many bytes of buffers it will hold at most when allow() is called with the same: not more
  /// than `memory`. Throws Error(usage.memory_limit) where one thread needs more.
  virtual std::uint64_t buffer_bytes(unsigned threads, std::uint64_t memory) const {
    static_cast<void>(threads);
    static_cast<void>(memory);
    return 0;
  }
  /// How many threads it may use for its own work, this one included, and how many bytes of buffers
  /// for that, 2 MiB or more. Once, at first. What is written must not depend on it.
  virtual void allow(unsigned threads, std::uint64_t memory) {
    static_cast<void>(threads);
    static_cast<void>(memory);
  }
  /// Appends one Fill::sink slot, slot by slot in the order of the layout.
  virtual void write(const Slot& slot, ByteStream& bytes, GrowingFile& file) = 0;
  /// Appends the rest, and puts into the segments of `layout`, whose places stay, what was not
  /// known before.
  virtual void finish(GrowingFile& file, Layout& layout) = 0;
};

struct Layout {
  std::vector<OutputFile> files;  ///< committed in reverse order: the first one is what users name
  std::vector<Segment> segments;
  std::vector<Slot> slots;
  bool directory = false;      ///< the target is a directory of `files`
  std::unique_ptr<Sink> sink;  ///< set where there are Fill::sink slots
  /// Set: called once with the CRC of each moved slot, Slot::crc_of_front included (in the order of
  /// `slots`; 0 for the others), and the segments of this layout. Puts the CRCs into the late ones,
  /// whose places and sizes stay, and changes nothing else.
  std::function<void(std::span<const std::uint32_t>, std::span<Segment>)> finish;
  Checksum::Kind finish_crc = Checksum::Kind::crc32c;  ///< which one: crc32c or crc32
  std::vector<Note> notes;
  /// What the format's reader has to be told to find the same again, where the file cannot say it.
  std::map<std::string, std::string> read_options;
};

/// The gate behind every writer: every tensor placed, lengths equal to the encoded tensors, nothing
/// past the end of its file, no overlap of different slots or segments, no hole above 64 KiB.
/// Throws Error(internal).
void check(const Layout& layout, const Manifest& manifest);

}  // namespace tensorferry
