#include <algorithm>

#include "safetensors.h"
#include "safetensors_wire.h"

namespace tensorferry {
namespace {

constexpr std::string_view kSuffix = ".safetensors";
constexpr std::string_view kIndexSuffix = ".safetensors.index.json";

std::string_view without_blanks(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  return first == std::string_view::npos ? std::string_view() : text.substr(first);
}

// A length and an object: its first key, or nothing. A file that is cut still is one.
bool is_file(const Probe& probe) {
  if (probe.prefix.size() < 8) return false;
  std::string_view text = without_blanks(probe.prefix.substr(8));
  if (!text.starts_with('{')) return false;
  text = without_blanks(text.substr(1));
  if (!text.starts_with('"') && !text.starts_with('}')) return false;
  // The highest bytes of a length that is no lie; noise and text have others.
  return probe.extension == kSuffix || probe.prefix.substr(5, 3) == std::string_view("\0\0\0", 3);
}

// By its name a file of this format, and not by its content another one: a length that can be, and
// no object behind it. The reader says what is wrong.
bool is_damaged_file(const Probe& probe) {
  if (probe.extension != kSuffix) return false;
  std::uint64_t length = 0;
  for (std::size_t i = std::min<std::size_t>(probe.prefix.size(), 8); i-- > 0;)
    length = length << 8 | static_cast<unsigned char>(probe.prefix[i]);
  return probe.size < safetensors::kLengthBytes || length <= safetensors::kMostHeaderBytes;
}

bool is_index(const Probe& probe) {
  constexpr std::string_view kMap = "\"weight_map\"", kFile = ".safetensors\"";
  const auto contains = [&](std::string_view part) {
    return probe.prefix.find(part) != std::string_view::npos ||
           probe.suffix.find(part) != std::string_view::npos;
  };
  return safetensors::is_index_name(probe.input.leaf()) &&
         without_blanks(probe.prefix).starts_with('{') && (contains(kMap) || contains(kFile));
}

/// Several models, or parts without their index: the reader says which there are.
Match probe_folder(const Input& input) {
  std::size_t indexes = 0, files = 0;
  for (const std::string& name : input.list()) {
    if (safetensors::is_index_name(name)) ++indexes;
    if (name.ends_with(kSuffix)) ++files;
  }
  const std::size_t models = indexes > 0 ? indexes : files;
  return models == 1 ? Match::exact : models > 1 ? Match::broken : Match::no;
}

Match probe(const Probe& probe) {
  if (probe.input.kind() == Input::Kind::directory) return probe_folder(probe.input);
  if (probe.input.kind() != Input::Kind::file) return Match::no;
  if (is_file(probe) || is_index(probe)) return Match::exact;
  return is_damaged_file(probe) ? Match::container : Match::no;
}

}  // namespace

Format make_safetensors_format() {
  Format format;
  format.name = "safetensors";
  format.title = "safetensors file, or several with an index";
  format.extensions = {kSuffix, kIndexSuffix};
  format.aliases = {"st"};
  constexpr std::string_view kNoPickle =
      "PyTorch's own files are pickles, which are neither read nor written; --to safetensors "
      "writes "
      "what PyTorch loads as well";
  format.advice = {{"pt", kNoPickle},    {"pth", kNoPickle},    {"pytorch", kNoPickle},
                   {"torch", kNoPickle}, {"pickle", kNoPickle}, {"bin", kNoPickle}};
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
