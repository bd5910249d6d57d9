#include "edits.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <tuple>
#include <utility>

#include "json_text.h"
#include "model.h"
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
    {"unmapped", "error|keep|drop",
     "Tensors that the map lacks; default: error. inject: that the model lacks, error or drop"},
    {"cast", "GLOB=DTYPE",
     "Another dtype, such as '*=bfloat16': a pattern with wildcards casts floating-point to "
     "floating-point tensors, integers to integers, and leaves others as they are; "
     "'*=int64>float32' or a whole name casts any. Rounds to the nearest, ties to even, and "
     "reports "
     "what changed"},
    {"cast-overflow", "fail|saturate|infinity",
     "Values that the new dtype cannot hold; default: fail"},
    {"transpose", "GLOB=AXES", "Other order of dimensions, as numpy.transpose: 'conv*=3,2,0,1'"},
    {"metadata", "NAME=TEXT", "Set an attribute of the file"},
};

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
  if (cast.underflowed > 0) {
    text += "; " + std::to_string(cast.underflowed) + " became zero, the first at index " +
            std::to_string(cast.first_underflowed);
  }
  return text;
}

}  // namespace

OptionGroup edit_options() { return {"Edit", kEdits}; }

Unmapped unmapped(const Arguments& arguments) {
  ConvertOptions options;
  options.edits.map = NameMap{};
  if (const auto word = arguments.value("unmapped")) set_option(options, "unmapped", *word);
  return options.edits.map->unmapped;
}

Edits edits(const Arguments& arguments, bool unmapped_needs_map) {
  std::vector<OptionDef> meant(std::begin(kEdits), std::end(kEdits));
  if (!unmapped_needs_map && !arguments.value("map")) {
    std::erase_if(meant, [](const OptionDef& option) { return long_name(option) == "unmapped"; });
  }
  ConvertOptions options;
  set_options(options, arguments, {"Edit", meant});
  return std::move(options.edits);
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
                  {"first_overflowed", cast.first_overflowed},
                  {"underflowed", cast.underflowed},
                  {"first_underflowed", cast.first_underflowed}});
}

void print_casts(const std::vector<CastReport>& casts) {
  constexpr std::size_t most = 20;
  std::vector<const CastReport*> worst;
  worst.reserve(casts.size());
  for (const CastReport& cast : casts) worst.push_back(&cast);
  std::stable_sort(worst.begin(), worst.end(), [](const CastReport* a, const CastReport* b) {
    return std::tie(a->overflowed, a->underflowed, a->relative) >
           std::tie(b->overflowed, b->underflowed, b->relative);
  });
  for (std::size_t i = 0; i < std::min(worst.size(), most); ++i) complain(cast_text(*worst[i]));
  if (worst.size() > most)
    complain("and " + count_of(worst.size() - most, "cast") +
             " more with smaller errors (--progress json lists all)");
}

}  // namespace tensorferry::cli
