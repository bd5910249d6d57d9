#include <doctest/doctest.h>

#include "error_id.h"
#include "util/text.h"
#include "util/utf8.h"

using namespace tensorferry;

TEST_CASE("UTF-8 is strict") {
  for (const char* text :
       {"", "a", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xED\x9F\xBF", "\xEE\x80\x80",
        "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    CHECK(is_utf8(text));
  }
  for (const char* text :
       {"\x80", "\xC0\x80", "\xC1\xBF", "\xC2", "\xE0\x9F\xBF", "\xED\xA0\x80", "\xED\xBF\xBF",
        "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFF", "a\xE2\x82"}) {
    CHECK(!is_utf8(text));
  }
  CHECK(decode_utf8("\xE2\x82\xAC!").value == 0x20AC);
  CHECK(decode_utf8("\xE2\x82\xAC!").length == 3);
}

TEST_CASE("base64 agrees with the vectors of RFC 4648") {
  const std::pair<std::string, std::string> table[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"},
                                                       {"\xff\xfe\xfd", "//79"}};
  for (const auto& [bytes, text] : table) {
    CHECK(base64_encode(bytes) == text);
    CHECK(base64_decode(text) == bytes);
  }
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  CHECK(base64_decode(base64_encode(all)) == all);
}

TEST_CASE("base64 that has a second spelling is refused") {
  for (const char* text : {"Z", "Zg", "Zg=", "Zg==Zg==", "Zh==", "Zm9=", "====", "=g==", "Z===",
                           "Zm9\n", "Zm9-", "Zm 9"}) {
    CAPTURE(text);
    CHECK(error_id([&] { base64_decode(text); }) == "corrupt.base64");
  }
}

TEST_CASE("percent encoding comes back") {
  const auto keep = [](unsigned char c) { return c > ' ' && c < 0x7F && c != '/'; };
  CHECK(percent_encode("a/b c%\xff", keep) == "a%2Fb%20c%25%FF");
  CHECK(percent_decode("a%2Fb%20c%25%FF") == "a/b c%\xff");
  CHECK(percent_decode("%2f") == "/");
  for (const char* text : {"%", "%2", "a%2", "%G0", "%0G", "%%41"}) {
    CAPTURE(text);
    CHECK(error_id([&] { percent_decode(text); }) == "corrupt.percent");
  }
}

TEST_CASE("the nearest word comes first") {
  const std::vector<std::string> words = {"include", "exclude", "scope", "dense/kernel",
                                          "dense/bias"};
  CHECK(nearest("inclde", words) == std::vector<std::string>{"include"});
  CHECK(nearest("xclude", words, 3) == std::vector<std::string>{"exclude", "include"});
  CHECK(nearest("clude", words, 3).empty());
  CHECK(nearest("dense/kernal", words) == std::vector<std::string>{"dense/kernel"});
  CHECK(nearest("zzz", words).empty());
  CHECK(nearest("", words).empty());
  CHECK(nearest("abcdef", {"abcdxx", "abcdef", "abcdex"}, 2) ==
        std::vector<std::string>{"abcdef", "abcdex"});
  CHECK(nearest("ab", {"abc", "b", "xab"}, 9) == std::vector<std::string>{"abc", "b", "xab"});
}

TEST_CASE("lists of names are cut and escaped") {
  CHECK(join_names({}) == "");
  CHECK(join_names({"a", "b"}) == "a, b");
  CHECK(join_names({"a", "b", "c", "d", "e"}, 2) == "a, b and 3 more");
  CHECK(join_names({"a\n"}) == "a\\x0a");
}
