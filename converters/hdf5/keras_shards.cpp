#include "keras_shards.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

#include "keras_paths.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

struct Index {
  /// Names of files, by the path of the group that has `vars`; "" is the model's own.
  std::map<std::string, std::vector<std::string>> files_of;
  /// Each file once, sorted.
  std::vector<std::string> files;
  /// What all weights take, where it says so.
  std::optional<double> bytes;
};

[[noreturn]] void malformed(const std::string& what) {
  throw Error(ErrorCode::corrupt, "index", what);
}

// "/layers/dense/vars" is about the group layers/dense, "/vars" about the model itself.
std::string group_of(std::string_view key) {
  constexpr std::string_view kVars = "/vars";
  if (!key.starts_with('/') || !key.ends_with(kVars))
    malformed("the entry \"" + printable(key) + "\" of weight_map does not end with /vars");
  key.remove_suffix(kVars.size());
  if (!key.empty()) key.remove_prefix(1);
  return std::string(key);
}

std::vector<std::string> files_of(const std::string& key, const Json& value) {
  std::vector<std::string> files;
  const auto add = [&](const Json& file) {
    if (!file.is_string())
      malformed("the entry \"" + printable(key) + "\" of weight_map is not the name of a file");
    files.push_back(file.get<std::string>());
  };
  if (value.is_array()) {
    for (const Json& file : value) add(file);
  } else {
    add(value);
  }
  return files;
}

std::string group_of_variable(const std::string& path) {
  const Components parts = split_path(path);
  return is_variable(parts) ? join_path(std::span(parts).first(parts.size() - 2)) : path;
}

Tensor absent(const std::string& group, const std::string& file) {
  Tensor tensor;
  tensor.name = group.empty() ? "vars" : group + "/vars";
  tensor.problem = Error(ErrorCode::corrupt, "missing_tensor",
                         "the index says that it is in \"" + printable(file) +
                             "\", which does not have it: do all files come from one save?")
                       .in_tensor(tensor.name);
  return tensor;
}

Index read_index(const File& file, const Limits& limits) {
  if (file.size() > limits.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "the index has " + std::to_string(file.size()) + " bytes, the limit is " +
                    std::to_string(limits.header_bytes));
  }
  const Json document = parse_json(file.read_string(0, file.size()), limits.json_depth);
  const auto map = document.is_object() ? document.find("weight_map") : document.end();
  if (map == document.end() || !map->is_object()) malformed("it has no object \"weight_map\"");
  Index index;
  std::set<std::string> files;
  for (const auto& [key, value] : map->items()) {
    auto of_group = files_of(key, value);
    files.insert(of_group.begin(), of_group.end());
    index.files_of[group_of(key)] = std::move(of_group);
  }
  index.files.assign(files.begin(), files.end());
  const auto metadata = document.find("metadata");
  if (metadata == document.end() || !metadata->is_object()) return index;
  const auto bytes = metadata->find("total_size");
  if (bytes != metadata->end() && bytes->is_number()) index.bytes = bytes->get<double>();
  return index;
}

std::vector<std::shared_ptr<const File>> open_all(const Input& input, const Index& index) {
  std::vector<std::shared_ptr<const File>> files;
  std::vector<std::string> missing;
  for (const std::string& name : index.files) {
    try {
      files.push_back(input.sibling(name));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::input || error.detail() != "missing") throw;
      missing.push_back(name);
    }
  }
  if (missing.empty()) return files;
  throw Error(ErrorCode::input, "missing",
              std::to_string(missing.size()) + " of the " + std::to_string(index.files.size()) +
                  " files that it lists " + (missing.size() == 1 ? "is" : "are") +
                  " not beside it: " + join_names(missing, 3));
}

// Keras 3.10 lists no more than the first file of each group: BASE_00001.weights.h5 and so on may
// be parts without being listed.
std::vector<std::string> unlisted_files(const Input& input, const Index& index,
                                        std::string_view index_name) {
  constexpr std::string_view kEnd = ".weights.h5";
  constexpr std::size_t kDigits = 5;
  index_name.remove_suffix(keras_index_suffix.size());
  const std::string start = std::string(index_name) + "_";
  std::vector<std::string> names;
  for (std::string& name : input.list()) {
    if (name.size() != start.size() + kDigits + kEnd.size() || !name.starts_with(start) ||
        !name.ends_with(kEnd) ||
        name.find_first_not_of("0123456789", start.size()) != start.size() + kDigits ||
        std::binary_search(index.files.begin(), index.files.end(), name))
      continue;
    names.push_back(std::move(name));
  }
  return names;
}

