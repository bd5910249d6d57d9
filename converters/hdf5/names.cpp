#include "names.h"

#include <algorithm>
#include <numeric>

#include "tensorferry/error.h"
#include "util/in_order.h"
#include "util/text.h"
#include "util/utf8.h"

namespace tensorferry::hdf5 {
namespace {

constexpr std::string_view kTagPrefix = "tensorferry_";
constexpr std::string_view kAttributePrefix = "tensorferry_attribute:";
constexpr std::string_view kPrefixMark = "%~";

void append_escaped_byte(std::string& result, char c) {
  constexpr char kDigits[] = "0123456789ABCDEF";
  const auto byte = static_cast<unsigned char>(c);
  result += '%';
  result += kDigits[byte >> 4];
  result += kDigits[byte & 15];
}

void append_escaped(std::string& result, std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    const std::size_t length = std::max<std::size_t>(c.length, 1);
    if (c.length == 0 || c.value == 0 || c.value == '%') {
      append_escaped_byte(result, text.front());
    } else {
      result += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
}

void append_component(std::string& result, std::string_view component) {
  if (component.empty()) {
    result += '%';
  } else if (component == ".") {
    append_escaped_byte(result, '.');
  } else {
    append_escaped(result, component);
  }
}

std::string escaped_path(std::string_view name) {
  std::string path;
  path.reserve(name.size() + 2);
  for (;;) {
    const std::size_t slash = name.find('/');
    append_component(path, name.substr(0, slash));
    if (slash == std::string_view::npos) return path;
    path += '/';
    name.remove_prefix(slash + 1);
  }
}

// Whether escaped_path() would change nothing. Text with other than ASCII is left to it.
bool is_plain(std::string_view name) {
  char before = '/';
  bool dot = false;  // the component begins with "."
  for (const char c : name) {
    if (c == '%' || c == '\0' || static_cast<unsigned char>(c) >= 0x80) return false;
    if (c == '/' && (before == '/' || dot)) return false;
    dot = c == '.' && before == '/';
    before = c;
  }
  return before != '/' && !dot;
}

// Byte order with the slash below everything else: what lies below "a" follows "a" at once.
bool path_less(std::string_view a, std::string_view b) {
  const auto [x, y] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  if (x == a.end() || y == b.end()) return x == a.end() && y != b.end();
  if (*x == '/' || *y == '/') return *x == '/';
  return static_cast<unsigned char>(*x) < static_cast<unsigned char>(*y);
}

}  // namespace

StoredPaths::StoredPaths(std::vector<std::string_view> names)
    : paths_(std::move(names)), order_(paths_.size()) {
  std::iota(order_.begin(), order_.end(), std::size_t{0});
  sort();
  std::vector<std::size_t> continued;
  for (std::size_t i = 0; i + 1 < order_.size(); ++i) {
    const std::string_view name = paths_[order_[i]], next = paths_[order_[i + 1]];
    if (next.size() > name.size() && next[name.size()] == '/' && next.starts_with(name))
      continued.push_back(order_[i]);
  }
  for (std::size_t i = 0; i < paths_.size(); ++i) {
    if (!is_plain(paths_[i])) change(i, escaped_path(paths_[i]));
  }
  for (const std::size_t i : continued) change(i, std::string(paths_[i]).append(kPrefixMark));
  if (!changed_.empty()) sort();
}

void StoredPaths::sort() {
  sort_unless_sorted(order_.begin(), order_.end(), [this](std::size_t a, std::size_t b) {
    return path_less(paths_[a], paths_[b]);
  });
}

void StoredPaths::change(std::size_t tensor, std::string path) {
  paths_[tensor] = changed_.emplace_back(std::move(path));
}

std::optional<std::string> path_problem(std::string_view path) {
  const auto depth = static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
  if (depth > kMaxDepth) {
    return "its name has " + std::to_string(depth) + " components, at most " +
           std::to_string(kMaxDepth) + " are written";
  }
  if (path.size() > kMaxPath) {
    return "its name takes " + std::to_string(path.size()) + " bytes, at most " +
           std::to_string(kMaxPath) + " are written";
  }
  return std::nullopt;
}

bool is_hdf5_text(std::string_view text) {
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    if (c.length == 0 || c.value == 0) return false;
    text.remove_prefix(c.length);
  }
  return true;
}

std::string stored_attribute_name(std::string_view name) {
  if (!name.empty() && !name.starts_with(kTagPrefix) && is_hdf5_text(name))
    return std::string(name);
  std::string result(kAttributePrefix);
  append_escaped(result, name);
  return result;
}

bool is_stored_path(std::string_view path, std::string_view name) {
  const std::string plain = escaped_path(name);
  return path == plain || path == plain + std::string(kPrefixMark);
}

std::string attribute_name(std::string_view stored) {
  if (!stored.starts_with(kAttributePrefix)) return std::string(stored);
  try {
    std::string name = percent_decode(stored.substr(kAttributePrefix.size()));
    if (stored_attribute_name(name) == stored) return name;
  } catch (const Error&) {
    return std::string(stored);
  }
  return std::string(stored);
}

}  // namespace tensorferry::hdf5
