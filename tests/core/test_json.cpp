#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "cpu_seconds.h"
#include "error_id.h"
#include "util/json.h"

using namespace tensorferry;
using namespace std::string_literals;

TEST_CASE("objects keep the order of their keys") {
  const Json value =
      parse_json(" {\"b\": [1, -2, 2.5, true, null], \"a\": {\"x\": \"\\u00f6\"}} \n");
  CHECK(value.dump() == "{\"b\":[1,-2,2.5,true,null],\"a\":{\"x\":\"\xC3\xB6\"}}");
  CHECK(value["b"][0].is_number_unsigned());
  CHECK(value["b"][1].is_number_integer());
  CHECK(value["b"][2].is_number_float());
  CHECK(value.contains("a"));
}

TEST_CASE("scalars are documents") {
  CHECK(parse_json("7") == 7);
  CHECK(parse_json("\"\\ud83d\\ude00\"") == "\xF0\x9F\x98\x80");
  CHECK(parse_json("\"a\\u0000b\"") == "a\0b"s);
}

TEST_CASE("malformed text is refused as such") {
  const std::string table[] = {"",
                               " ",
                               "{",
                               "[1,]",
                               "{\"a\":1,}",
                               "{a:1}",
                               "'a'",
                               "NaN",
                               "Infinity",
                               "-",
                               "01",
                               "+1",
                               "1.",
                               ".5",
                               "1e",
                               "1e999",
                               "tru",
                               "[1] 2",
                               "{} x",
                               "{}\0"s,
                               "{}\0garbage"s,
                               "\0"s,
                               "\xEF\xBB\xBF{}",
                               "\"\xFF\"",
                               "\"\xC0\x80\"",
                               "\"\xED\xA0\x80\"",
                               "\"\\ud800\"",
                               "\"\\udc00\"",
                               "\"\\ud800\\ud800\"",
                               "\"\\x\"",
                               "\"\n\"",
                               "// c\n{}",
                               "{\"a\" 1}",
                               "]"};
  for (const std::string& text : table) {
    CAPTURE(text);
    CHECK(error_id([&] { parse_json(text); }) == "corrupt.json");
  }
}

TEST_CASE("a key that stands twice is refused at every depth and size") {
  CHECK(error_id([] { parse_json("{\"a\":1,\"a\":1}"); }) == "corrupt.json");
  CHECK(error_id([] { parse_json("[{\"x\":{\"a\":1,\"b\":2,\"\\u0061\":3}}]"); }) ==
        "corrupt.json");
  std::string large = "{";
  for (int i = 0; i < 100; ++i)
    large += "\"k" + std::to_string(i) + "\":" + std::to_string(i) + ",";
  CHECK(parse_json(large + "\"k100\":{\"k3\":1}}").size() == 101);
  for (const char* key : {"k0", "k15", "k16", "k17", "k99"}) {
    CHECK(error_message([&] { parse_json(large + "\"" + key + "\":0}"); }).find("twice") !=
          std::string::npos);
  }
}

TEST_CASE("nesting stops at the limit without recursion") {
  const auto nested = [](std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
  };
  CHECK(parse_json(nested(64)).is_array());
  CHECK(error_id([&] { parse_json(nested(65)); }) == "corrupt.json");
  CHECK(error_id([&] { parse_json(nested(3), 2); }) == "corrupt.json");
  CHECK(error_id([&] { parse_json(std::string(1'000'000, '[')); }) == "corrupt.json");
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  CHECK(error_message([&] { parse_json(objects); }).find("64 levels") != std::string::npos);
}

// Cause: the ordered map of nlohmann-json searches all keys at each insertion.
TEST_CASE("an object of many keys takes linear time") {
  std::string text = "{\"first\":0";
  for (int i = 0; i < 200'000; ++i) text += ",\"tensor/" + std::to_string(i) + "\":[1,2]";
  const double start = cpu_seconds();
  CHECK(parse_json(text + "}").size() == 200'001);
  CHECK(cpu_seconds() - start < 10);
}

TEST_CASE("messages escape what the text contains") {
  const std::string message = error_message([] { parse_json("{\"a\x1b\": 1}"); });
  CHECK(message.find('\x1b') == std::string::npos);
}
