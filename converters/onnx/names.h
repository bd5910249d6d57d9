// Names of tensors: ONNX wants them non-empty, unique, and in practice UTF-8.
#pragma once

#include <cstddef>
#include <map>
#include <string>

#include "tensorferry/manifest.h"

namespace tensorferry::onnx {

/// The name of each tensor in the file. A name that is UTF-8 and not empty stands as it is. Of
/// others every byte from 80 on and every `%` become `%XX`; the empty name becomes `%`, which no
/// other name turns into.
class StoredNames {
 public:
  /// Keeps a reference. Throws Error(unsupported.name_collision) listing the names that an escaped
  /// one would meet.
  explicit StoredNames(const Manifest& manifest);

  const std::string& of(std::size_t tensor) const;
  /// Escaped, so that the original has to be written down.
  bool escaped(std::size_t tensor) const { return escaped_.contains(tensor); }
  std::size_t escaped_count() const { return escaped_.size(); }
  /// `wanted`, with underscores behind it until no tensor has that name.
  std::string unused(std::string wanted) const;

 private:
  const Manifest& manifest_;
  std::map<std::size_t, std::string> escaped_;
};

}  // namespace tensorferry::onnx
