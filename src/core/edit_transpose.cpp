#include <algorithm>
#include <utility>

#include "core/edit.h"
#include "core/glob.h"
#include "plan/boxes.h"
#include "tensorferry/stream.h"
#include "util/text.h"

namespace tensorferry {
namespace {

using Axes = std::vector<std::size_t>;

bool is_permutation(const Axes& axes) {
  Axes sorted = axes;
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (sorted[i] != i) return false;
  }
  return true;
}

template <typename T>
std::vector<T> permuted(const std::vector<T>& values, const Axes& axes) {
  std::vector<T> result;
  result.reserve(axes.size());
  for (const std::size_t axis : axes) result.push_back(values[axis]);
  return result;
}

std::vector<std::string> permuted_strings(const Tensor& tensor, const Axes& axes,
                                          const Limits& limits) {
  std::vector<std::string> from = load_strings(tensor, limits);
  const Shape to_shape = permuted(tensor.shape, axes);
  const Shape strides = permuted(dense_strides(tensor.shape, 1), axes);
  std::vector<std::string> to;
  to.reserve(from.size());
  Shape index(to_shape.size(), 0);
  for (std::size_t i = 0; i < from.size(); ++i) {
    std::uint64_t at = 0;
    for (std::size_t d = 0; d < index.size(); ++d) at += index[d] * strides[d];
    to.push_back(std::move(from[at]));
    for (std::size_t d = index.size(); d-- > 0;) {
      if (++index[d] < to_shape[d]) break;
      index[d] = 0;
    }
  }
  return to;
}

void transpose_strings(Tensor& tensor, const Axes& axes) {
  StringSource strings;
  for (const Piece& piece : tensor.stored.pieces) {
    strings.bytes = checked_add(strings.bytes, std::get<Strings>(piece.origin)->bytes);
  }
  Limits limits;
  limits.string_bytes = std::max(limits.string_bytes, strings.bytes);
  strings.load = [tensor, axes, limits] { return permuted_strings(tensor, axes, limits); };
  Piece whole;
  whole.origin = std::move(strings);
  tensor.stored = {};
  tensor.stored.pieces.push_back(std::move(whole));
}

void transpose_piece(Piece& piece, const Tensor& tensor, const Axes& axes) {
  const std::uint64_t element = encoded_bytes(stored_dtype(tensor), tensor.stored.codec, 1);
  const Shape& extent = piece.extent.empty() ? tensor.shape : piece.extent;
  const Shape strides =
      piece.byte_strides.empty() ? dense_strides(extent, element) : piece.byte_strides;
  Shape moved = permuted(strides, axes);
  const bool dense = moved == dense_strides(permuted(extent, axes), element);
  if (!piece.extent.empty()) {
    piece.start = permuted(piece.start, axes);
    piece.extent = permuted(piece.extent, axes);
  }
  piece.byte_strides = dense ? Shape{} : std::move(moved);
}

void transpose_tensor(Tensor& tensor, const Axes& axes) {
  if (tensor.dtype == DType::string) {
    transpose_strings(tensor, axes);
  } else {
    for (Piece& piece : tensor.stored.pieces) transpose_piece(piece, tensor, axes);
  }
  tensor.shape = permuted(tensor.shape, axes);
}

struct Rule {
  Glob glob;
  Axes axes;
};

Problem misfit(const Tensor& tensor, const Axes& axes) {
  if (axes.size() != tensor.shape.size()) {
    return Error(ErrorCode::usage, "axes",
                 "its shape " + to_string(tensor.shape) + " has no " + std::to_string(axes.size()) +
                     " axes to transpose");
  }
  if (tensor.stored.codec == Codec::packed) {
    return Error(ErrorCode::unsupported, "packed",
                 "elements that share bytes are not transposed; convert them to .npy first");
  }
  return {};
}

}  // namespace

Edit transpose(std::vector<Transposition> transpositions) {
  std::vector<Rule> rules;
  std::vector<std::string> patterns;
  for (Transposition& one : transpositions) {
    if (!is_permutation(one.axes)) {
      throw Error(ErrorCode::usage, "axes",
                  "--transpose " + printable(one.pattern) +
                      ": the axes must name every dimension once, from 0 on");
    }
    rules.push_back({Glob(one.pattern), std::move(one.axes)});
    patterns.push_back(std::move(one.pattern));
  }
  return [rules = std::move(rules), patterns = std::move(patterns)](Manifest manifest) {
    PatternUse use("--transpose", patterns);
    for (Tensor& tensor : manifest.tensors) {
      const auto rule = std::find_if(rules.begin(), rules.end(), [&](const Rule& one) {
        return one.glob.matches(tensor.name);
      });
      if (rule == rules.end()) continue;
      use.mark(static_cast<std::size_t>(rule - rules.begin()));
      if (tensor.problem) continue;
      tensor.problem = misfit(tensor, rule->axes);
      if (!tensor.problem) transpose_tensor(tensor, rule->axes);
    }
    use.refuse_idle();
    return manifest;
  };
}

}  // namespace tensorferry
