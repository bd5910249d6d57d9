#include "resolve.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "graph.h"
#include "sniff.h"
#include "state_file.h"
#include "util/text.h"
#include "v1_files.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kMostStateBytes = 16u << 20;
constexpr std::string_view kStateFile = "checkpoint";
constexpr std::string_view kSavedModelVariables = "variables/variables";

Error missing(std::string message) {
  return Error(ErrorCode::input, "missing", std::move(message));
}

/// Where a path of a `checkpoint` file leads.
struct StatePath {
  bool absolute = false;  ///< in any system's or store's way of writing
  std::string relative;   ///< without "." and doubled slashes
  std::string base;       ///< the last component
};

/// Throws Error(unsafe.path) when a component is "..".
StatePath parse_state_path(const std::string& text) {
  StatePath path;
  path.absolute = text.starts_with('/') || text.find("://") != std::string::npos ||
                  text.find('\\') != std::string::npos || (text.size() > 1 && text[1] == ':');
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find_first_of("/\\"), rest.size());
    const std::string_view part = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    if (part == "..") {
      throw Error(ErrorCode::unsafe, "path", "points out of its directory: " + printable(text));
    }
    if (part.empty() || part == ".") continue;
    if (!path.relative.empty()) path.relative += '/';
    path.relative += part;
    path.base = part;
  }
  return path;
}

class Resolver {
 public:
  explicit Resolver(const Input& input) : input_(input) {}

  Resolved resolve() {
    switch (input_.kind()) {
      case Input::Kind::directory:
        return resolve_directory();
      case Input::Kind::prefix:
        return at(input_.leaf());
      case Input::Kind::file:
        return resolve_file();
    }
    throw Error(ErrorCode::internal, "input_kind", "an input of a kind that is not known");
  }

 private:
  bool has_index(const std::string& prefix) const {
    return !prefix.empty() && input_.has_sibling(prefix + ".index");
  }

  /// The V2 index `file`.
  Resolved open(const std::string& prefix, std::shared_ptr<const File> file) {
    check_no_lfs_pointer(*file);
    Resolved resolved;
    resolved.index = std::move(file);
    resolved.prefix = prefix;
    resolved.notes = std::move(notes_);
    return resolved;
  }

  Resolved open(const std::string& prefix, V1Files files) {
    Resolved resolved;
    resolved.kind = Resolved::Kind::v1;
    resolved.members = std::move(files.members);
    resolved.missing = std::move(files.missing);
    resolved.prefix = prefix;
    resolved.notes = std::move(notes_);
    std::move(files.notes.begin(), files.notes.end(), std::back_inserter(resolved.notes));
    return resolved;
  }

  /// What lies at `prefix`; nothing: neither V2 nor V1 does. `count` != 0: V1 files of that number.
  std::optional<Resolved> try_at(const std::string& prefix, std::uint64_t count = 0) {
    if (count == 0 && has_index(prefix)) return open(prefix, input_.main_file(prefix + ".index"));
    auto files = find_v1(input_, prefix, count);
    if (!files) return std::nullopt;
    return open(prefix, *std::move(files));
  }

  Resolved at(const std::string& prefix) {
    if (auto found = try_at(prefix)) return *std::move(found);
    std::vector<std::string> similar = candidates();
    std::erase_if(similar, [&](const std::string& other) { return !other.starts_with(prefix); });
    if (similar.size() > 1) {
      throw Error(ErrorCode::usage, "ambiguous",
                  "no checkpoint is called exactly so; there are " + join_names(similar))
          .in_file(input_.name());
    }
    throw missing(
        "missing; it holds the names, types and shapes of the checkpoint" +
        (similar.empty() ? std::string() : "; did you mean " + printable(similar.front()) + "?"))
        .in_file(prefix + ".index");
  }

  Resolved resolve_file() {
    const std::string& leaf = input_.leaf();
    if (has_index(leaf)) return at(leaf);
    const auto file = input_.file();
    if (is_v1_file(*file)) return resolve_v1_file(leaf, file);
    if (const auto prefix = without_suffix(leaf, ".index")) return open(*prefix, file);
    if (const auto prefix = prefix_of_shard(leaf)) return at(*prefix);
    if (const auto prefix = without_suffix(leaf, ".meta")) return at(*prefix);
    if (leaf == "saved_model.pb" || leaf == "saved_model.pbtxt") return resolve_saved_model();
    const std::string start = file->read_string(0, std::min<std::uint64_t>(file->size(), 4096));
    if (leaf == kStateFile || looks_like_state_file(start)) return resolve_state_file(*file);
    return open(leaf, file);  // an index under a name of its own, or nothing that Table accepts
  }

