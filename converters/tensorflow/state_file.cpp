#include "state_file.h"

#include <cstddef>
#include <utility>

namespace tensorferry::tensorflow {
namespace {

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}
bool is_octal(char c) { return c >= '0' && c <= '7'; }

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

/// Each take_ function returns false for malformed text; what it took then does not matter.
class TextParser {
 public:
  explicit TextParser(std::string_view text) : rest_(text) {}

  bool parse(StateFile& state) {
    for (skip(); !rest_.empty(); skip()) {
      if (!take_field(state)) return false;
      if (!take(',')) take(';');
    }
    return true;
  }

 private:
  void skip() {
    while (!rest_.empty()) {
      if (rest_.front() == '#') {
        const std::size_t end = rest_.find('\n');
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end);
      } else if (is_space(rest_.front())) {
        rest_.remove_prefix(1);
      } else {
        return;
      }
    }
  }

  bool take(char c) {
    skip();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }

  std::string_view take_word() {
    skip();
    std::size_t count = 0;
    while (count < rest_.size() && is_word(rest_[count])) ++count;
    const std::string_view word = rest_.substr(0, count);
    rest_.remove_prefix(count);
    return word;
  }

  bool take_field(StateFile& state) {
    const std::string_view name = take_word();
    if (!take(':')) return false;
    if (name == "model_checkpoint_path")
      return !std::exchange(seen_newest_, true) && take_string(state.newest);
    if (name == "all_model_checkpoint_paths") {
      return take_values([&] { return take_string(state.all.emplace_back()); });
    }
    if (name == "all_model_checkpoint_timestamps") {
      return take_values([&] { return take_number(); });
    }
    if (name == "last_preserved_timestamp")
      return !std::exchange(seen_timestamp_, true) && take_number();
    return false;
  }

  /// One value, or a list of them.
  template <typename TakeValue>
  bool take_values(TakeValue take_value) {
    if (!take('[')) return take_value();
    if (take(']')) return true;
    do {
      if (!take_value()) return false;
    } while (take(','));
    return take(']');
  }

  bool take_number() {
    skip();
    std::size_t count = 0;
    while (count < rest_.size() && (is_word(rest_[count]) || rest_[count] == '.' ||
                                    rest_[count] == '-' || rest_[count] == '+')) {
      ++count;
    }
    rest_.remove_prefix(count);
    return count > 0;
  }

  /// One string or several side by side.
  bool take_string(std::string& text) {
    skip();
    if (!rest_.starts_with('"') && !rest_.starts_with('\'')) return false;
    while (rest_.starts_with('"') || rest_.starts_with('\'')) {
      if (!take_quoted(text)) return false;
      skip();
    }
    return true;
  }

  bool take_quoted(std::string& text) {
    const char quote = rest_.front();
    rest_.remove_prefix(1);
    while (!rest_.empty() && rest_.front() != '\n') {
      const char c = rest_.front();
      rest_.remove_prefix(1);
      if (c == quote) return true;
      if (c != '\\') {
        text += c;
      } else if (!take_escape(text)) {
        return false;
      }
    }
    return false;
  }

  bool take_escape(std::string& text) {
    if (rest_.empty()) return false;
    const char c = rest_.front();
    if (is_octal(c)) return take_octal(text);
    rest_.remove_prefix(1);
    if (c == 'x' || c == 'X') return take_hex(text);
    constexpr std::string_view kLetters = "abfnrtv\\'\"?";
    constexpr std::string_view kMeanings = "\a\b\f\n\r\t\v\\'\"?";
    const std::size_t place = kLetters.find(c);
    if (place == std::string_view::npos) return false;
    text += kMeanings[place];
    return true;
  }

  bool take_octal(std::string& text) {
    int value = 0;
    for (int i = 0; i < 3 && !rest_.empty() && is_octal(rest_.front()); ++i) {
      value = value * 8 + (rest_.front() - '0');
      rest_.remove_prefix(1);
    }
    if (value > 255) return false;
    text += static_cast<char>(value);
    return true;
  }

  bool take_hex(std::string& text) {
    int value = 0, digits = 0;
    while (digits < 2 && !rest_.empty() && hex_value(rest_.front()) >= 0) {
      value = value * 16 + hex_value(rest_.front());
      rest_.remove_prefix(1);
      ++digits;
    }
    text += static_cast<char>(value);
    return digits > 0;
  }

  std::string_view rest_;
  bool seen_newest_ = false, seen_timestamp_ = false;
};

}  // namespace

std::optional<StateFile> parse_state_file(std::string_view text) {
  StateFile state;
  if (!TextParser(text).parse(state)) return std::nullopt;
  return state;
}

std::string format_state_file(std::string_view checkpoint) {
  std::string quoted = "\"";
  for (const char c : checkpoint) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      if (c == '"' || c == '\\') quoted += '\\';
      quoted += c;
      continue;
    }
    quoted += '\\';
    for (int shift = 6; shift >= 0; shift -= 3) {
      quoted += static_cast<char>('0' + ((byte >> shift) & 7));
    }
  }
  quoted += "\"\n";
  return "model_checkpoint_path: " + quoted + "all_model_checkpoint_paths: " + quoted;
}

}  // namespace tensorferry::tensorflow
