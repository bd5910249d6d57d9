// A model as its reader sees it, and where its tensors stand.
#pragma once

#include <vector>

#include "graph_reader.h"
#include "tensorferry/manifest.h"

namespace tensorferry::onnx {

struct Model {
  Manifest manifest;
  /// Of the tensors of the manifest. Empty when pairs of tensors were joined, which no ONNX writer
  /// makes.
  std::vector<Place> places;
};

/// Throws Error.
Model read_model(const Input& input, const Limits& limits);

}  // namespace tensorferry::onnx
