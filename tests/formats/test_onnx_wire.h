// Fields of a model as bytes.
#pragma once

#include <cstdint>
#include <string>

#include "util/wire.h"

inline std::string block(std::uint32_t number, const std::string& contents) {
  std::string out;
  tensorferry::wire::append_bytes_header(out, number, contents.size());
  return out + contents;
}

inline std::string number(std::uint32_t field, std::uint64_t value) {
  std::string out;
  tensorferry::wire::append_varint(out, std::uint64_t{field} << 3);
  tensorferry::wire::append_varint(out, value);
  return out;
}