// As Keras counts them: a bool is a bit. Nothing when one cannot be read.
std::optional<double> bytes_of(const std::vector<Tensor>& tensors) {
  double bytes = 0;
  for (const Tensor& tensor : tensors) {
    if (tensor.problem) return std::nullopt;
    const auto size = static_cast<double>(tensor.bytes());
    bytes += tensor.dtype == DType::boolean ? size / 8 : size;
  }
  return bytes;
}

class Joiner {
 public:
  Joiner(const Index& index, const Limits& limits) : index_(index), limits_(limits) {}

  /// Whether the files so far hold as much as the index says, or nobody knows.
  bool complete() const {
    const auto bytes = bytes_of(all_.manifest.tensors);
    return !index_.bytes || !bytes || *bytes == *index_.bytes;
  }

  void add(const std::string& file, Contents part, bool is_listed) {
    if (!is_listed) files_.push_back(file);
    for (std::size_t i = 0; i < part.paths.size(); ++i) {
      const std::string group = group_of_variable(part.paths[i]);
      const auto listed = index_.files_of.find(group);
      if (is_listed &&
          (listed == index_.files_of.end() ||
           std::find(listed->second.begin(), listed->second.end(), file) == listed->second.end()))
        unlisted_.push_back(part.paths[i]);
      found_.emplace(group, file);
      add_tensor(file, std::move(part.paths[i]), std::move(part.manifest.tensors[i]));
    }
    all_.manifest.attributes.merge(part.manifest.attributes);
    std::move(part.manifest.notes.begin(), part.manifest.notes.end(),
              std::back_inserter(all_.manifest.notes));
    if (all_.keras && part.keras) {
      all_.keras->add(*std::move(part.keras));
    } else if (part.keras) {
      all_.keras = std::move(part.keras);
    }
  }

  Contents finish() {
    for (const auto& [group, files] : index_.files_of) {
      for (const std::string& file : files) {
        if (found_.contains({group, file})) continue;
        Tensor tensor = absent(group, file);
        if (!places_.emplace(tensor.name, Place{0, file}).second) continue;
        all_.paths.push_back(tensor.name);
        all_.manifest.tensors.push_back(std::move(tensor));
      }
    }
    if (!unlisted_.empty()) {
      all_.manifest.notes.push_back(
          {"hdf5.not_in_index",
           "the index does not list " + join_names(unlisted_) + " for the file that has it"});
    }
    if (!files_.empty()) {
      all_.manifest.notes.push_back(
          {"hdf5.unlisted_files", "the index does not list " + join_names(files_, 3) +
                                      ", which hold the rest of the weights whose size it gives "
                                      "(Keras 3.10 lists one file for each layer)"});
    }
    return std::move(all_);
  }

 private:
  struct Place {
    std::size_t tensor;
    std::string file;
  };

  void add_tensor(const std::string& file, std::string path, Tensor tensor) {
    const auto [first, is_new] = places_.try_emplace(path, Place{all_.paths.size(), file});
    if (!is_new) {
      all_.manifest.tensors[first->second.tensor].problem =
          Error(ErrorCode::corrupt, "two_shards",
                "is in both \"" + printable(first->second.file) + "\" and \"" + printable(file) +
                    "\": do all files come from one save?")
              .in_tensor(path);
      return;
    }
    if (all_.paths.size() >= limits_.tensors) {
      throw Error(ErrorCode::unsafe, "limit",
                  "more than " + std::to_string(limits_.tensors) + " tensors");
    }
    all_.paths.push_back(std::move(path));
    all_.manifest.tensors.push_back(std::move(tensor));
  }

  const Index& index_;
  const Limits& limits_;
  Contents all_;
  std::unordered_map<std::string, Place> places_;
  std::set<std::pair<std::string, std::string>> found_;
  std::vector<std::string> unlisted_;
  std::vector<std::string> files_;  // that are not listed
};

}  // namespace

Contents read_keras_shards(const Input& input, const File& file, std::string_view name,
                           const Limits& limits, const ReadShard& read) {
  const Index index = read_index(file, limits);
  std::vector<std::string> groups;
  for (const auto& [group, unused] : index.files_of) groups.push_back(group);
  Joiner joiner(index, limits);
  const auto add = [&](const std::string& shard, const auto& part, bool is_listed) {
    try {
      joiner.add(shard, read(part, groups), is_listed);
    } catch (const Error& error) {
      throw error.in_file(part->name());
    }
  };
  const auto files = open_all(input, index);
  for (std::size_t i = 0; i < files.size(); ++i) add(index.files[i], files[i], true);
  if (!joiner.complete()) {
    for (const std::string& shard : unlisted_files(input, index, name))
      add(shard, input.sibling(shard), false);
  }
  if (!joiner.complete()) {
    throw Error(ErrorCode::corrupt, "total_size",
                "the weights in the files beside the index do not have the size that it gives "
                "(total_size): a file is missing, or is from another save");
  }
  return joiner.finish();
}

}  // namespace tensorferry::hdf5
