#include <doctest/doctest.h>

#include <cstdint>
#include <set>
#include <string>
#include <vector>

#include "npy/file_names.h"
#include "util/sha256.h"
#include "util/text.h"

using namespace tensorferry;

namespace {

std::string lower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  return text;
}

std::string name_of(const std::string& file) { return file == "%" ? "" : percent_decode(file); }

}  // namespace

TEST_CASE("file names follow the rule") {
  const struct {
    std::string name, file;
  } rows[] = {
      {"dense.kernel_0-a", "dense.kernel_0-a"},
      {"a/b:0", "a%2Fb%3A0"},
      {"Dense/Kernel", "Dense%2FKernel"},
      {"", "%"},
      {"%", "%25"},
      {".", "%2E"},
      {"..", "%2E%2E"},
      {"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"},
      {"-rf", "%2Drf"},
      {"-", "%2D"},
      {"a.", "a%2E"},
      {"a b\\c~", "a%20b%5Cc%7E"},
      {std::string("\0\xff\x1b", 3), "%00%FF%1B"},
      {"gr\xc3\xbc\xc3\x9f", "gr%C3%BC%C3%9F"},
      {"con", "%63on"},
      {"CON.weight", "%43ON.weight"},
      {"lpt9.x.y", "%6Cpt9.x.y"},
      {"console", "console"},
      {"com", "com"},
      {"a.con", "a.con"},
      {"~", "%7E"},
  };
  for (const auto& row : rows) CHECK(file_names({row.name}).at(0) == row.file);
}

TEST_CASE("names that differ only in case have all their capitals escaped, others keep them") {
  CHECK(file_names({"W", "w", "Other"}) == std::vector<std::string>{"%57", "w", "Other"});
  CHECK(file_names({"Con", "CON", "con"}) ==
        std::vector<std::string>{"%43on", "%43%4F%4E", "%63on"});
}

TEST_CASE("long names end in a digest and never in half an escape") {
  const std::string fits(200, 'a'), long_name(201, 'a');
  CHECK(file_names({fits})[0] == fits);
  Sha256 digest;
  digest.update(long_name);
  CHECK(file_names({long_name})[0] ==
        std::string(166, 'a') + "%~" + to_hex(digest.finish()).substr(0, 32));
  for (std::size_t lead = 0; lead < 3; ++lead) {
    const std::string file = file_names({std::string(lead, 'a') + std::string(100, '\xff')})[0];
    const std::size_t mark = file.find("%~");
    REQUIRE(mark != std::string::npos);
    CHECK(mark <= 166);
    CHECK(mark > 163);
    CHECK((mark - lead) % 3 == 0);
    CHECK(file.size() <= 200);
  }
  // Alike for more than 200 bytes: only the digest tells them apart.
  const auto both = file_names({long_name + "x", long_name + "X"});
  CHECK(lower(both[0]) != lower(both[1]));
}

TEST_CASE("a hundred thousand adversarial names stay apart where case is ignored, and come back") {
  const std::vector<std::string> parts = {"w",   "W",   "con", "CON",  "Con",  ".",
                                          "-",   "%",   "%57", "~",    "/",    "a",
                                          "A",   "4a",  "4A",  "nul.", "\xff", std::string(1, '\0'),
                                          "%2F", "com1"};
  std::set<std::string> names = {""};
  std::uint64_t state = 1;
  while (names.size() < 100000) {
    std::string name;
    state = state * 6364136223846793005u + 1442695040888963407u;
    for (std::uint64_t draw = state >> 20, length = 1 + (state >> 60) % 5; length > 0;
         --length, draw /= parts.size()) {
      name += parts[draw % parts.size()];
    }
    names.insert(name);
  }
  const std::vector<std::string> list(names.begin(), names.end());
  const std::vector<std::string> files = file_names({list.begin(), list.end()});
  std::set<std::string> seen;
  std::size_t wrong = 0;
  for (std::size_t i = 0; i < list.size(); ++i) {
    seen.insert(lower(files[i]));
    const bool safe = files[i].find_first_of("/\\: ") == std::string::npos && files[i][0] != '.' &&
                      files[i][0] != '-' && files[i].back() != '.';
    if (!safe || name_of(files[i]) != list[i]) ++wrong;
  }
  CHECK(seen.size() == list.size());
  CHECK(wrong == 0);
}