  Resolved resolve_v1_file(const std::string& leaf, const std::shared_ptr<const File>& file) {
    const auto shard = parse_v1_shard_name(leaf);
    if (!shard) return open(leaf, V1Files{{file}, {}, {}});
    if (has_index(shard->prefix)) {
      say("chosen", "the V2 checkpoint " + printable(shard->prefix) + " beside it");
      return at(shard->prefix);
    }
    if (auto set = try_at(shard->prefix, shard->count)) return *std::move(set);
    return open(leaf, V1Files{{file}, {}, {}});
  }

  Resolved resolve_directory() {
    if (input_.has_sibling("saved_model.pb") || input_.has_sibling("saved_model.pbtxt")) {
      return resolve_saved_model();
    }
    if (input_.has_sibling(kStateFile)) return resolve_state_file(*input_.sibling(kStateFile));
    for (const std::string& name : input_.list()) {
      if (const auto prefix = prefix_of_shard(name)) {
        return choose(missing("the folder holds " + printable(name) +
                              ", data of a checkpoint, but not " + printable(*prefix) +
                              ".index, which says what it means"));
      }
    }
    return choose(
        missing("no checkpoint in this directory: no file `checkpoint`, no .index, no V1 file"));
  }

  Resolved resolve_saved_model() {
    std::string prefix(kSavedModelVariables);
    if (auto found = try_at(prefix)) {
      found->notes.push_back({"tensorflow.chosen", "the variables of the SavedModel: " + prefix});
      return *std::move(found);
    }
    if (!input_.has_sibling("saved_model.pb") || has_variables(input_.sibling("saved_model.pb"))) {
      throw missing("missing; it holds the variables of this SavedModel")
          .in_file(prefix + ".index");
    }
    Resolved resolved;
    resolved.kind = Resolved::Kind::nothing;
    resolved.notes = {{"tensorflow.no_variables",
                       "the SavedModel has no variables; --in-opt graph=true reads the constants "
                       "of its graph"}};
    return resolved;
  }

  Resolved resolve_state_file(const File& file) {
    if (file.size() > kMostStateBytes) {
      throw Error(ErrorCode::unsafe, "limit",
                  "a file `checkpoint` of " + std::to_string(file.size()) + " bytes")
          .in_file(file.name());
    }
    const auto state = parse_state_file(file.read_string(0, file.size()));
    if (!state || state->newest.empty()) {
      say("bad_state_file", "the file `checkpoint` " +
                                std::string(state ? "names no checkpoint" : "is malformed") +
                                " and is not used");
      return choose(
          Error(ErrorCode::corrupt, "state_file", "the file `checkpoint` names no checkpoint")
              .in_file(file.name()));
    }
    try {
      return follow(*state);
    } catch (const Error& error) {
      throw error.in_file(file.name());
    }
  }

  Resolved follow(const StateFile& state) {
    const StatePath newest = parse_state_path(state.newest);
    if (!newest.absolute) {
      if (auto found = try_path(newest.relative)) {
        found->notes.push_back(
            {"tensorflow.chosen",
             "the newest checkpoint of the file `checkpoint`: " + printable(newest.relative)});
        return *std::move(found);
      }
    }
    if (auto found = try_path(newest.base)) {
      found->notes.push_back({"tensorflow.moved_checkpoint",
                              "the file `checkpoint` names " + printable(state.newest) +
                                  "; taken is " + printable(newest.base) + " beside it"});
      return *std::move(found);
    }
    for (auto path = state.all.rbegin(); path != state.all.rend(); ++path) {
      const StatePath listed = parse_state_path(*path);
      auto found = try_path(listed.base);
      if (!found) continue;
      found->notes.push_back(stale(state, listed.base, "the last one in its list that is there"));
      return *std::move(found);
    }
    return choose(newest.absolute ? Error(ErrorCode::unsafe, "path",
                                          "points to " + printable(state.newest) +
                                              ", which is not followed, and there is no checkpoint "
                                              "beside it; name it directly")
                                  : missing("the checkpoint " + printable(state.newest) +
                                            " that the file `checkpoint` names"),
                  &state);
  }

  /// A path of a state file, which has question marks for the number of a V1 shard.
  std::optional<Resolved> try_path(std::string path) {
    constexpr std::string_view kGlob =
        "-?????"
        "-of-";
    const std::size_t glob = path.rfind(kGlob);
    if (glob == std::string::npos) return try_at(path);
    path.replace(glob + 1, 5, "00000");
    const auto shard = parse_v1_shard_name(path);
    return shard ? try_at(shard->prefix, shard->count) : std::nullopt;
  }

