// Whether a message is one that the official parsers accept, all of it, without holding it: fields
// that no reader looks at, messages that are skipped, text that is not UTF-8.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <unordered_map>

#include "tensorferry/input.h"

namespace tensorferry::wire {

/// The messages of a schema, as far as bytes can contradict it.
class MessageSchema {
 public:
  /// A line for each message: `Message number=kind ...`. A kind is the name of a message, or
  /// `utf8`, `varints`, `fixed32s`, `fixed64s`. The text outlives the schema.
  explicit MessageSchema(std::string_view text);

  /// Reads `file`, which is the message `root`. Throws Error(corrupt.truncated) when it ends inside
  /// a field, Error(corrupt.message), Error(corrupt.depth), Error(corrupt.utf8).
  void check(const File& file, std::string_view root) const;

 private:
  class Walk;
  using Message = std::unordered_map<std::uint32_t, std::string_view>;  ///< kinds by number

  std::map<std::string_view, Message> messages_;
};

}  // namespace tensorferry::wire
