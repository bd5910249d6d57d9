#include "resolve.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "sniff.h"
#include "state_file.h"
#include "util/text.h"

namespace tensorferry::tensorflow {
namespace {

constexpr std::uint64_t kMostStateBytes = 16u << 20;
constexpr std::uint64_t kLfsPointerBytes = 1024;  // a pointer file is shorter than this
constexpr std::string_view kStateFile = "checkpoint";
constexpr std::string_view kSavedModelVariables = "variables/variables";

Error missing(std::string message) {
  return Error(ErrorCode::input, "missing", std::move(message));
}

Error v1_checkpoint(std::string_view name) {
  return Error(ErrorCode::unsupported, "v1_checkpoint",
               "a checkpoint in the V1 format (before TensorFlow 0.12), which is not read yet")
      .in_file(name);
}

bool is_table(const File& file) {
  const std::uint64_t size = file.size();
  return size >= 8 && has_table_magic(file.read_string(size - 8, 8));
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
        return open(input_.leaf());
      case Input::Kind::file:
        return resolve_file();
    }
    throw Error(ErrorCode::internal, "input_kind", "an input of a kind that is not known");
  }

 private:
  bool has_index(const std::string& prefix) const {
    return !prefix.empty() && input_.has_sibling(prefix + ".index");
  }

  /// Takes `file`, or what lies at `prefix`.
  Resolved open(const std::string& prefix, std::shared_ptr<const File> file = nullptr) {
    if (!file) {
      try {
        file = input_.sibling(prefix + ".index");
      } catch (const Error& error) {
        if (error.code() != ErrorCode::input || error.detail() != "missing") throw;
        throw no_index(prefix).in_file(error.file()).in_file(prefix + ".index");
      }
    }
    if (is_lfs_pointer_file(*file)) {
      throw Error(ErrorCode::corrupt, "lfs_pointer",
                  "a Git-LFS pointer in place of the index; fetch the file with: git lfs pull")
          .in_file(file->name());
    }
    return {std::move(file), prefix, std::move(notes_)};
  }

  Error no_index(const std::string& prefix) const {
    if (is_v1(prefix)) return v1_checkpoint(prefix);
    return missing("missing; it holds the names, types and shapes of the checkpoint");
  }

  /// A V1 checkpoint is one table, or several named P-SSSSS-of-NNNNN.
  bool is_v1(const std::string& prefix) const {
    if (prefix.empty()) return false;
    if (input_.has_sibling(prefix)) return is_table(*input_.sibling(prefix));
    const std::size_t slash = prefix.rfind('/');
    const bool nested = slash != std::string::npos;
    const std::string leaf = nested ? prefix.substr(slash + 1) : prefix;
    for (const std::string& name : input_.list(nested ? prefix.substr(0, slash) : "")) {
      if (name.starts_with(leaf + "-") && name.find("-of-", leaf.size()) != std::string::npos) {
        return is_table(*input_.sibling(nested ? prefix.substr(0, slash + 1) + name : name));
      }
    }
    return false;
  }

  Resolved resolve_file() {
    const std::string& leaf = input_.leaf();
    if (has_index(leaf)) return open(leaf);
    if (const auto prefix = without_suffix(leaf, ".index")) return open(*prefix, input_.file());
    if (const auto prefix = prefix_of_shard(leaf)) return open(*prefix);
    if (const auto prefix = without_suffix(leaf, ".meta")) return open(*prefix);
    if (leaf == "saved_model.pb" || leaf == "saved_model.pbtxt") return resolve_saved_model();
    const auto file = input_.file();
    const std::string start = file->read_string(0, std::min<std::uint64_t>(file->size(), 4096));
    if (leaf == kStateFile || looks_like_state_file(start)) return resolve_state_file(*file);
    if (is_table(*file) && sniff_first_entry(start) == TableKind::v1)
      throw v1_checkpoint(file->name());
    return open(leaf, file);  // an index under a name of its own, or nothing that Table accepts
  }

