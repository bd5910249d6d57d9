// A layout cut into windows of output files: the unit of work of the mover.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// Something that lies in an output file.
struct Item {
  std::uint64_t offset, length;
  std::size_t index;  ///< into Layout::segments or Layout::slots
  bool slot;

  std::uint64_t end() const { return offset + length; }
};

/// How a large tensor that is not row-major in the source is cut.
struct Tiling {
  Shape extent;           ///< of a tile, but for those at the edges
  bool verified = false;  ///< the tiles are ranges of the source: its CRC is taken while moving
};

/// What is made in one buffer: consecutive bytes of one output file, written at once, or one tile
/// of the tensor that lies there.
struct Window {
  std::size_t file;
  std::uint64_t begin, end;
  std::size_t first_item;  ///< the first item of the file that may reach into it; that of the tile
  std::uint64_t tile = 0;
  std::size_t tiling = 0;  ///< its place in Work::tilings, counted from 1; 0 = not a tile
};

struct Work {
  std::vector<Item> items;                ///< file by file, by offset
  std::vector<std::size_t> items_end;     ///< behind the last one of each file
  std::vector<Window> windows;            ///< file by file, by offset
  std::vector<std::size_t> windows_left;  ///< of each file, to be made
  std::vector<std::size_t> verify_ahead;  ///< tensors whose checksums cannot be taken while moving
  std::vector<Tiling> tilings;            ///< of one tensor each
  std::uint64_t tile_bytes = 0;           ///< of the largest tile in the output
  std::uint64_t bytes = 0;                ///< of all windows
  std::uint64_t late_bytes = 0;           ///< in no window: late segments at the end of a file

  std::span<const Item> items_of(std::size_t file) const {
    const std::size_t begin = file == 0 ? 0 : items_end[file - 1];
    return std::span(items).subspan(begin, items_end[file] - begin);
  }
};

/// What a window normally spans, and the multiple in the output file at which it ends: measured to
/// be the best size for one write to the page cache; larger buffers fall out of the second-level
/// cache.
inline constexpr std::uint64_t kWindowBytes = 1u << 20;

/// Output of fewer bytes than this in all is made by one thread, in smaller windows: starting
/// threads and touching new memory would cost more than the rest.
inline constexpr std::uint64_t kFewBytes = 2u << 20;
inline constexpr std::uint64_t kSmallWindowBytes = 128u << 10;

/// Of all files.
std::uint64_t output_bytes(const Layout& layout);

/// Whether a piece of it is not row-major in the source.
bool is_strided(const Tensor& tensor);
/// Whether none of its pieces is row-major, so that boxes of it can be read.
bool is_tileable(const Tensor& tensor);

/// Cuts. Windows end at multiples of kWindowBytes (kSmallWindowBytes), moved back to where the
/// tensor there can be cut; large tensors that are not row-major in the source are cut into tiles
/// that need at most `tile_bytes` of buffers.
Work cut(const Layout& layout, const Manifest& manifest, std::uint64_t tile_bytes);

}  // namespace tensorferry
