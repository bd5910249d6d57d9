#include <algorithm>

#include "safetensors.h"

namespace tensorferry {
namespace {

constexpr std::size_t kLengthBytes = 8;
constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";

// The highest bytes of a length that is no lie; noise and text have others.
bool has_likely_length(const Probe& probe) {
  return probe.prefix.substr(4, 4) == std::string_view("\0\0\0\0", 4);
}

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// A length, and an object of which the first key is seen. A file that is cut still is one. Under
// its own extension a header that is something else is a broken file rather than an unknown one.
bool is_file(const Probe& probe) {
  const bool named = probe.extension == kSuffix;
  if (probe.prefix.size() < kLengthBytes + 2) return named && !probe.prefix.empty();
  std::string_view text = without_blanks(probe.prefix.substr(kLengthBytes));
  if (text.starts_with('{')) {
    text = without_blanks(text.substr(1));
    if (text.starts_with('"') || text.starts_with('}')) return named || has_likely_length(probe);
  }
  return named && has_likely_length(probe) && probe.prefix.substr(0, 2) != std::string_view("\0\0", 2);
}

bool is_index(const Probe& probe) {
  constexpr std::string_view kMap = "\"weight_map\"", kFile = ".safetensors\"";
  const auto contains = [&](std::string_view part) {
    return probe.prefix.find(part) != std::string_view::npos ||
           probe.suffix.find(part) != std::string_view::npos;
  };
  return probe.input.leaf().ends_with(kIndexSuffix) &&
         without_blanks(probe.prefix).starts_with('{') && (contains(kMap) || contains(kFile));
}

bool is_folder(const Input& input) {
  const std::vector<std::string> names = input.list();
  const auto count = [&](std::string_view suffix) {
    return std::count_if(names.begin(), names.end(),
                         [&](const std::string& name) { return name.ends_with(suffix); });
  };
  const auto indexes = count(kIndexSuffix);
  return indexes == 1 || (indexes == 0 && count(kSuffix) == 1);
}

Match probe(const Probe& probe) {
  bool found = false;
  if (probe.input.kind() == Input::Kind::directory) {
    found = is_folder(probe.input);
  } else if (probe.input.kind() == Input::Kind::file) {
    found = is_file(probe) || is_index(probe);
  }
  return found ? Match::exact : Match::no;
}

}  // namespace

Format make_safetensors_format() {
  Format format;
  format.name = "safetensors";
  format.title = "safetensors file, or several with an index";
  format.extensions = {kSuffix, kIndexSuffix};
  format.probe = probe;
  format.write_options = {
      {"split_max_size", OptionSpec::Kind::bytes, "",
       "several files of at most this many bytes of tensors, and an index (--split-max-size)"},
      {"format", OptionSpec::Kind::text, "",
       "the text \"format\" in __metadata__; default: the input's, else pt"},
      {"alignment",
       OptionSpec::Kind::choice,
       "8",
       "the elements begin at a multiple of this many bytes; the library itself uses 8",
       {"8", "64", "4096"}},
  };
  format.reader = make_safetensors_reader();
  format.writer = make_safetensors_writer();
  return format;
}

}  // namespace tensorferry
