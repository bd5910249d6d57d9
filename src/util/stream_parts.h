// Streams whose length is known.
#pragma once

#include <span>
#include <string_view>

#include "tensorferry/stream.h"

namespace tensorferry {

/// Fills all of `bytes`. Throws Error(internal.stream) naming `what` when the stream ends before.
void read_fully(ByteStream& stream, std::span<std::byte> bytes, std::string_view what);

/// Asks for what must not be there: a source tells at the end of its stream that its checksum does
/// not match. Throws Error(internal.stream) when the stream goes on.
void expect_end(ByteStream& stream, std::string_view what);

}  // namespace tensorferry
