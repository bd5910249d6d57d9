#include "edits.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "json_text.h"
#include "output.h"
#include "tensorferry/error.h"

namespace tensorferry::cli {
namespace {

constexpr OptionDef kEdits[] = {
    {"rename", "REGEX=NEW",
     "Every match of the expression in a name becomes NEW, where $1 is its first group; cut at the "
     "last ="},
    {"map", "FILE.json",
     "Names from a JSON object of old names to new ones; after --rename, before the others"},
    {"unmapped", "WHAT",
     "Tensors that the map lacks: error (default), keep or drop; inject: that the model lacks, "
     "error or drop"},
    {"cast", "GLOB=DTYPE",
     "Another dtype, such as '*=bfloat16', or '*=float32>bfloat16' for float32 only; rounds to the "
     "nearest, ties to even, and reports what changed"},
    {"cast-overflow", "WHAT",
     "Values that the new dtype cannot hold: fail (default), saturate or infinity"},
    {"transpose", "GLOB=AXES", "Other order of dimensions, as numpy.transpose: 'conv*=3,2,0,1'"},
    {"metadata", "NAME=TEXT", "Set an attribute of the file"},
};

template <typename T>
T choice(const Arguments& arguments, const char* option,
         std::initializer_list<std::pair<const char*, T>> choices) {
  const auto word = arguments.value(option);
  if (!word) return choices.begin()->second;
  std::string known;
  for (const auto& [name, value] : choices) {
    if (*word == name) return value;
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  throw Error(ErrorCode::usage, "bad_value",
              "--" + std::string(option) + " is one of " + known + ", not " + printable(*word));
}

std::string cast_text(const CastReport& cast) {
  std::string text = "cast \"" + printable(cast.name) + "\": " + std::string(to_string(cast.from)) +
                     " to " + std::string(to_string(cast.to)) + ": ";
  if (cast.changed == 0) return text + "no value changed";
  text += std::to_string(cast.changed) + " of " + count_of(cast.elements, "value") +
          " changed, the first at index " + std::to_string(cast.first);
  if (cast.absolute > 0) {
    constexpr int digits = 4;
    text += ", at most by " + significant(cast.absolute, digits) + " (relative " +
            significant(cast.relative, digits) + ")";
  }
  if (cast.overflowed > 0) {
    text += "; " + std::to_string(cast.overflowed) + " cannot be held, the first at index " +
            std::to_string(cast.first_overflowed);
  }
  return text;
}

}  // namespace

OptionGroup edit_options() { return {"Edit", kEdits}; }

Unmapped unmapped(const Arguments& arguments) {
  return choice<Unmapped>(
      arguments, "unmapped",
      {{"error", Unmapped::error}, {"keep", Unmapped::keep}, {"drop", Unmapped::drop}});
}

Edits edits(const Arguments& arguments, bool unmapped_needs_map) {
  Edits result;
  for (const std::string& text : arguments.values("rename"))
    result.rename.push_back(parse_renaming(text));
  if (const auto path = arguments.value("map")) {
    result.map = NameMap{read_name_map(*path), unmapped(arguments)};
  } else if (unmapped_needs_map && arguments.value("unmapped")) {
    throw Error(ErrorCode::usage, "bad_option", "--unmapped is about --map, which is not given");
  }
  for (const std::string& text : arguments.values("cast"))
    result.cast.push_back(parse_casting(text));
  result.overflow = choice<Overflow>(arguments, "cast-overflow",
                                     {{"fail", Overflow::fail},
                                      {"saturate", Overflow::saturate},
                                      {"infinity", Overflow::infinity}});
  for (const std::string& text : arguments.values("transpose"))
    result.transpose.push_back(parse_transposition(text));
  for (auto& [name, text] : arguments.pairs("metadata")) result.metadata[name] = text;
  return result;
}

std::string cast_json(const CastReport& cast) {
  return to_text({{"event", "cast"},
                  {"name", json_bytes(cast.name)},
                  {"from", to_string(cast.from)},
                  {"to", to_string(cast.to)},
                  {"elements", cast.elements},
                  {"changed", cast.changed},
                  {"first", cast.first},
                  {"absolute", json_number(cast.absolute)},
                  {"relative", json_number(cast.relative)},
                  {"overflowed", cast.overflowed},
                  {"first_overflowed", cast.first_overflowed}});
}

void print_casts(const std::vector<CastReport>& casts) {
  constexpr std::size_t most = 20;
  std::vector<const CastReport*> worst;
  for (const CastReport& cast : casts) worst.push_back(&cast);
  std::stable_sort(worst.begin(), worst.end(), [](const CastReport* a, const CastReport* b) {
    return a->overflowed != b->overflowed ? a->overflowed > b->overflowed
                                          : a->relative > b->relative;
  });
  for (std::size_t i = 0; i < std::min(worst.size(), most); ++i) complain(cast_text(*worst[i]));
  if (worst.size() > most)
    complain("and " + count_of(worst.size() - most, "cast") +
             " more with smaller errors (--progress json lists all)");
}

}  // namespace tensorferry::cli
