#include "util/json.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_set>
#include <utility>
#include <vector>

#include "tensorferry/error.h"
#include "util/json_events.h"

namespace tensorferry {
namespace {

[[noreturn]] void refuse(const std::string& why) {
  throw Error(ErrorCode::corrupt, "json", "JSON: " + why);
}

// Between the parser and whoever listens: what the parser lets pass is refused here.
class StrictParser {
 public:
  StrictParser(std::size_t depth, JsonEvents& events) : depth_(depth), events_(events) {}

  bool null() { return events_.null(), true; }
  bool boolean(bool value) { return events_.boolean(value), true; }
  bool number_integer(Json::number_integer_t value) { return events_.negative(value), true; }
  bool number_unsigned(Json::number_unsigned_t value) { return events_.number(value), true; }
  bool number_float(Json::number_float_t value, const std::string&) {
    return events_.real(value), true;
  }
  bool string(std::string& value) { return events_.string(value), true; }
  bool binary(Json::binary_t&) { return false; }
  bool key(std::string& name) { return events_.key(name), true; }
  bool start_object(std::size_t) { return open(), events_.begin_object(), true; }
  bool start_array(std::size_t) { return open(), events_.begin_array(), true; }
  bool end_object() { return --open_, events_.end_object(), true; }
  bool end_array() { return --open_, events_.end_array(), true; }

  template <typename Exception>
  bool parse_error(std::size_t, const std::string&, const Exception& problem) {
    std::string_view text = problem.what();
    const std::size_t bracket =
        text.find("] ");  // "[json.exception.parse_error.101] parse error at ..."
    if (bracket != std::string_view::npos) text.remove_prefix(bracket + 2);
    refuse(printable(text, 400));
  }

 private:
  void open() {
    if (++open_ > depth_) refuse("nested more than " + std::to_string(depth_) + " levels deep");
  }

  std::size_t depth_, open_ = 0;
  JsonEvents& events_;
};

// Builds the document, so that keys are checked before anything is kept.
class Builder final : public JsonEvents {
 public:
  void null() override { add(nullptr); }
  void boolean(bool value) override { add(value); }
  void number(std::uint64_t value) override { add(value); }
  void negative(std::int64_t value) override { add(value); }
  void real(double value) override { add(value); }
  void string(std::string& value) override { add(std::move(value)); }
  void begin_object() override { frames_.push_back({true}); }
  void begin_array() override { frames_.push_back({false}); }
  void end_object() override { close(); }
  void end_array() override { close(); }
  void key(std::string& name) override {
    if (frames_.back().take_key(name)) return;
    refuse("the key \"" + printable(name) + "\" stands twice in one object");
  }

  Json take() { return std::move(result_); }

 private:
  // An object or array that is still open. Members are gathered here because the library's ordered
  // map searches all keys at each insertion and copies all values when it grows.
  struct Frame {
    bool is_object;
    std::string key = {};
    std::vector<std::pair<std::string, Json>> members = {};
    Json::array_t elements = {};
    // Of a large object; a small one is searched directly.
    std::unordered_set<std::string> keys = {};

    // False when the object has that key already.
    bool take_key(const std::string& name) {
      constexpr std::size_t kSmall = 16;
      key = name;
      if (members.size() < kSmall) {
        return std::none_of(members.begin(), members.end(),
                            [&](const auto& member) { return member.first == key; });
      }
      if (keys.empty()) {
        for (const auto& member : members) keys.insert(member.first);
      }
      return keys.insert(key).second;
    }

    Json finish() {
      if (!is_object) return std::move(elements);
      Json::object_t object;
      object.reserve(members.size());
      // The vector beneath, as keys are known to be unique.
      std::vector<std::pair<const std::string, Json>>& plain = object;
      for (auto& [name, value] : members) plain.emplace_back(std::move(name), std::move(value));
      return object;
    }
  };

  void close() {
    Json value = frames_.back().finish();
    frames_.pop_back();
    add(std::move(value));
  }

  void add(Json value) {
    if (frames_.empty()) {
      result_ = std::move(value);
    } else if (Frame& frame = frames_.back(); frame.is_object) {
      frame.members.emplace_back(std::move(frame.key), std::move(value));
    } else {
      frame.elements.push_back(std::move(value));
    }
  }

  std::vector<Frame> frames_;
  Json result_;
};

}  // namespace

void parse_json(std::string_view text, std::size_t depth, JsonEvents& events) {
  if (text.substr(0, 3) == "\xEF\xBB\xBF") refuse("starts with a byte order mark");
  // The parser takes a NUL for the end of its input and would not see what follows.
  if (const std::size_t nul = text.find('\0'); nul != std::string_view::npos) {
    refuse("a NUL byte at offset " + std::to_string(nul));
  }
  StrictParser parser(depth, events);
  try {
    if (!Json::sax_parse(text.begin(), text.end(), &parser)) refuse("malformed");
  } catch (const Json::exception& problem) {
    refuse(printable(problem.what(), 400));
  }
}

Json parse_json(std::string_view text, std::size_t depth) {
  Builder builder;
  parse_json(text, depth, builder);
  return builder.take();
}

void append_json_string(std::string& out, std::string_view text) {
  bool escaped = false;  // without a way out of the loop, so that it goes over many at once
  for (const char each : text) {
    const auto c = static_cast<unsigned char>(each);
    escaped |= (c < 0x20) | (c >= 0x7f) | (c == '"') | (c == '\\');
  }
  if (escaped) {
    out += Json(text).dump();
    return;
  }
  out += '"';
  out += text;
  out += '"';
}

}  // namespace tensorferry
