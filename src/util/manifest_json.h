// manifest.json: a Manifest written down. The raw format is this file and files of bytes; a folder
// of .npy carries one too. schemas/manifest.schema.json describes it.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// The name of the file in its folder.
inline constexpr std::string_view manifest_file_name = "manifest.json";

/// One entry of "tensors".
struct ManifestEntry {
  std::string name;  ///< any bytes; written as name_base64 when it is not UTF-8
  DType dtype = DType::unknown;
  Shape shape;
  std::string file;  ///< a plain name inside the folder
  std::uint64_t offset = 0;
  std::optional<std::uint64_t> length;
  bool big_endian = false, column_major = false;
  std::string sha256,
      crc32c;             ///< lower-case hex over the bytes as they lie in the file; empty = none
  Attributes attributes;  ///< values that are not UTF-8 are written as attributes_base64
};

struct ManifestDocument {
  Attributes attributes;
  std::vector<ManifestEntry> tensors;
};

/// Whether `text`, the beginning of a file, opens a JSON object that has the key "tensorferry" at
/// its top.
bool looks_like_manifest(std::string_view text);

/// Throws Error(corrupt.manifest) naming the entry, Error(unsafe.path) for a file that is not a
/// plain name, Error(unsupported) for a dtype that is unknown or ambiguous and for another version
/// of this format, Error(unsafe.limit) for more tensors than `limits` allows. Missing dtype or
/// shape: corrupt, "refusing to guess".
ManifestDocument parse_manifest(std::string_view text, const Limits& limits);
/// Deterministic text; every entry on one line. Throws Error(unsupported.attribute) for what JSON
/// cannot say: a number that is not finite, a key that is not UTF-8.
std::string format_manifest(const ManifestDocument& document);

/// Eight lower-case hex digits, most significant first.
std::string crc32c_to_hex(std::uint32_t crc);

/// Appends `manifest.json`, the description of the layout's slots (entry i of slot i), as the
/// layout's last file. An entry without crc32c is reserved with zeros; Layout::finish then rewrites
/// the file, of the same size, with the real checksums.
void add_manifest_file(Layout& layout, ManifestDocument document);

}  // namespace tensorferry