  std::vector<std::string> candidates() const {
    std::vector<std::string> prefixes;
    for (const std::string& name : input_.list()) {
      if (auto prefix = without_suffix(name, ".index")) prefixes.push_back(std::move(*prefix));
    }
    std::vector<std::string> all = list_v1(input_);
    std::erase_if(all, [&](const std::string& prefix) { return has_index(prefix); });
    all.insert(all.end(), prefixes.begin(), prefixes.end());
    std::sort(all.begin(), all.end());
    return all;
  }

  /// The only checkpoint of the directory, or with a stale state file the newest one; otherwise
  /// throws.
  Resolved choose(const Error& none, const StateFile* state = nullptr) {
    const std::vector<std::string> prefixes = candidates();
    if (prefixes.empty()) throw none.in_file(input_.name());
    if (auto parts = try_parts(prefixes)) return *std::move(parts);
    if (prefixes.size() == 1) {
      notes_.push_back(state != nullptr
                           ? stale(*state, prefixes[0], "the only one here")
                           : Note{"tensorflow.chosen", "the only checkpoint of the directory: " +
                                                           printable(prefixes[0])});
      return at(prefixes[0]);
    }
    if (const std::string* newest = state != nullptr ? newest_of(prefixes) : nullptr) {
      notes_.push_back(stale(*state, *newest, "the one that was written last"));
      return at(*newest);
    }
    throw Error(ErrorCode::usage, "ambiguous",
                "several checkpoints: " + join_names(prefixes) + "; name one of them")
        .in_file(input_.name());
  }

  /// A sharded save writes `P_temp/part-SSSSS-of-NNNNN`, each a bundle of its own, and merges them
  /// at last. What it leaves when it is interrupted before that.
  std::optional<Resolved> try_parts(const std::vector<std::string>& prefixes) {
    std::map<std::uint64_t, std::string> found;
    const auto first = parse_shard_name(prefixes.front());
    if (!first || first->count < 2) return std::nullopt;
    for (const std::string& prefix : prefixes) {
      const auto part = parse_shard_name(prefix);
      if (!part || part->prefix != first->prefix || part->count != first->count ||
          part->number >= part->count || !has_index(prefix)) {
        return std::nullopt;
      }
      found.emplace(part->number, prefix);
    }
    Resolved resolved;
    resolved.kind = Resolved::Kind::parts;
    resolved.prefix = first->prefix;
    resolved.missing = missing_numbers(first->prefix, first->count, found);
    for (const auto& [number, prefix] : found) {
      resolved.parts.push_back(open(prefix, input_.sibling(prefix + ".index")));
      resolved.parts.back().is_part = true;
    }
    resolved.notes = {{"tensorflow.parts", "the save was not completed; taken are its " +
                                               std::to_string(found.size()) + " parts together"}};
    return resolved;
  }

  std::int64_t modified(const std::string& prefix) const {
    if (has_index(prefix)) return input_.sibling(prefix + ".index")->identity().modified_ns;
    const auto files = find_v1(input_, prefix);
    return files ? files->members.front()->identity().modified_ns : 0;
  }

  /// By time of modification; nothing when two are equally new.
  const std::string* newest_of(const std::vector<std::string>& prefixes) const {
    const std::string* best = nullptr;
    std::int64_t best_time = 0;
    for (const std::string& prefix : prefixes) {
      const std::int64_t time = modified(prefix);
      const bool first = &prefix == &prefixes.front();
      if (!first && time < best_time) continue;
      best = first || time > best_time ? &prefix : nullptr;
      best_time = time;
    }
    return best;
  }

  void say(std::string_view id, std::string text) {
    notes_.push_back({"tensorflow." + std::string(id), std::move(text)});
  }
  static Note stale(const StateFile& state, const std::string& chosen, const std::string& why) {
    return {"tensorflow.stale_state_file",
            "the file `checkpoint` names " + printable(state.newest) +
                ", which is not there; taken is " + printable(chosen) + ", " + why};
  }

  const Input& input_;
  std::vector<Note> notes_;
};

std::string padded(std::int32_t number) {
  std::string digits = std::to_string(number);
  return digits.size() < 5 ? std::string(5 - digits.size(), '0') + digits : digits;
}

}  // namespace

Resolved resolve(const Input& input) { return Resolver(input).resolve(); }

std::string shard_name(const std::string& prefix, std::int32_t shard, std::int32_t shards) {
  return prefix + ".data-" + padded(shard) + "-of-" + padded(shards);
}

}  // namespace tensorferry::tensorflow
