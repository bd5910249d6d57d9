#include "keras_shards.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>

#include "keras_paths.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry::hdf5 {
namespace {

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

class Joiner {
 public:
  explicit Joiner(const KerasShards& shards) : shards_(shards) {}

  void add(const std::string& file, ShardTensors part) {
    for (std::size_t i = 0; i < part.paths.size(); ++i) {
      const std::string group = group_of_variable(part.paths[i]);
      const auto listed = shards_.files_of.find(group);
      if (listed == shards_.files_of.end() ||
          std::find(listed->second.begin(), listed->second.end(), file) == listed->second.end())
        unlisted_.push_back(part.paths[i]);
      found_.emplace(group, file);
      add_tensor(file, std::move(part.paths[i]), std::move(part.tensors[i]));
    }
  }

  ShardTensors finish(std::vector<Note>& notes) {
    for (const auto& [group, files] : shards_.files_of) {
      for (const std::string& file : files) {
        if (found_.contains({group, file})) continue;
        Tensor tensor = absent(group, file);
        if (!places_.emplace(tensor.name, Place{0, file}).second) continue;
        all_.paths.push_back(tensor.name);
        all_.tensors.push_back(std::move(tensor));
      }
    }
    if (!unlisted_.empty()) {
      notes.push_back({"hdf5.not_in_index", "the index does not list " + join_names(unlisted_) +
                                                " for the file that has it"});
    }
    return std::move(all_);
  }

 private:
  struct Place {
    std::size_t tensor;
    std::string file;
  };

  void add_tensor(const std::string& file, std::string path, Tensor tensor) {
    const auto [first, is_new] = places_.try_emplace(path, Place{all_.tensors.size(), file});
    if (!is_new) {
      all_.tensors[first->second.tensor].problem =
          Error(ErrorCode::corrupt, "two_shards",
                "is in both \"" + printable(first->second.file) + "\" and \"" + printable(file) +
                    "\": do all files come from one save?")
              .in_tensor(path);
      return;
    }
    all_.paths.push_back(std::move(path));
    all_.tensors.push_back(std::move(tensor));
  }

  const KerasShards& shards_;
  ShardTensors all_;
  std::unordered_map<std::string, Place> places_;
  std::set<std::pair<std::string, std::string>> found_;
  std::vector<std::string> unlisted_;
};

}  // namespace

std::vector<std::string> KerasShards::groups() const {
  std::vector<std::string> names;
  for (const auto& [group, unused] : files_of) names.push_back(group);
  return names;
}

KerasShards read_keras_index(const File& index, const Limits& limits) {
  if (index.size() > limits.header_bytes) {
    throw Error(ErrorCode::unsafe, "limit",
                "the index has " + std::to_string(index.size()) + " bytes, the limit is " +
                    std::to_string(limits.header_bytes));
  }
  const Json document = parse_json(index.read_string(0, index.size()), limits.json_depth);
  const auto map = document.is_object() ? document.find("weight_map") : document.end();
  if (map == document.end() || !map->is_object()) malformed("it has no object \"weight_map\"");
  KerasShards shards;
  std::set<std::string> files;
  for (const auto& [key, value] : map->items()) {
    auto of_group = files_of(key, value);
    files.insert(of_group.begin(), of_group.end());
    shards.files_of[group_of(key)] = std::move(of_group);
  }
  shards.files.assign(files.begin(), files.end());
  return shards;
}

std::vector<std::shared_ptr<const File>> open_keras_shards(const Input& input,
                                                           const KerasShards& shards) {
  std::vector<std::shared_ptr<const File>> files;
  std::vector<std::string> missing;
  for (const std::string& name : shards.files) {
    try {
      files.push_back(input.sibling(name));
    } catch (const Error& error) {
      if (error.code() != ErrorCode::input || error.detail() != "missing") throw;
      missing.push_back(name);
    }
  }
  if (missing.empty()) return files;
  throw Error(ErrorCode::input, "missing",
              std::to_string(missing.size()) + " of the " + std::to_string(shards.files.size()) +
                  " files that it lists " + (missing.size() == 1 ? "is" : "are") +
                  " not beside it: " + join_names(missing, 3));
}

ShardTensors join_keras_shards(const KerasShards& shards, std::vector<ShardTensors> parts,
                               std::vector<Note>& notes) {
  Joiner joiner(shards);
  for (std::size_t i = 0; i < parts.size(); ++i) joiner.add(shards.files[i], std::move(parts[i]));
  return joiner.finish(notes);
}

}  // namespace tensorferry::hdf5
