#include <algorithm>

#include "core/sniff.h"
#include "tensorferry/error.h"
#include "tensorferry/format.h"
#include "util/text.h"

namespace tensorferry {
namespace {

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return result;
}

const Format& available(const Format& format) {
  if (format.unavailable.empty()) return format;
  throw Error(ErrorCode::unsupported, "format_unavailable",
              std::string(format.name) + ": " + std::string(format.unavailable));
}

template <typename Wanted>
std::string names_of(std::span<const Format> formats, Wanted wanted) {
  std::string names;
  for (const Format& format : formats) {
    if (wanted(format)) names += (names.empty() ? "" : ", ") + std::string(format.name);
  }
  return names;
}

std::string all_names(std::span<const Format> formats) {
  return names_of(formats, [](const Format&) { return true; });
}

std::string readable_names(std::span<const Format> formats) {
  return names_of(formats, [](const Format& format) { return format.reader != nullptr; });
}

bool is_among(const std::vector<std::string_view>& words, std::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// What the formats say to a word that is not one of them.
std::string advice_on(std::string_view word, std::span<const Format> formats) {
  for (const Format& format : formats) {
    for (const FormatAdvice& each : format.advice) {
      if (each.word == word) return std::string(each.advice);
    }
  }
  return {};
}

// A probe only looks: what it cannot read is not its format. What nobody can list has none that can
// be found.
Match probe_quietly(const Format& format, const Probe& probe) {
  if (format.probe == nullptr) return Match::no;
  try {
    return format.probe(probe);
  } catch (const Error& error) {
    if (error.id() == "input.listing" || error.code() == ErrorCode::resources) throw;
    return Match::no;
  }
}

// What a Probe refers to.
struct Evidence {
  explicit Evidence(const Input& input) {
    constexpr std::uint64_t kBytes = 4096;
    extension = lower(input.leaf());
    const std::size_t dot = extension.rfind('.');
    extension.erase(0, dot == std::string::npos ? extension.size() : dot);
    if (input.kind() != Input::Kind::file) return;
    const auto file = input.file();
    size = file->size();
    prefix = file->read_string(0, std::min(size, kBytes));
    suffix = size <= kBytes ? prefix : file->read_string(size - kBytes, kBytes);
  }

  std::string prefix, suffix, extension;
  std::uint64_t size = 0;
};

[[noreturn]] void unknown(const Input& input, const Probe& probe, std::span<const Format> formats) {
  std::string message;
  if (input.kind() == Input::Kind::file) {
    const std::string_view what = describe_content(probe);
    message = what.empty() ? "the content is of no known format"
                           : "of no known format; it looks like " + std::string(what);
  } else if (input.kind() == Input::Kind::directory) {
    message = "the folder holds no known format";
  } else {
    message = "the files of that prefix are of no known format";
  }
  message += "; formats that can be read: " + readable_names(formats) + " (--from names one)";
  throw Error(ErrorCode::unsupported, "unknown_format", message).in_file(input.name());
}

}  // namespace

void Registry::add(Format format) {
  if (format.name.empty()) throw Error(ErrorCode::usage, "format", "a format needs a name");
  for (const Format& other : formats_) {
    if (other.name == format.name || is_among(other.aliases, format.name)) {
      throw Error(ErrorCode::usage, "format",
                  "there is a format \"" + std::string(format.name) + "\" already");
    }
  }
  formats_.push_back(std::move(format));
}

const Format& Registry::at(std::string_view name) const {
  std::string word = lower(name);
  if (word.starts_with('.')) word.erase(0, 1);  // the extension that is meant
  std::vector<std::string> names;
  for (const Format& format : formats_) {
    if (format.name == word || is_among(format.aliases, word)) return format;
    names.emplace_back(format.name);
    names.insert(names.end(), format.aliases.begin(), format.aliases.end());
  }
  std::string message = "there is no format \"" + printable(name) + "\"";
  const std::string advice = advice_on(word, formats_);
  const std::vector<std::string> near = nearest(word, names);
  if (!advice.empty())
    message += ": " + advice;
  else if (!near.empty())
    message += "; did you mean " + near.front() + "?";
  throw Error(ErrorCode::usage, "unknown_format", message + "; known are " + all_names(formats_));
}

const Format& Registry::detect(const Input& input) const {
  const Evidence evidence(input);
  const Probe probe{input, evidence.prefix, evidence.suffix, evidence.size, evidence.extension};
  std::vector<const Format*> exact, containers;
  for (const Format& format : formats_) {
    const Match match = probe_quietly(format, probe);
    if (match == Match::exact) exact.push_back(&format);
    if (match == Match::container) containers.push_back(&format);
  }
  const std::vector<const Format*>& matches = exact.empty() ? containers : exact;
  if (matches.empty()) unknown(input, probe, formats_);
  if (matches.size() > 1) {
    std::string names;
    for (const Format* format : matches)
      names += (names.empty() ? "" : " and ") + std::string(format->name);
    throw Error(ErrorCode::corrupt, "ambiguous",
                "it is " + names + " at once; --from says which is meant")
        .in_file(input.name());
  }
  try {
    return available(*matches.front());
  } catch (const Error& error) {
    throw error.in_file(input.name());
  }
}

const Format& Registry::for_extension(std::string_view leaf) const {
  const std::string name = lower(leaf);
  const Format* best = nullptr;
  std::size_t longest = 0;
  bool tie = false;
  std::string known;
  for (const Format& format : formats_) {
    if (format.writer == nullptr && format.unavailable.empty()) continue;
    for (std::string_view extension : format.extensions) {
      known += (known.empty() ? "" : ", ") + std::string(extension);
      if (!std::string_view(name).ends_with(extension) || extension.size() < longest) continue;
      tie = extension.size() == longest && best != &format;
      longest = extension.size();
      best = &format;
    }
  }
  if (best != nullptr && !tie) return available(*best);
  throw Error(ErrorCode::usage, "unknown_extension",
              "\"" + printable(leaf) + "\" " +
                  (tie ? "has an extension of several formats" : "does not say its format") +
                  "; name one with --to, or use one of the extensions " + known);
}

}  // namespace tensorferry
