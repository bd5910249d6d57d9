#include "file_names.h"

#include <algorithm>
#include <iterator>
#include <string_view>
#include <unordered_map>

#include "tensorferry/error.h"
#include "util/sha256.h"
#include "util/text.h"

namespace tensorferry {
namespace {

constexpr std::size_t kLongest = 200, kPrefix = 166, kDigits = 32;
constexpr std::string_view kDevices[] = {
    "con",  "prn",  "aux",  "nul",  "com0", "com1", "com2", "com3", "com4", "com5", "com6", "com7",
    "com8", "com9", "lpt0", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"};

bool is_capital(unsigned char c) { return c >= 'A' && c <= 'Z'; }
bool is_plain_small(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
}
bool is_plain(unsigned char c) { return is_capital(c) || is_plain_small(c); }
bool nothing(unsigned char) { return false; }

bool is_device(std::string_view file) {
  const std::string stem = lower(file.substr(0, file.find('.')));
  return std::find(std::begin(kDevices), std::end(kDevices), stem) != std::end(kDevices);
}

std::string escape(std::string_view name, bool (*keep)(unsigned char)) {
  if (name.empty()) return "%";
  std::string file = percent_encode(name, keep);
  if (file.back() == '.') file.replace(file.size() - 1, 1, percent_encode(".", nothing));
  if (file[0] == '.' || file[0] == '-' || is_device(file)) {
    file.replace(0, 1, percent_encode(file.substr(0, 1), nothing));
  }
  return file;
}

std::string shorten(std::string file, std::string_view name) {
  if (file.size() <= kLongest) return file;
  std::size_t cut = kPrefix;
  const std::size_t last_escape = file.rfind('%', cut - 1);
  if (last_escape != std::string::npos && last_escape + 3 > cut) cut = last_escape;
  Sha256 digest;
  digest.update(name);
  file.resize(cut);
  return file + "%~" + to_hex(digest.finish()).substr(0, kDigits);
}

}  // namespace

std::vector<std::string> file_names(const std::vector<std::string_view>& names) {
  std::vector<std::string> files, keys;
  files.reserve(names.size());
  keys.reserve(names.size());
  std::unordered_map<std::string_view, std::size_t> same;  // how many differ only in case
  for (const std::string_view name : names) {
    files.push_back(escape(name, is_plain));
    keys.push_back(lower(files.back()));
    ++same[keys.back()];
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (same[keys[i]] > 1) files[i] = escape(names[i], is_plain_small);
    files[i] = shorten(std::move(files[i]), names[i]);
  }
  return files;
}

std::optional<std::string> name_of_file(std::string_view file) {
  if (file == "%") return std::string();
  std::string name;
  try {
    name = percent_decode(file);
  } catch (const Error&) {
    return std::nullopt;
  }
  if (file.size() > kLongest) return std::nullopt;
  // Either form, since the other names of its folder are not known here.
  if (escape(name, is_plain) == file || escape(name, is_plain_small) == file) return name;
  return std::nullopt;
}

}  // namespace tensorferry
