// Attributes of datasets and groups, read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "file_driver.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

/// What the attributes of one object, or of a file, may take together.
class AttributeBudget {
 public:
  explicit AttributeBudget(std::uint64_t bytes) : left_(bytes) {}
  /// Throws Error(unsafe.limit).
  void take(std::uint64_t bytes);

 private:
  std::uint64_t left_;
};

struct StoredAttributes {
  Attributes scalars;        ///< under their stored names
  std::size_t left_out = 0;  ///< arrays, and types that no attribute of ours has
  std::vector<Note> notes;   ///< of those of variable length that lie outside the object header
};

/// The scalars of an object: text, integers, floats, bools. An attribute that cannot be read counts
/// as left out.
StoredAttributes read_attributes(hid_t object, AttributeBudget& budget);

/// The attribute `name` as text; nothing when there is none, or it is of another kind.
std::optional<std::string> text_attribute(hid_t object, const char* name, AttributeBudget& budget);

/// The attribute `name` as a list of strings. An empty one may be of any type, as h5py writes it.
/// Throws Error(corrupt) for any other kind; nothing when there is none.
std::optional<std::vector<std::string>> text_list_attribute(hid_t object, const char* name,
                                                            AttributeBudget& budget);

}  // namespace tensorferry::hdf5