  Resolved resolve_directory() {
    if (input_.has_sibling("saved_model.pb") || input_.has_sibling("saved_model.pbtxt")) {
      return resolve_saved_model();
    }
    if (input_.has_sibling(kStateFile)) return resolve_state_file(*input_.sibling(kStateFile));
    return choose(
        missing("no checkpoint in this directory: neither a file `checkpoint` nor an .index"));
  }

  Resolved resolve_saved_model() {
    std::string prefix(kSavedModelVariables);
    if (!has_index(prefix))
      throw missing("missing; it holds the variables of this SavedModel")
          .in_file(prefix + ".index");
    say("chosen", "the variables of the SavedModel: " + prefix);
    return open(prefix);
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
    if (!newest.absolute && has_index(newest.relative)) {
      say("chosen",
          "the newest checkpoint of the file `checkpoint`: " + printable(newest.relative));
      return open(newest.relative);
    }
    if (has_index(newest.base)) {
      say("moved_checkpoint", "the file `checkpoint` names " + printable(state.newest) +
                                  "; taken is " + printable(newest.base) + " beside it");
      return open(newest.base);
    }
    if (!newest.absolute && is_v1(newest.relative)) throw v1_checkpoint(newest.relative);
    if (is_v1(newest.base)) throw v1_checkpoint(newest.base);
    for (auto path = state.all.rbegin(); path != state.all.rend(); ++path) {
      const std::string base = parse_state_path(*path).base;
      if (!has_index(base)) continue;
      say_stale(state, base, "the last one in its list that is there");
      return open(base);
    }
    return choose(newest.absolute ? Error(ErrorCode::unsafe, "path",
                                          "points to " + printable(state.newest) +
                                              ", which is not followed, and there is no checkpoint "
                                              "beside it; name it directly")
                                  : missing("the checkpoint " + printable(state.newest) +
                                            " that the file `checkpoint` names"),
                  &state);
  }

  /// The only index of the directory, or with a stale state file the newest one; otherwise throws.
  Resolved choose(const Error& none, const StateFile* stale = nullptr) {
    std::vector<std::string> prefixes;
    for (const std::string& name : input_.list()) {
      if (auto prefix = without_suffix(name, ".index")) prefixes.push_back(std::move(*prefix));
    }
    if (prefixes.empty()) throw none.in_file(input_.name());
    if (prefixes.size() == 1) {
      if (stale != nullptr) {
        say_stale(*stale, prefixes[0], "the only one here");
      } else {
        say("chosen", "the only checkpoint of the directory: " + printable(prefixes[0]));
      }
      return open(prefixes[0]);
    }
    if (const std::string* newest = stale != nullptr ? newest_of(prefixes) : nullptr) {
      say_stale(*stale, *newest, "the one that was written last");
      return open(*newest);
    }
    throw Error(ErrorCode::usage, "ambiguous",
                "several checkpoints: " + join_names(prefixes) + "; name one of them")
        .in_file(input_.name());
  }

  /// By time of modification; nothing when two are equally new.
  const std::string* newest_of(const std::vector<std::string>& prefixes) const {
    const std::string* best = nullptr;
    std::int64_t best_time = 0;
    for (const std::string& prefix : prefixes) {
      const std::int64_t time = input_.sibling(prefix + ".index")->identity().modified_ns;
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
  void say_stale(const StateFile& state, const std::string& chosen, std::string_view why) {
    say("stale_state_file", "the file `checkpoint` names " + printable(state.newest) +
                                ", which is not there; taken is " + printable(chosen) + ", " +
                                std::string(why));
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

bool is_lfs_pointer_file(const File& file) {
  return file.size() < kLfsPointerBytes && is_lfs_pointer(file.read_string(0, file.size()));
}

}  // namespace tensorferry::tensorflow
