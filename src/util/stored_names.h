// Names of tensors in a format that cannot hold every name.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

#include "tensorferry/manifest.h"

namespace tensorferry {

/// The name of each tensor in the file. A name that is UTF-8 and that the format can hold stands
/// as it is. Of others every byte from 80 on and every `%` become `%XX`, and the first byte too
/// where that changes nothing; the empty name becomes `%`. No two names become the same.
class StoredNames {
 public:
  /// Keeps a reference. `format` is for messages. `can_hold` is asked of names that are UTF-8.
  /// Throws Error(unsupported.name_collision) listing the names that an escaped one would meet.
  StoredNames(const Manifest& manifest, std::string_view format,
              bool (*can_hold)(std::string_view));

  const std::string& of(std::size_t tensor) const;
  std::size_t escaped_count() const { return escaped_.size(); }
  /// `wanted`, with underscores behind it until no tensor has that name.
  std::string unused(std::string wanted) const;

 private:
  const Manifest& manifest_;
  std::map<std::size_t, std::string> escaped_;
};

}  // namespace tensorferry
