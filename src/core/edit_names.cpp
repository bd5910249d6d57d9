#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <unordered_map>
#include <utility>

#include "core/edit.h"
#include "core/expression.h"
#include "tensorferry/input.h"
#include "util/json.h"
#include "util/text.h"

namespace tensorferry {
namespace {

// Names in the source of the tensors that would share a name.
void refuse_collisions(Manifest& manifest) {
  std::unordered_map<std::string_view, std::vector<std::size_t>> tensors;
  tensors.reserve(manifest.tensors.size());
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i)
    tensors[manifest.tensors[i].name].push_back(i);
  if (tensors.size() == manifest.tensors.size()) return;
  for (const auto& [name, places] : tensors) {
    if (places.size() < 2) continue;
    std::vector<std::string> sources;
    for (const std::size_t i : places) sources.push_back(source_name(manifest.tensors[i]));
    const Error problem(ErrorCode::usage, "name_collision",
                        "this would be the name of " + join_names(sources));
    for (const std::size_t i : places) {
      if (!manifest.tensors[i].problem) manifest.tensors[i].problem = problem;
    }
  }
}

}  // namespace

void set_name(Tensor& tensor, std::string name) {
  if (name == tensor.name) return;
  // What other formats call it belonged to the old name.
  std::erase_if(tensor.attributes,
                [](const auto& attribute) { return attribute.first.ends_with(key_suffix); });
  if (tensor.renamed_from.empty()) tensor.renamed_from = std::move(tensor.name);
  tensor.name = std::move(name);
}

Edit rename(const std::vector<Renaming>& renamings) {
  std::vector<std::pair<Expression, std::string>> compiled;
  compiled.reserve(renamings.size());
  for (const Renaming& renaming : renamings)
    compiled.emplace_back(Expression(renaming.expression), renaming.replacement);
  return
      [rules = std::make_shared<const decltype(compiled)>(std::move(compiled))](Manifest manifest) {
        std::vector<bool> used(rules->size(), false);
        for (Tensor& tensor : manifest.tensors) {
          std::string name = tensor.name;
          for (std::size_t i = 0; i < rules->size(); ++i) {
            const auto& [expression, replacement] = (*rules)[i];
            std::string next = expression.replaced(name, replacement);
            // A match may be replaced by itself.
            used[i] = used[i] || next != name || expression.matches(name);
            name = std::move(next);
          }
          set_name(tensor, std::move(name));
        }
        for (std::size_t i = 0; i < rules->size(); ++i) {
          if (used[i]) continue;
          manifest.notes.push_back(
              {"rename.idle", "--rename matches no name: " + printable((*rules)[i].first.text())});
        }
        refuse_collisions(manifest);
        return manifest;
      };
}

Edit map_names(NameMap map) {
  return [map = std::make_shared<const NameMap>(std::move(map))](Manifest manifest) {
    std::vector<std::string> dropped, idle;
    std::set<std::string_view> used;
    std::vector<Tensor> kept;
    kept.reserve(manifest.tensors.size());
    for (Tensor& tensor : manifest.tensors) {
      const auto found = map->names.find(tensor.name);
      if (found != map->names.end()) {
        used.insert(found->first);
        set_name(tensor, found->second);
      } else if (map->unmapped == Unmapped::drop) {
        dropped.push_back(tensor.name);
        continue;
      } else if (map->unmapped == Unmapped::error && !tensor.problem) {
        tensor.problem = Error(ErrorCode::usage, "unmapped",
                               "the map has no entry for it (--unmapped keep or drop goes on)");
      }
      kept.push_back(std::move(tensor));
    }
    manifest.tensors = std::move(kept);
    for (const auto& [from, to] : map->names) {
      if (!used.contains(from)) idle.push_back(from);
    }
    constexpr std::size_t kMostNames = 5;
    if (!dropped.empty()) {
      manifest.notes.push_back({"map.dropped", std::to_string(dropped.size()) +
                                                   " that the map lacks are left out: " +
                                                   join_names(dropped, kMostNames)});
    }
    if (!idle.empty()) {
      manifest.notes.push_back(
          {"map.idle", std::to_string(idle.size()) +
                           (idle.size() == 1 ? " entry of the map meets no tensor: "
                                             : " entries of the map meet no tensor: ") +
                           join_names(idle, kMostNames)});
    }
    refuse_collisions(manifest);
    return manifest;
  };
}

Edit set_metadata(Attributes attributes) {
  return [attributes = std::move(attributes)](Manifest manifest) {
    for (const auto& [key, value] : attributes) manifest.attributes[key] = value;
    return manifest;
  };
}

std::map<std::string, std::string> read_name_map(const std::filesystem::path& path) {
  constexpr std::uint64_t kMostBytes = 100'000'000;  // as Limits::header_bytes
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::usage, "name_map", why).in_file(path.string());
  };
  const auto file = Input::open(path).file();
  if (file->size() > kMostBytes) refuse("is too large for a map of names");
  std::map<std::string, std::string> names;
  try {
    const Json document = parse_json(file->read_string(0, file->size()));
    if (!document.is_object()) refuse("is not a JSON object of names to names");
    for (const auto& [from, to] : document.items()) {
      if (!to.is_string())
        refuse("\"" + printable(from) + "\" leads to something that is not a text");
      names.emplace(from, to.get<std::string>());
    }
  } catch (const Error& error) {
    throw error.in_file(path.string());
  }
  return names;
}

}  // namespace tensorferry
