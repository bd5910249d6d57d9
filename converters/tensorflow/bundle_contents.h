// What goes into a V2 checkpoint, under which key, and in which order.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tensorferry/format.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// The key of what a bundle has no place for: a string tensor [n, 2] of the entries that
/// util/metadata_entries.h describes.
inline constexpr std::string_view kMetadataKey = "_TENSORFERRY";

struct WriteOptions {
  enum class Graph : std::uint8_t { automatic, generate, none };
  Graph graph = Graph::automatic;
  bool strip_colon_zero = false;
  std::uint64_t shards = 0;           ///< at most so many; 0 = not asked for
  std::uint64_t max_shard_bytes = 0;  ///< 0 = not asked for
};

/// One entry of the index and its bytes.
struct Content {
  std::string key;
  std::optional<std::size_t> tensor;  ///< its index; nothing for what is made here
  DType dtype = DType::unknown;       ///< as the bundle has it
  Shape shape;
  std::uint64_t size = 0;              ///< in bytes
  std::optional<std::string> literal;  ///< the bytes, where they are made here
  std::uint32_t masked_crc = 0;        ///< of a literal
  std::uint64_t shard = 0, offset = 0;
};

struct BundleContents {
  std::vector<Content> contents;  ///< in the order of the data; the tensors' ones first
  std::vector<std::uint64_t> shard_bytes;
  std::vector<Note> notes;
};

/// How a bundle holds a dtype.
std::optional<Encoding> encoding_of(DType dtype);

/// Loads strings and variants. Throws Error(unsupported.name), Error(unsupported.name_taken),
/// Error(unsupported.rank), each with all tensors that are to blame.
BundleContents contents_of(const Manifest& manifest, const WriteOptions& options,
                           const Limits& limits);

}  // namespace tensorferry::tensorflow
