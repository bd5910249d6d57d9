// Apart from keras_shards.cpp, because a build without the HDF5 library recognises files, too.
#include <string>
#include <vector>

#include "keras_shards.h"

namespace tensorferry::hdf5 {

bool is_keras_index(const Probe& probe) {
  if (probe.input.kind() == Input::Kind::directory) return !keras_index_in(probe.input).empty();
  const std::size_t first = probe.prefix.find_first_not_of(" \t\r\n");
  return probe.input.leaf().ends_with(keras_index_suffix) && first != std::string_view::npos &&
         probe.prefix[first] == '{' &&
         probe.prefix.find("\"weight_map\"") != std::string_view::npos;
}

std::string keras_index_in(const Input& folder) {
  std::vector<std::string> names = folder.list();
  std::erase_if(names, [](const std::string& name) { return !name.ends_with(keras_index_suffix); });
  return names.size() == 1 ? names.front() : std::string();
}

}  // namespace tensorferry::hdf5
