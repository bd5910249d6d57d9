#include "tensorferry/manifest.h"

#include <algorithm>
#include <utility>

#include "util/text.h"

namespace tensorferry {
namespace {

std::uint64_t origin_bytes(const Piece& piece) {
  if (const auto* range = std::get_if<FileRange>(&piece.origin)) return range->length;
  return std::get<Strings>(piece.origin)->bytes;
}

// Names a person may have meant: of similar spelling first, then those that contain the word.
std::vector<std::string> suggestions(const std::vector<Tensor>& tensors, std::string_view name) {
  constexpr std::size_t kMost = 3;
  std::vector<std::string> names;
  names.reserve(tensors.size());
  for (const Tensor& tensor : tensors) names.push_back(tensor.name);
  std::vector<std::string> result = nearest(name, names, kMost);
  for (const std::string& candidate : names) {
    if (result.size() >= kMost || name.empty()) break;
    if (candidate.find(name) == std::string::npos) continue;
    if (std::find(result.begin(), result.end(), candidate) == result.end())
      result.push_back(candidate);
  }
  return result;
}

bool has_other_name(const Manifest& manifest, const Tensor& tensor, std::string_view name) {
  return std::any_of(manifest.name_attributes.begin(), manifest.name_attributes.end(),
                     [&](const std::string& attribute) {
                       const auto found = tensor.attributes.find(attribute);
                       if (found == tensor.attributes.end()) return false;
                       const auto* other = std::get_if<std::string>(&found->second);
                       return other != nullptr && *other == name;
                     });
}

}  // namespace

std::string_view to_string(Role role) {
  switch (role) {
    case Role::weight:
      return "weight";
    case Role::table:
      return "table";
    case Role::optimizer:
      return "optimizer";
    case Role::counter:
      return "counter";
    case Role::metric:
      return "metric";
    case Role::iterator:
      return "iterator";
    case Role::rng:
      return "rng";
    case Role::program:
      return "program";
    case Role::config:
      break;
  }
  return "config";
}

bool is_model_state(Role role) {
  return role == Role::weight || role == Role::table || role == Role::config;
}

std::uint64_t Tensor::bytes() const {
  if (is_fixed_size(dtype)) return encoded_bytes(dtype, Codec::plain, elements());
  std::uint64_t sum = 0;
  for (const Piece& piece : stored.pieces) sum = checked_add(sum, origin_bytes(piece));
  return sum;
}

const Tensor& Manifest::at(std::string_view name) const {
  const auto found = std::find_if(tensors.begin(), tensors.end(),
                                  [&](const Tensor& tensor) { return tensor.name == name; });
  if (found != tensors.end()) return *found;
  const Tensor* only = nullptr;
  for (const Tensor& tensor : tensors) {
    if (!has_other_name(*this, tensor, name)) continue;
    if (only != nullptr) {
      throw Error(ErrorCode::usage, "ambiguous",
                  "\"" + printable(name) + "\" is another name of " +
                      join_names({only->name, tensor.name}));
    }
    only = &tensor;
  }
  if (only != nullptr) return *only;
  std::string message = "there is no tensor \"" + printable(name) + "\"";
  const std::vector<std::string> near = suggestions(tensors, name);
  if (!near.empty()) message += "; did you mean " + join_names(near) + "?";
  throw Error(ErrorCode::usage, "no_such_tensor", message);
}

}  // namespace tensorferry
