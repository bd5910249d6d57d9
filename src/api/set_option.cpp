#include <algorithm>
#include <charconv>
#include <initializer_list>
#include <iterator>
#include <utility>

#include "tensorferry/convert.h"
#include "util/text.h"

namespace tensorferry {
namespace {

/// One option of the command line: the word, and what it does.
struct Row {
  std::string_view name;
  bool flag;
  void (*set)(ConvertOptions& options, const Row& row, const std::string& value);
};

[[noreturn]] void bad(std::string_view detail, const Row& row, const std::string& message) {
  throw Error(ErrorCode::usage, detail, "--" + std::string(row.name) + message);
}

std::uint64_t number(const Row& row, const std::string& text, const std::string& of = {}) {
  std::uint64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end)
    bad("bad_value", row, of + " needs a whole number, not " + printable(text));
  return value;
}

std::uint64_t amount(const Row& row, const std::string& text, const std::string& of = {}) {
  try {
    return parse_bytes(text);
  } catch (const Error& e) {
    bad("bad_value", row, of + ": " + e.message());
  }
}

/// "NAME=VALUE" in two.
std::pair<std::string, std::string> pair_of(const Row& row, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == 0 || equals == std::string::npos)
    bad("bad_option", row, " needs NAME=VALUE, not " + printable(text));
  return {text.substr(0, equals), text.substr(equals + 1)};
}

void add_pair(std::map<std::string, std::string>& pairs, const Row& row, const std::string& text) {
  auto [name, value] = pair_of(row, text);
  if (pairs.contains(name)) bad("bad_option", row, " gives " + printable(name) + " twice");
  pairs.emplace(std::move(name), std::move(value));
}

template <typename T>
T choice(const Row& row, const std::string& word,
         std::initializer_list<std::pair<std::string_view, T>> choices) {
  std::string known;
  for (const auto& [name, value] : choices) {
    if (word == name) return value;
    known.append(known.empty() ? "" : ", ").append(name);
  }
  bad("bad_value", row, " is one of " + known + ", not " + printable(word));
}

void set_limit(ConvertOptions& options, const Row& row, const std::string& text) {
  const auto [name, value] = pair_of(row, text);
  const std::string of = " " + printable(name);
  Limits& limits = options.read.limits;
  if (name == "header")
    limits.header_bytes = amount(row, value, of);
  else if (name == "strings")
    limits.string_bytes = amount(row, value, of);
  else if (name == "tensors")
    limits.tensors = number(row, value, of);
  else if (name == "rank")
    limits.rank = number(row, value, of);
  else if (name == "depth")
    limits.json_depth = number(row, value, of);
  else
    bad("bad_option", row, of + ": the limits are header, tensors, rank, depth and strings");
}

void set_threads(ConvertOptions& options, const Row& row, const std::string& text) {
  constexpr std::uint64_t kMost = 256;
  options.run.threads = static_cast<unsigned>(std::min(number(row, text), kMost));
}

void set_unmapped(ConvertOptions& options, const Row& row, const std::string& text) {
  const Unmapped unmapped = choice<Unmapped>(
      row, text, {{"error", Unmapped::error}, {"keep", Unmapped::keep}, {"drop", Unmapped::drop}});
  if (!options.edits.map) bad("bad_option", row, " is about --map, which is not given");
  options.edits.map->unmapped = unmapped;
}

void set_overflow(ConvertOptions& options, const Row& row, const std::string& text) {
  options.edits.overflow = choice<Overflow>(row, text,
                                            {{"fail", Overflow::fail},
                                             {"saturate", Overflow::saturate},
                                             {"infinity", Overflow::infinity}});
}

void set_metadata(ConvertOptions& options, const Row& row, const std::string& text) {
  auto [name, value] = pair_of(row, text);
  if (!options.edits.metadata.emplace(name, std::move(value)).second)
    bad("bad_option", row, " gives " + printable(name) + " twice");
}

using O = ConvertOptions&;
using R = const Row&;
using V = const std::string&;

constexpr Row kRows[] = {
    {"from", false, [](O options, R, V value) { options.read.from = value; }},
    {"in-opt", false,
     [](O options, R row, V value) { add_pair(options.read.options, row, value); }},
    {"names", false, [](O options, R, V value) { options.read.names = value; }},
    {"limit", false, set_limit},
    {"follow-links", true, [](O options, R, V) { options.read.follow_links = true; }},
    {"include", false, [](O options, R, V value) { options.selection.include.push_back(value); }},
    {"exclude", false, [](O options, R, V value) { options.selection.exclude.push_back(value); }},
    {"scope", false, [](O options, R, V value) { options.selection.scope.push_back(value); }},
    {"regex", true, [](O options, R, V) { options.selection.regex = true; }},
    {"exclude-optimizer", true,
     [](O options, R, V) { options.selection.exclude_optimizer = true; }},
    {"allow-empty", true, [](O options, R, V) { options.allow_empty = true; }},
    {"rename", false,
     [](O options, R, V value) { options.edits.rename.push_back(parse_renaming(value)); }},
    {"map", false,
     [](O options, R, V value) { options.edits.map = NameMap{read_name_map(value)}; }},
    {"unmapped", false, set_unmapped},
    {"cast", false,
     [](O options, R, V value) { options.edits.cast.push_back(parse_casting(value)); }},
    {"cast-overflow", false, set_overflow},
    {"transpose", false,
     [](O options, R, V value) { options.edits.transpose.push_back(parse_transposition(value)); }},
    {"metadata", false, set_metadata},
    {"to", false, [](O options, R, V value) { options.to = value; }},
    {"out-opt", false,
     [](O options, R row, V value) { add_pair(options.write_options, row, value); }},
    {"split-max-size", false,
     [](O options, R, V value) { options.write_options["split_max_size"] = value; }},
    {"overwrite", true, [](O options, R, V) { options.run.overwrite = true; }},
    {"verify", true, [](O options, R, V) { options.run.verify_output = true; }},
    {"bookkeeping", true, [](O options, R, V) { options.bookkeeping = true; }},
    {"salvage", true, [](O options, R, V) { options.salvage = true; }},
    {"threads", false, set_threads},
    {"memory-limit", false,
     [](O options, R row, V value) {
       limit_memory(options.read, options.run, amount(row, value));
     }},
    {"no-sync", true, [](O options, R, V) { options.run.sync = false; }},
    {"no-verify-source", true, [](O options, R, V) { options.run.verify_source = false; }},
};

}  // namespace

void set_option(ConvertOptions& options, std::string_view name, const std::string& value) {
  const auto* row =
      std::find_if(std::begin(kRows), std::end(kRows), [&](R each) { return each.name == name; });
  if (row == std::end(kRows)) {
    std::vector<std::string> names;
    for (const Row& each : kRows) names.emplace_back(each.name);
    std::string message = "there is no option " + printable(name);
    for (const std::string& near : nearest(name, names)) message += "; did you mean " + near + "?";
    throw Error(ErrorCode::usage, "unknown_option", std::move(message));
  }
  if (row->flag && !value.empty()) bad("bad_option", *row, " takes no value");
  row->set(options, *row, value);
}

}  // namespace tensorferry
