#include "parts.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <utility>

#include "manifest_builder.h"

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

bool is_complete(const Tensor& tensor) {
  if (!in_slices(tensor)) return true;
  std::uint64_t covered = 0;
  for (const Piece& piece : tensor.stored.pieces)
    covered = checked_add(covered, element_count(piece.extent));
  return covered >= tensor.elements();
}

}  // namespace

Manifest join_parts(std::vector<Manifest> parts, const std::vector<std::string>& missing) {
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
  for (auto& [name, tensor] : tensors) {
    if (!missing.empty() && !tensor.problem && !is_complete(tensor)) {
      tensor.problem =
          Error(ErrorCode::input, "missing", "a part that may hold the rest is missing")
              .in_file(missing.front())
              .in_tensor(name);
    }
    joined.tensors.push_back(std::move(tensor));
  }
  for (const std::string& name : missing) joined.tensors.push_back(missing_file(name));
  return joined;
}

}  // namespace tensorferry::tensorflow
