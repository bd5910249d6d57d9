// The file `checkpoint`: protobuf text that says which checkpoint of a folder is the newest.
//
//   model_checkpoint_path: "ckpt-4"
//   all_model_checkpoint_paths: "ckpt-3"
//   all_model_checkpoint_timestamps: 1545445876.768099
//
// Message CheckpointState of TensorFlow's python/training/checkpoint_state.proto, in the text
// format of protobuf.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tensorferry::tensorflow {

struct StateFile {
  std::string newest;            ///< model_checkpoint_path, as written
  std::vector<std::string> all;  ///< all_model_checkpoint_paths, oldest first
};

/// Nothing when the text is malformed or has a field that is not known, as TensorFlow decides.
/// Reads comments, both kinds of quotes, adjacent strings, escapes, lists, and `,` or `;` after a
/// field.
std::optional<StateFile> parse_state_file(std::string_view text);

/// The text that says that this checkpoint, a name in the file's folder, is the newest and only
/// one.
std::string format_state_file(std::string_view checkpoint);

}  // namespace tensorferry::tensorflow
