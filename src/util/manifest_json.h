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

/// Eight lower-case hex digits, most significant first.
std::string crc32c_to_hex(std::uint32_t crc);

/// A manifest as it is written, every entry on one line; the same text for the same entries. Throws
/// Error(unsupported.attribute) for what JSON cannot say: a number that is not finite, a key that
/// is not UTF-8.
class ManifestText {
 public:
  /// Of `manifest`, whose tensors are added one by one.
  explicit ManifestText(const Manifest& manifest);
  /// The tensor at `slot`, whose elements are little-endian and row-major, of `file`. Without
  /// `crc32c`, hex digits, zeros stand there until Layout::finish knows the slot's.
  void add(const Tensor& tensor, std::string_view file, const Slot& slot,
           std::string_view crc32c = {});
  /// Appends `manifest.json` as the layout's last file: entry i describes slot i.
  void add_to(Layout& layout) &&;

 private:
  /// Digits that wait for the CRC of a slot.
  struct Pending {
    std::size_t slot, place;
  };
  std::string text_;
  std::size_t entries_ = 0;
  std::vector<Pending> pending_;
};

}  // namespace tensorferry
