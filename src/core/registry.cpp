#include <algorithm>

#include "tensorferry/error.h"
#include "tensorferry/format.h"
#include "util/text.h"

namespace tensorferry {
namespace {

const Format& available(const Format& format) {
  if (format.unavailable.empty()) return format;
  throw Error(ErrorCode::unsupported, "format_unavailable",
              std::string(format.name) + ": " + std::string(format.unavailable));
}

std::string all_names(std::span<const Format> formats) {
  std::string names;
  for (const Format& format : formats)
    names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
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
