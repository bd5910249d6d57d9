#include "v1_files.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "sniff.h"
#include "tensorferry/error.h"
#include "util/text.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kMostMissing = 1000;
constexpr std::uint64_t kLooked = 4096;

/// The files of one number of shards, by their own number.
using Set = std::map<std::uint64_t, std::string>;

std::string padded(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return digits.size() < 5 ? std::string(5 - digits.size(), '0') + digits : digits;
}

std::string set_name(const std::string& prefix, std::uint64_t count) {
  return prefix +
         "-?????"
         "-of-" +
         padded(count);
}

/// "a/b/" of "a/b/c".
std::string folder_of(const std::string& prefix) {
  const std::size_t slash = prefix.rfind('/');
  return slash == std::string::npos ? "" : prefix.substr(0, slash + 1);
}

std::map<std::uint64_t, Set> sets_of(const Input& input, const std::string& prefix) {
  const std::string folder = folder_of(prefix);
  std::map<std::uint64_t, Set> sets;
  for (const std::string& name :
       input.list(folder.empty() ? "" : folder.substr(0, folder.size() - 1))) {
    const auto shard = parse_v1_shard_name(name);
    if (!shard || folder + shard->prefix != prefix || shard->number >= shard->count) continue;
    sets[shard->count].emplace(shard->number, folder + name);
  }
  // A text or a table of another program may be named so, too.
  std::erase_if(sets, [&](const auto& set) {
    return std::none_of(set.second.begin(), set.second.end(), [&](const auto& member) {
      const auto file = input.sibling(member.second);
      return is_v1_file(*file) || is_lfs_pointer_file(*file);
    });
  });
  return sets;
}

V1Files open_set(const Input& input, const std::string& prefix, std::uint64_t count,
                 const Set& set) {
  V1Files files;
  files.missing = missing_numbers(prefix, count, set);
  for (const auto& [number, name] : set) {
    files.members.push_back(input.sibling(name));
    check_no_lfs_pointer(*files.members.back());
  }
  return files;
}

/// Names that Savers give: beside a graph, or with the customary word.
bool is_usual_name(const std::string& name, const std::vector<std::string>& names) {
  return name.find("ckpt") != std::string::npos || name.starts_with("model") ||
         std::binary_search(names.begin(), names.end(), name + ".meta");
}

}  // namespace

std::vector<std::string> missing_numbers(const std::string& prefix, std::uint64_t count,
                                         const std::map<std::uint64_t, std::string>& found) {
  if (count - found.size() > kMostMissing) {
    throw Error(ErrorCode::input, "missing",
                std::to_string(count - found.size()) + " of the " + std::to_string(count) +
                    " files are missing")
        .in_file(set_name(prefix, count));
  }
  std::vector<std::string> missing;
  for (std::uint64_t number = 0; number < count; ++number) {
    if (found.contains(number)) continue;
    missing.push_back(prefix + "-" + padded(number) + "-of-" + padded(count));
  }
  return missing;
}

bool is_v1_file(const File& file) {
  const std::uint64_t size = file.size();
  return size >= 8 && has_table_magic(file.read_string(size - 8, 8)) &&
         sniff_first_entry(file.read_string(0, std::min(size, kLooked))) == TableKind::v1;
}

std::optional<V1Files> find_v1(const Input& input, const std::string& prefix, std::uint64_t count) {
  if (prefix.empty()) return std::nullopt;
  if (count == 0 && input.has_sibling(prefix)) {
    auto file = input.sibling(prefix);
    if (is_v1_file(*file)) return V1Files{{std::move(file)}, {}, {}};
  }
  const auto sets = sets_of(input, prefix);
  if (count != 0) {
    const auto found = sets.find(count);
    if (found == sets.end()) return std::nullopt;
    return open_set(input, prefix, count, found->second);
  }
  if (sets.empty()) return std::nullopt;
  std::vector<std::string> all, complete;
  std::uint64_t chosen = sets.begin()->first;
  for (const auto& [size, set] : sets) {
    all.push_back(set_name(prefix, size));
    if (set.size() != size) continue;
    complete.push_back(all.back());
    chosen = size;
  }
  if (complete.size() > 1 || (complete.empty() && all.size() > 1)) {
    throw Error(ErrorCode::usage, "ambiguous",
                "several checkpoints: " + join_names(all) + "; name a file of the right one");
  }
  V1Files files = open_set(input, prefix, chosen, sets.at(chosen));
  if (all.size() > 1) {
    files.notes.push_back({"tensorflow.stale_shards",
                           "taken is " + printable(complete.front()) +
                               "; files of another number of shards are left from another save"});
  }
  return files;
}

std::vector<std::string> list_v1(const Input& input) {
  const std::vector<std::string> names = input.list();
  std::set<std::string> found;
  for (const std::string& name : names) {
    const auto shard = parse_v1_shard_name(name);
    if (shard ? found.contains(shard->prefix) : !is_usual_name(name, names)) continue;
    try {
      if (is_v1_file(*input.sibling(name))) found.insert(shard ? shard->prefix : name);
    } catch (const Error&) {
      continue;  // what cannot be looked at is not claimed
    }
  }
  return {found.begin(), found.end()};
}

}  // namespace tensorferry::tensorflow
