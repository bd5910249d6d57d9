#include "variant_payload.h"

#include "encoding.h"
#include "tensorferry/error.h"
#include "util/crc32c.h"

namespace tensorferry::tensorflow {

std::uint32_t masked_crc_of_variants(std::string_view payload, std::uint64_t elements) {
  std::uint32_t crc = 0;
  for (std::uint64_t i = 0; i < elements; ++i) {
    std::uint64_t length = 0;
    if (!take_varint(payload, length) || payload.size() < 4 || length > payload.size() - 4) {
      throw Error(ErrorCode::corrupt, "variant", "a variant runs past the end of its payload");
    }
    std::string wide;
    append_little32(wide, static_cast<std::uint32_t>(length));
    append_little32(wide, static_cast<std::uint32_t>(length >> 32));
    crc = crc32c(crc32c(crc, as_bytes(wide)), as_bytes(payload.substr(0, length)));
    payload.remove_prefix(length);
    if (load_little32(payload) != mask_crc(crc)) {
      throw Error(ErrorCode::corrupt, "checksum", "a variant does not match its checksum");
    }
    crc = crc32c(crc, as_bytes(payload.substr(0, 4)));
    payload.remove_prefix(4);
  }
  if (!payload.empty()) {
    throw Error(ErrorCode::corrupt, "variant",
                std::to_string(payload.size()) + " bytes behind the last variant");
  }
  return mask_crc(crc);
}

}  // namespace tensorferry::tensorflow
