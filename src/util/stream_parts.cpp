#include "util/stream_parts.h"

namespace tensorferry {

void read_fully(ByteStream& stream, std::span<std::byte> bytes, std::string_view what) {
  while (!bytes.empty()) {
    const std::size_t count = stream.read(bytes);
    if (count == 0) {
      throw Error(ErrorCode::internal, "stream",
                  "the stream of " + printable(what) + " ended early");
    }
    bytes = bytes.subspan(count);
  }
}

void expect_end(ByteStream& stream, std::string_view what) {
  std::byte surplus;
  if (stream.read({&surplus, 1}) != 0)
    throw Error(ErrorCode::internal, "stream", "the stream of " + printable(what) + " goes on");
}

}  // namespace tensorferry
