#include "difference_text.h"

#include <array>
#include <nlohmann/json.hpp>

#include "output.h"
#include "scanning.h"
#include "values.h"

namespace tensorferry::cli {
namespace {

using Kind = Difference::Kind;

constexpr int kDigits = 4;

std::string_view word_of(const Difference& difference) {
  switch (difference.kind) {
    case Kind::only_a:
      return "only in A";
    case Kind::only_b:
      return "only in B";
    case Kind::dtype:
      return "dtype";
    case Kind::shape:
      return "shape";
    case Kind::unreadable:
      return "unreadable";
    case Kind::values:
      break;
  }
  return difference.elements.apart > 0 ? "values" : "close";
}

std::string type_text(DType dtype, const Shape& shape) {
  return std::string(to_string(dtype)) + " " + to_string(shape);
}

Shape index_of(std::uint64_t at, const Shape& shape) {
  Shape index(shape.size(), 0);
  for (std::size_t d = shape.size(); d-- > 0;) {
    if (shape[d] == 0) continue;
    index[d] = at % shape[d];
    at /= shape[d];
  }
  return index;
}

bool has_ulp(const Difference& difference) {
  const auto has = [](DType dtype) {
    const DTypeKind kind = info(dtype).kind;
    return kind == DTypeKind::real || kind == DTypeKind::complex;
  };
  return has(difference.dtype_a) || has(difference.dtype_b);
}

/// Of a pair with one shape: "float32 [2]", or "float32 | float16 [2]".
std::string type_text(const Difference& difference) {
  std::string text(to_string(difference.dtype_a));
  if (difference.dtype_a != difference.dtype_b)
    text += " | " + std::string(to_string(difference.dtype_b));
  return text + " " + to_string(difference.shape_a);
}

std::string values_text(const Difference& difference) {
  const ElementDifferences& found = difference.elements;
  const std::string type = type_text(difference);
  if (found.bits == 0) return type + ": all values are equal";
  const std::uint64_t count = found.apart > 0 ? found.apart : found.bits;
  const char* close = difference.dtype_a == difference.dtype_b
                          ? " elements have other bits, first at "
                          : " elements have other values, first at ";
  std::string text = type + ": " + std::to_string(count) + " of " + std::to_string(found.elements) +
                     (found.apart > 0 ? " elements differ, first at " : close) +
                     to_string(index_of(found.first, difference.shape_a));
  if (!is_number(difference.dtype_a)) return text;
  text += "; worst at " + to_string(index_of(found.worst, difference.shape_a)) + ": ";
  append_value(text, difference.dtype_a, found.worst_a.data(), Style::text);
  text += " | ";
  append_value(text, difference.dtype_b, found.worst_b.data(), Style::text);
  text += "; largest errors: absolute " + significant(found.absolute, kDigits) + ", relative " +
          significant(found.relative, kDigits);
  if (has_ulp(difference)) text += ", ulp " + std::to_string(found.ulp);
  if (found.nan > 0) text += "; NaN against a number: " + std::to_string(found.nan);
  return text;
}

std::string details(const Difference& difference) {
  switch (difference.kind) {
    case Kind::only_a:
      return type_text(difference.dtype_a, difference.shape_a);
    case Kind::only_b:
      return type_text(difference.dtype_b, difference.shape_b);
    case Kind::dtype:
      return std::string(to_string(difference.dtype_a)) + " | " +
             std::string(to_string(difference.dtype_b));
    case Kind::shape:
      return to_string(difference.shape_a) + " | " + to_string(difference.shape_b);
    case Kind::unreadable:
      return short_problem(*difference.problem);
    case Kind::values:
      break;
  }
  return values_text(difference);
}

std::string name_text(const Difference& difference) {
  std::string a = printable(difference.name_a, 0), b = printable(difference.name_b, 0);
  if (difference.kind == Kind::only_b) return b;
  return difference.kind == Kind::only_a || a == b ? a : a + " | " + b;
}

Json element_json(DType dtype, const std::array<std::byte, 16>& bytes) {
  std::string text;
  append_value(text, dtype, bytes.data(), Style::json);
  return Json::parse(text);
}

Json values_json(const Difference& difference) {
  const ElementDifferences& found = difference.elements;
  Json object = {{"elements", found.elements},
                 {"different_bits", found.bits},
                 {"apart", found.apart},
                 {"first", index_of(found.first, difference.shape_a)}};
  if (!is_number(difference.dtype_a) || found.bits == 0) return object;
  object["worst"] = index_of(found.worst, difference.shape_a);
  object["worst_a"] = element_json(difference.dtype_a, found.worst_a);
  object["worst_b"] = element_json(difference.dtype_b, found.worst_b);
  object["absolute"] = json_number(found.absolute);
  object["relative"] = json_number(found.relative);
  if (has_ulp(difference)) object["ulp"] = found.ulp;
  object["nan_against_number"] = found.nan;
  return object;
}

Json difference_json(const Difference& difference) {
  Json object = {{"kind", word_of(difference)}};
  if (difference.kind != Kind::only_b) {
    object["name"] = json_bytes(difference.name_a);
    object["dtype"] = to_string(difference.dtype_a);
    object["shape"] = difference.shape_a;
  }
  if (difference.kind != Kind::only_a) {
    object["name_b"] = json_bytes(difference.name_b);
    object["dtype_b"] = to_string(difference.dtype_b);
    object["shape_b"] = difference.shape_b;
  }
  if (difference.kind == Kind::values) object["values"] = values_json(difference);
  if (difference.problem) object["problem"] = json_bytes(short_problem(*difference.problem));
  return object;
}

Json differences_json(const std::vector<Difference>& differences) {
  Json array = Json::array();
  for (const Difference& difference : differences) array.push_back(difference_json(difference));
  return array;
}

}  // namespace

std::string comparison_text(const Comparison& comparison) {
  using enum Table::Align;
  Table table({left, left, left});
  for (const auto* list : {&comparison.differences, &comparison.close})
    for (const Difference& difference : *list)
      table.add({std::string(word_of(difference)), name_text(difference), details(difference)});
  std::string text = table.text();
  text += count_of(comparison.same, "tensor") + " the same, bit for bit";
  if (!comparison.close.empty())
    text += "; " + std::to_string(comparison.close.size()) + " within the tolerance";
  if (!comparison.equal()) text += "; " + count_of(comparison.differences.size(), "difference");
  return text + "\n";
}

Json comparison_json(const Comparison& comparison) {
  return {{"equal", comparison.equal()},
          {"same", comparison.same},
          {"close", differences_json(comparison.close)},
          {"differences", differences_json(comparison.differences)}};
}

int exit_code(const Comparison& comparison) {
  WorstProblem worst;
  for (const Difference& difference : comparison.differences)
    if (difference.problem) worst.add(*difference.problem);
  if (worst.code() != 0) return worst.code();
  return comparison.equal() ? 0 : 1;
}

}  // namespace tensorferry::cli
