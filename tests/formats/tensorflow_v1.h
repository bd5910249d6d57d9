// Writes V1 checkpoints for tests, wrong ones too.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "formats/tensorflow_bundle.h"

namespace tensorflow_test {

/// The key of a tensor that is whole, of that rank: start 0, length -1 of each dimension.
inline std::string v1_key(const std::string& name, std::size_t rank) {
  std::string key = '\0' + name + std::string("\0\1", 2);
  key += rank == 0 ? std::string(1, '\0') : std::string("\1") + static_cast<char>(rank);
  for (std::size_t i = 0; i < rank; ++i) key += "\x80\x7f";
  return key;
}

/// What the header says of such a tensor.
inline std::string v1_meta(const std::string& name, std::int64_t dtype,
                           const std::vector<std::int64_t>& dims) {
  std::string shape;
  for (const std::int64_t dim : dims) shape += field(2, field(1, dim));
  return field(1, name) + field(2, shape) + field(3, dtype) +
         field(4, slice_message(SliceSpec(dims.size(), {0, std::nullopt})));
}

/// A record whose TensorProto has that contents.
inline std::string v1_record(const std::string& values) { return field(2, field(3, values)); }

inline std::string v1_header(const std::vector<std::string>& metas) {
  std::string meta;
  for (const std::string& tensor : metas) meta += field(1, tensor);
  return field(1, meta + field(2, field(1, std::int64_t{1})));
}

/// Values of the field int_val, packed.
inline std::string int_values(const std::vector<std::int64_t>& values) {
  std::string packed;
  for (const std::int64_t value : values) packed += varint(static_cast<std::uint64_t>(value));
  return field(7, packed);
}

/// uint8 tensors that hold the bytes of texts, sorted by name.
inline std::string v1_file(const std::vector<std::pair<std::string, std::string>>& texts,
                           const TableOptions& options = {}) {
  std::vector<std::string> metas;
  Entries entries = {{"", ""}};
  for (const auto& [name, text] : texts) {
    metas.push_back(v1_meta(name, 4, {static_cast<std::int64_t>(text.size())}));
    entries.emplace_back(v1_key(name, 1), v1_record(int_values({text.begin(), text.end()})));
  }
  entries[0].second = v1_header(metas);
  return table(entries, options);
}

}  // namespace tensorflow_test
