#include "parts.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

namespace tensorferry::tensorflow {
namespace {

bool in_slices(const Tensor& tensor) {
  return std::all_of(tensor.stored.pieces.begin(), tensor.stored.pieces.end(),
                     [](const Piece& piece) { return !piece.extent.empty(); });
}

/// Slices of `more` come to those of `whole`; gaps and overlaps are found by the gate.
void add_slices(Tensor& whole, Tensor&& more) {
  if (whole.problem) return;
  if (more.problem) {
    whole.problem = more.problem;
    return;
  }
  const bool same = whole.dtype == more.dtype && whole.shape == more.shape &&
                    whole.stored.order == more.stored.order;
  if (!same || !in_slices(whole) || !in_slices(more)) {
    whole.problem =
        Error(ErrorCode::corrupt, "parts", "in two parts, and not as slices of one tensor")
            .in_tensor(whole.name);
    return;
  }
  std::move(more.stored.pieces.begin(), more.stored.pieces.end(),
            std::back_inserter(whole.stored.pieces));
}

}  // namespace

Manifest join_parts(std::vector<Manifest> parts) {
  Manifest joined;
  std::map<std::string, Tensor> tensors;
  for (Manifest& part : parts) {
    joined.attributes.insert(part.attributes.begin(), part.attributes.end());
    std::move(part.notes.begin(), part.notes.end(), std::back_inserter(joined.notes));
    for (Tensor& tensor : part.tensors) {
      const auto place = tensors.find(tensor.name);
      if (place == tensors.end()) {
        tensors.emplace(tensor.name, std::move(tensor));
      } else {
        add_slices(place->second, std::move(tensor));
      }
    }
  }
  joined.attributes["tensorflow.num_shards"] = static_cast<std::int64_t>(parts.size());
  for (auto& [name, tensor] : tensors) joined.tensors.push_back(std::move(tensor));
  return joined;
}

}  // namespace tensorferry::tensorflow
