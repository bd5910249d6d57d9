#include <algorithm>
#include <string>
#include <vector>

#include "graph_sniff.h"
#include "sniff.h"
#include "tensorflow.h"
#include "v1_files.h"

namespace tensorferry {
namespace {

using namespace tensorflow;

/// Whether a data file of the checkpoint is in that list of names.
bool has_shard(const std::vector<std::string>& names, const std::string& prefix) {
  const std::string start = prefix + ".data-";
  const auto first = std::lower_bound(names.begin(), names.end(), start);
  return first != names.end() && prefix_of_shard(*first) == prefix;
}

/// Whether there is a checkpoint whose name begins so.
bool has_checkpoint(const Input& input, const std::string& start) {
  const std::vector<std::string> names = input.list(), old = list_v1(input);
  const bool bundle = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    const auto prefix = without_suffix(name, ".index");
    return prefix && prefix->starts_with(start) && has_shard(names, *prefix);
  });
  return bundle || std::any_of(old.begin(), old.end(), [&](const std::string& prefix) {
           return prefix.starts_with(start);
         });
}

bool is_checkpoint_directory(const Input& input) {
  if (input.has_sibling("saved_model.pb") || input.has_sibling("saved_model.pbtxt")) return true;
  if (input.has_sibling("checkpoint")) {
    const auto file = input.sibling("checkpoint");
    if (looks_like_state_file(file->read_string(0, std::min<std::uint64_t>(file->size(), 4096))))
      return true;
  }
  return has_checkpoint(input, "");
}

/// Whether there is a file of a checkpoint, but not what belongs to it.
bool has_half_a_checkpoint(const Input& input) {
  const std::vector<std::string> names = input.list();
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    if (prefix_of_shard(name)) return true;
    if (!name.ends_with(".index")) return false;
    const auto file = input.sibling(name);
    const std::uint64_t end = std::min<std::uint64_t>(file->size(), 8);
    return has_table_magic(file->read_string(file->size() - end, end));
  });
}

/// An index, or what is left of one.
bool is_index(const Probe& probe, const std::string& prefix) {
  return probe.size == 0 || is_lfs_pointer(probe.prefix) || has_table_magic(probe.suffix) ||
         sniff_first_entry(probe.prefix) != TableKind::none ||
         has_shard(probe.input.list(), prefix);
}

bool is_checkpoint_file(const Probe& probe) {
  const Input& input = probe.input;
  const std::string& leaf = input.leaf();
  if (const auto prefix = without_suffix(leaf, ".index")) return is_index(probe, *prefix);
  if (prefix_of_shard(leaf)) return true;
  if (const auto prefix = without_suffix(leaf, ".meta")) {
    return input.has_sibling(*prefix + ".index") || find_v1(input, *prefix) ||
           looks_like_meta_graph(*input.file());
  }
  if (leaf == "saved_model.pb" || leaf == "saved_model.pbtxt") return true;
  if (looks_like_state_file(probe.prefix)) return true;
  if (has_table_magic(probe.suffix)) return sniff_first_entry(probe.prefix) != TableKind::none;
  return input.has_sibling(leaf + ".index") || looks_like_graph(*input.file());
}

Match probe_tensorflow(const Probe& probe) {
  const Input& input = probe.input;
  bool found = false, half = false;
  try {
    switch (input.kind()) {
      case Input::Kind::directory:
        found = is_checkpoint_directory(input);
        half = !found && has_half_a_checkpoint(input);
        break;
      case Input::Kind::prefix:
        found = input.has_sibling(input.leaf() + ".index") ||
                has_shard(input.list(), input.leaf()) || find_v1(input, input.leaf()) ||
                has_checkpoint(input, input.leaf());  // to be told its whole name
        break;
      case Input::Kind::file:
        found = is_checkpoint_file(probe);
        break;
    }
  } catch (const Error& error) {
    // What cannot be looked at is not claimed. Several of ours at once are, and what is left of
    // one.
    found = error.code() == ErrorCode::usage || error.detail() == "lfs_pointer" ||
            error.detail() == "missing";
  }
  return found ? Match::exact : half ? Match::broken : Match::no;
}

}  // namespace

Format make_tensorflow_format() {
  Format format;
  format.name = "tensorflow";
  format.title = "TensorFlow checkpoint (V1 or V2), SavedModel variables, frozen graph";
  format.extensions = {".index", ".ckpt"};
  // A SavedModel keeps two messages beside its own that are of no use without it.
  format.claims_name = [](std::string_view leaf) {
    return leaf.ends_with(".pb") && leaf != "fingerprint.pb" && leaf != "keras_metadata.pb";
  };
  format.aliases = {"tf", "ckpt", "checkpoint"};
  constexpr std::string_view kNoModel =
      "SavedModels and frozen graphs are read as tensorflow but not written; --to tensorflow "
      "writes "
      "a checkpoint";
  format.advice = {{"savedmodel", kNoModel}, {"saved_model", kNoModel}, {"pb", kNoModel}};
  format.read_options = {
      {.name = "names",
       .kind = OptionSpec::Kind::choice,
       .fallback = "auto",
       .help = "what tensors are called: raw = the keys of the checkpoint; object "
               "= paths in its object graph; keras = full names of variables; "
               "auto = what suits the file",
       .choices = {"auto", "raw", "object", "keras"}},
      {.name = "graph",
       .kind = OptionSpec::Kind::boolean,
       .fallback = "false",
       .help = "the constants of the graph of a SavedModel or .meta file in "
               "place of its variables"}};
  using Kind = OptionSpec::Kind;
  format.write_options = {
      {.name = "object_graph",
       .kind = Kind::choice,
       .fallback = "auto",
       .help = "the graph that tf.train.Checkpoint restores by: auto = the source's, without what "
               "is not written; generate = from the names; none",
       .choices = {"auto", "generate", "none"}},
      {.name = "shards",
       .kind = Kind::integer,
       .fallback = "",
       .help = "data files, at most so many; default: as the source checkpoint, otherwise 1"},
      {.name = "max_shard_size",
       .kind = Kind::bytes,
       .fallback = "",
       .help = "bytes of a data file, exceeded by a tensor that is larger; 2G"},
      {.name = "state_file",
       .kind = Kind::boolean,
       .fallback = "false",
       .help = "write the file `checkpoint` too, which tf.train.latest_checkpoint reads"},
      {.name = "strip_colon_zero",
       .kind = Kind::boolean,
       .fallback = "false",
       .help = "x:0 is written as x, as tf.compat.v1.train.Saver calls it"}};
  format.probe = probe_tensorflow;
#ifdef TENSORFERRY_UNAVAILABLE
  format.unavailable = TENSORFERRY_UNAVAILABLE;
#else
  format.reader = make_tensorflow_reader();
  format.writer = make_tensorflow_writer();
#endif
  return format;
}

}  // namespace tensorferry
