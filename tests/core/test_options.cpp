#include <doctest/doctest.h>

#include "error_id.h"
#include "tensorferry/format.h"

using namespace tensorferry;
using Kind = OptionSpec::Kind;

namespace {

const OptionSpec kSpecs[] = {
    {"dtype", Kind::text, "", "element type"},
    {"level", Kind::integer, "4", "of compression"},
    {"shuffle", Kind::boolean, "true", "bytes first"},
    {"chunk", Kind::bytes, "", "of a chunk"},
    {"external", Kind::choice, "auto", "data", {"auto", "always", "never"}}};

Options parse(const std::map<std::string, std::string>& given) { return Options(kSpecs, given); }

}  // namespace

TEST_CASE("defaults stand where nothing is given") {
  const Options options = parse({});
  CHECK(options.integer("level") == 4);
  CHECK(options.boolean("shuffle"));
  CHECK(options.text("external") == "auto");
  CHECK(options.given("level"));
  CHECK(!options.given("dtype"));
  CHECK(options.text("dtype").empty());
}

TEST_CASE("given values replace defaults, an empty text included") {
  const Options options = parse(
      {{"dtype", ""}, {"level", "-9"}, {"shuffle", "no"}, {"chunk", "64K"}, {"external", "never"}});
  CHECK(options.given("dtype"));
  CHECK(options.integer("level") == -9);
  CHECK(!options.boolean("shuffle"));
  CHECK(options.bytes("chunk") == 65536);
  CHECK(options.text("external") == "never");
}

TEST_CASE("an unknown option is refused with the nearest name") {
  const auto error = error_of([] { parse({{"exernal", "auto"}}); });
  REQUIRE(error);
  CHECK(error->id() == "usage.unknown_option");
  CHECK(error->message().find("did you mean external?") != std::string::npos);
  CHECK(error_id([] { Options({}, {{"a", "b"}}); }) == "usage.unknown_option");
}

TEST_CASE("a value of the wrong kind is refused") {
  const std::pair<std::string, std::string> table[] = {{"level", ""},
                                                       {"level", "4.0"},
                                                       {"level", " 4"},
                                                       {"level", "4x"},
                                                       {"level", "99999999999999999999"},
                                                       {"shuffle", ""},
                                                       {"shuffle", "maybe"},
                                                       {"chunk", "K"},
                                                       {"chunk", ""},
                                                       {"external", "Auto"},
                                                       {"external", ""}};
  for (const auto& given : table) {
    CAPTURE(given.second);
    CHECK(error_id([&] { parse({given}); }) == "usage.bad_option");
  }
}

TEST_CASE("reading an option that is not set is a bug of the format") {
  CHECK(error_id([] { parse({}).bytes("chunk"); }) == "internal.option");
}

TEST_CASE("amounts of bytes are exact") {
  const std::pair<std::string_view, std::uint64_t> table[] = {
      {"0", 0},
      {"4096", 4096},
      {"64K", 65536},
      {"64k", 65536},
      {"64KiB", 65536},
      {"1.8G", 1932735283},
      {"0.5K", 512},
      {"2T", std::uint64_t{2} << 40},
      {"1.000001M", 1048577},
      {"9223372036854775807", 9223372036854775807u},
      {"8388607T", std::uint64_t{8388607} << 40}};
  for (const auto& [text, bytes] : table) {
    CAPTURE(text);
    CHECK(parse_bytes(text) == bytes);
  }
  for (const char* text :
       {"", "K", "-1", "+1", " 1", "1 K", "1.5", "1.K", ".5K", "1KB", "1KK", "1e3", "0x10",
        "9223372036854775808", "8388608T", "99999999999999999999", "1.1234567K", "1P"}) {
    CAPTURE(text);
    CHECK(error_id([&] { parse_bytes(text); }) == "usage.bad_option");
  }
}

TEST_CASE("carriers are written as tags do") {
  CHECK(to_string(Carrier::native) == "native");
  CHECK(to_string(Carrier::sign_extended) == "sx");
  CHECK(to_string(Carrier::codes) == "codes");
  CHECK(to_string(Carrier::bits) == "bits");
  CHECK(to_string(Carrier::last2) == "last2");
  CHECK(to_string(Carrier::last16) == "last16");
  CHECK(to_string(Carrier::string_pair) == "strpair");
}
