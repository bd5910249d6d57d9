#include "names.h"

#include <algorithm>
#include <numeric>

#include "tensorferry/error.h"
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

// Byte order with the slash below everything else: what lies below "a" follows "a" at once.
bool path_less(std::string_view a, std::string_view b) {
  const auto rank = [](char c) {
    return c == '/' ? -1 : static_cast<int>(static_cast<unsigned char>(c));
  };
  return std::lexicographical_compare(a.begin(), a.end(), b.begin(), b.end(),
                                      [&](char x, char y) { return rank(x) < rank(y); });
}

}  // namespace

std::vector<std::string> stored_paths(std::span<const std::string_view> names) {
  std::vector<std::size_t> order(names.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return path_less(names[a], names[b]); });

  std::vector<std::string> paths;
  paths.reserve(names.size());
  for (std::string_view name : names) paths.push_back(escaped_path(name));
  for (std::size_t i = 0; i + 1 < order.size(); ++i) {
    const std::string_view name = names[order[i]], next = names[order[i + 1]];
    if (next.size() > name.size() && next.starts_with(name) && next[name.size()] == '/') {
      paths[order[i]] += kPrefixMark;
    }
  }
  return paths;
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
