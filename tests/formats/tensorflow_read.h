// Reads a checkpoint in memory as the program does: reader, then gate.
#pragma once

#include <string>

#include "formats/tensorflow_bundle.h"
#include "tensorferry/format.h"
#include "tensorferry/stream.h"
#include "tensorflow/tensorflow.h"

namespace tensorflow_test {

inline tensorferry::Manifest read_input(const tensorferry::Input& input,
                                        const tensorferry::Limits& limits = {}) {
  auto manifest = tensorferry::make_tensorflow_reader()->read(input, {}, limits);
  tensorferry::check(manifest, limits);
  return manifest;
}

inline tensorferry::Manifest read_files(const Files& files, const std::string& path = "m",
                                        const tensorferry::Limits& limits = {}) {
  return read_input(tensorferry::Input::memory(path, files), limits);
}

/// The bytes of a tensor, as text so that doctest compares and shows them.
inline std::string bytes_of(const tensorferry::Tensor& tensor) {
  const auto bytes = tensorferry::load_bytes(tensor);
  return std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size());
}

/// "corrupt.size" of the tensor's problem, "" when it has none.
inline std::string problem_of(const tensorferry::Tensor& tensor) {
  return tensor.problem ? tensor.problem->id() : "";
}

/// Whether one of the notes has that identifier.
inline bool has_note(const tensorferry::Manifest& manifest, std::string_view id) {
  for (const tensorferry::Note& note : manifest.notes) {
    if (note.id == id) return true;
  }
  return false;
}

}  // namespace tensorflow_test
