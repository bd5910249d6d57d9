#include "core/edit.h"

#include <charconv>
#include <functional>
#include <memory>
#include <utility>

#include "util/text.h"

namespace tensorferry {
namespace {

struct Halves {
  std::string left, right;
};

[[noreturn]] void bad_edit(std::string_view text, const std::string& wanted) {
  throw Error(ErrorCode::usage, "bad_edit",
              "\"" + printable(std::string(text)) + "\" is not " + wanted);
}

Halves halves(std::string_view text, const std::string& wanted) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) bad_edit(text, wanted);
  return {std::string(text.substr(0, equals)), std::string(text.substr(equals + 1))};
}

DType number_from(std::string_view word) {
  const ParsedDType parsed = parse_dtype(word);
  if (parsed.big_endian.value_or(false)) {
    throw Error(ErrorCode::usage, "bad_edit",
                "\"" + printable(std::string(word)) + "\": a cast has no byte order");
  }
  return parsed.dtype;
}

bool is_dtype(std::string_view word) {
  try {
    parse_dtype(word);
    return true;
  } catch (const Error& error) {
    return error.detail() == "ambiguous_dtype";
  }
}

/// What the pattern '*' casts.
std::string_view cast_by_wildcard(std::string_view dtypes) {
  if (dtypes.find('>', 1) != std::string_view::npos) return "every tensor of the first dtype";
  return "every tensor of that kind (floating-point, integer or complex)";
}

/// "float16", or "float32>float16"
bool are_dtypes(std::string_view text) {
  const std::size_t arrow = text.find('>', 1);
  if (arrow == std::string_view::npos) return is_dtype(text);
  return is_dtype(text.substr(0, arrow)) && is_dtype(text.substr(arrow + 1));
}

}  // namespace

Renaming parse_renaming(std::string_view text) {
  Halves parts = halves(text, "REGEX=REPLACEMENT");
  return {std::move(parts.left), std::move(parts.right)};
}

Casting parse_casting(std::string_view text) {
  std::string wanted = "GLOB=DTYPE or GLOB=DTYPE>DTYPE";
  if (text.find('=') == std::string_view::npos && are_dtypes(text))
    wanted += "; '*=" + std::string(text) + "' casts " + std::string(cast_by_wildcard(text));
  const Halves parts = halves(text, wanted);
  const std::string_view dtypes = parts.right;
  const std::size_t arrow = dtypes.find('>');
  // "<f4" and ">f4" are dtypes, too.
  if (arrow == std::string_view::npos || arrow == 0)
    return {parts.left, std::nullopt, number_from(dtypes)};
  return {parts.left, number_from(dtypes.substr(0, arrow)), number_from(dtypes.substr(arrow + 1))};
}

Transposition parse_transposition(std::string_view text) {
  const std::string wanted = "GLOB=AXIS,AXIS,...";
  const Halves parts = halves(text, wanted);
  Transposition result{parts.left, {}};
  const char* at = parts.right.data();
  const char* end = at + parts.right.size();
  for (;;) {
    std::size_t axis = 0;
    const auto [stop, error] = std::from_chars(at, end, axis);
    if (error != std::errc{}) bad_edit(text, wanted);
    result.axes.push_back(axis);
    if (stop == end) return result;
    if (*stop != ',') bad_edit(text, wanted);
    at = stop + 1;
  }
}

void PatternUse::refuse_idle() const {
  std::vector<std::string> idle;
  for (std::size_t i = 0; i < used_.size(); ++i) {
    if (!used_[i]) idle.push_back(patterns_[i]);
  }
  if (idle.empty()) return;
  throw Error(ErrorCode::usage, "no_match",
              std::string(option_) + " matches no tensor: " + join_names(idle));
}

Edit edit(Edits edits) {
  std::vector<Edit> steps;
  if (!edits.rename.empty()) steps.push_back(rename(edits.rename));
  if (edits.map) steps.push_back(map_names(*std::move(edits.map)));
  if (!edits.cast.empty()) steps.push_back(cast(edits.cast, edits.overflow));
  if (!edits.transpose.empty()) steps.push_back(transpose(std::move(edits.transpose)));
  if (!edits.metadata.empty()) steps.push_back(set_metadata(std::move(edits.metadata)));
  return [steps = std::move(steps)](Manifest manifest) {
    for (const Edit& step : steps) manifest = step(std::move(manifest));
    return manifest;
  };
}

}  // namespace tensorferry
