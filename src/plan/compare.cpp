#include "tensorferry/compare.h"

#include <algorithm>
#include <optional>
#include <unordered_map>

#include "plan/element_compare.h"
#include "plan/scan.h"

namespace tensorferry {
namespace {

/// A tensor of A and its counterpart; either may be missing.
struct Pair {
  const Tensor* a = nullptr;
  const Tensor* b = nullptr;
};

std::vector<Pair> pair_up(const Manifest& a, const Manifest& b,
                          const std::map<std::string, std::string>& names) {
  std::unordered_map<std::string_view, const Tensor*> unpaired;
  for (const Tensor& tensor : b.tensors) unpaired.emplace(tensor.name, &tensor);
  std::unordered_map<std::string_view, std::string_view> taken;  // B's name -> A's
  std::vector<Pair> pairs;
  for (const Tensor& tensor : a.tensors) {
    const auto mapped = names.find(tensor.name);
    const std::string& name = mapped == names.end() ? tensor.name : mapped->second;
    const auto [other, first] = taken.emplace(name, tensor.name);
    if (!first) {
      throw Error(ErrorCode::usage, "name_map",
                  "\"" + printable(other->second) + "\" and \"" + printable(tensor.name) +
                      "\" both mean \"" + printable(name) + "\"");
    }
    const auto found = unpaired.find(name);
    pairs.push_back({&tensor, found == unpaired.end() ? nullptr : found->second});
    if (found != unpaired.end()) unpaired.erase(found);
  }
  for (const Tensor& tensor : b.tensors) {
    if (unpaired.contains(tensor.name)) pairs.push_back({nullptr, &tensor});
  }
  return pairs;
}

Difference describe(const Pair& pair, Difference::Kind kind) {
  Difference difference;
  difference.kind = kind;
  if (pair.a) {
    difference.name_a = pair.a->name;
    difference.dtype_a = pair.a->dtype;
    difference.shape_a = pair.a->shape;
  }
  if (pair.b) {
    difference.name_b = pair.b->name;
    difference.dtype_b = pair.b->dtype;
    difference.shape_b = pair.b->shape;
  }
  return difference;
}

class Comparing {
 public:
  Comparing(const CompareOptions& options, std::vector<Pair> pairs, std::uint64_t bytes)
      : options_(options),
        pairs_(std::move(pairs)),
        found_(pairs_.size()),
        scan_(options.scan, bytes) {}

  Comparison run() {
    scan_.run(pairs_.size(), [this](std::size_t i) { look_at(pairs_[i], found_[i]); });
    Comparison all;
    for (Found& found : found_) {
      all.bytes += found.bytes;
      if (found.differences.empty()) ++all.same;
      for (Difference& difference : found.differences) {
        const bool close =
            difference.kind == Difference::Kind::values && difference.elements.apart == 0;
        (close ? all.close : all.differences).push_back(std::move(difference));
      }
    }
    return all;
  }

 private:
  struct Found {
    std::vector<Difference> differences;
    std::uint64_t bytes = 0;
  };

  void look_at(const Pair& pair, Found& found) {
    using enum Difference::Kind;
    const auto add = [&](Difference::Kind kind) -> Difference& {
      return found.differences.emplace_back(describe(pair, kind));
    };
    if (!pair.b) add(only_a);
    if (!pair.a) add(only_b);
    if (!pair.a || !pair.b) return;
    const bool same_dtype = pair.a->dtype == pair.b->dtype;
    const bool by_value = !options_.tolerance.exact() && pair.a->shape == pair.b->shape &&
                          are_comparable(pair.a->dtype, pair.b->dtype);
    if (!same_dtype && !by_value) add(dtype);
    if (pair.a->shape != pair.b->shape) add(shape);
    if (!found.differences.empty()) return;
    try {
      const ElementDifferences elements = compare_elements(*pair.a, *pair.b);
      found.bytes = pair.a->bytes();
      if (elements.bits > 0 || !same_dtype) add(values).elements = elements;
    } catch (const Error& error) {
      if (error.id() == "input.cancelled") throw;
      add(unreadable).problem = error;
    }
  }

  ElementDifferences compare_elements(const Tensor& a, const Tensor& b) {
    for (const Tensor* tensor : {&a, &b}) {
      if (tensor->problem) throw tensor->problem->in_tensor(tensor->name);
    }
    ElementComparer comparer(a.dtype, b.dtype, options_.tolerance);
    if (info(a.dtype).kind == DTypeKind::string) {
      const auto turn = scan_.strings_turn();
      comparer.add_strings(load_strings(a, options_.scan.limits),
                           load_strings(b, options_.scan.limits));
      scan_.advance(a.bytes());
      return comparer.result();
    }
    const auto stream_a = open_stream(a), stream_b = open_stream(b);
    Buffer bytes_a = step_buffer(a), bytes_b = step_buffer(b);
    if (a.dtype != b.dtype) take_equal_steps(bytes_a, info(a.dtype), bytes_b, info(b.dtype));
    for (;;) {
      const std::size_t n = read_full(*stream_a, bytes_a), m = read_full(*stream_b, bytes_b);
      if (a.dtype == b.dtype && n != m) return of_another_length(comparer.result());
      if (n == 0) return comparer.result();
      comparer.add(std::span(bytes_a).first(n), std::span(bytes_b).first(m));
      scan_.advance(n);
    }
  }

  /// As many elements at a time of both.
  static void take_equal_steps(Buffer& a, const DTypeInfo& row_a, Buffer& b,
                               const DTypeInfo& row_b) {
    const std::size_t count = std::min(a.size() / row_a.bytes, b.size() / row_b.bytes);
    a = Buffer(count * row_a.bytes);
    b = Buffer(count * row_b.bytes);
  }

  /// Only bytes that no format interprets can be of another length in the same shape.
  static ElementDifferences of_another_length(ElementDifferences elements) {
    ++elements.bits;
    ++elements.apart;
    return elements;
  }

  const CompareOptions& options_;
  std::vector<Pair> pairs_;
  std::vector<Found> found_;
  Scan scan_;
};

}  // namespace

Comparison compare(const Manifest& a, const Manifest& b, const CompareOptions& options) {
  std::vector<Pair> pairs = pair_up(a, b, options.names);
  std::uint64_t bytes = 0;
  for (const Pair& pair : pairs) {
    if (pair.a && pair.b && !pair.a->problem) bytes += pair.a->bytes();
  }
  return Comparing(options, std::move(pairs), bytes).run();
}

}  // namespace tensorferry
