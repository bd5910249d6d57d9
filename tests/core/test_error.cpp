#include <doctest/doctest.h>

#include "tensorferry/error.h"

using tensorferry::Error;
using tensorferry::ErrorCode;
using tensorferry::printable;

TEST_CASE("what() names identifier, file and tensor in this order") {
  const Error plain(ErrorCode::corrupt, "truncated", "needs bytes 1024..5120, file has 3000");
  CHECK(std::string(plain.what()) ==
        "error[corrupt.truncated]: needs bytes 1024..5120, file has 3000");
  const Error placed = plain.in_tensor("dense/kernel").in_file("model.data");
  CHECK(std::string(placed.what()) ==
        "error[corrupt.truncated]: model.data: tensor \"dense/kernel\": needs bytes 1024..5120, "
        "file has 3000");
  CHECK(placed.id() == "corrupt.truncated");
  CHECK(placed.message() == plain.message());
}

TEST_CASE("a place that is known is kept") {
  const Error error = Error(ErrorCode::input, "missing", "x").in_file("inner").in_file("outer");
  CHECK(error.file() == "inner");
  CHECK(error.in_tensor("a").in_tensor("b").tensor() == "a");
}

TEST_CASE("codes are the exit codes that scripts rely on") {
  const std::pair<ErrorCode, int> table[] = {
      {ErrorCode::usage, 2},     {ErrorCode::corrupt, 3}, {ErrorCode::unsupported, 4},
      {ErrorCode::unsafe, 5},    {ErrorCode::input, 6},   {ErrorCode::output, 7},
      {ErrorCode::resources, 8}, {ErrorCode::lossy, 9},   {ErrorCode::internal, 70}};
  for (const auto& [code, value] : table) CHECK(static_cast<int>(code) == value);
  CHECK(to_string(ErrorCode::lossy) == "lossy");
  CHECK(Error(ErrorCode::internal, "", "x").id() == "internal");
}

TEST_CASE("printable escapes whatever could fake or hide a line") {
  const std::pair<std::string, std::string> table[] = {
      {"dense/kernel:0", "dense/kernel:0"},
      {"gr\xC3\xB6\xC3\x9F"
       "e",
       "gr\xC3\xB6\xC3\x9F"
       "e"},
      {"a\nb\tc", "a\\x0ab\\x09c"},
      {"\x1b[31m", "\\x1b[31m"},
      {std::string("a\0b", 3), "a\\x00b"},
      {"\x7f", "\\x7f"},
      {"\xC2\x9B", "\\xc2\\x9b"},           // C1: a control sequence introducer
      {"\xE2\x80\xAE", "\\xe2\\x80\\xae"},  // right-to-left override
      {"\xE2\x81\xA6", "\\xe2\\x81\\xa6"},  // isolate
      {"\xE2\x80\xA8", "\\xe2\\x80\\xa8"},  // line separator
      {"\xD8\x9C", "\\xd8\\x9c"},           // Arabic letter mark
      {"\xEF\xBB\xBF"
       "a",
       "\\xef\\xbb\\xbf"
       "a"},  // byte order mark
      {"\xff"
       "a",
       "\\xff"
       "a"},
      {"\xC3", "\\xc3"},
      {"\xC0\x80", "\\xc0\\x80"},  // overlong
  };
  for (const auto& [text, expected] : table) CHECK(printable(text) == expected);
}

TEST_CASE("printable cuts between characters") {
  CHECK(printable(std::string(200, 'a')) == std::string(200, 'a'));
  CHECK(printable(std::string(201, 'a')) == std::string(200, 'a') + "...");
  CHECK(printable("ab\xC3\xB6", 3) == "ab...");
  CHECK(printable("a\x1b", 4) == "a...");
  CHECK(printable(std::string(5000, 'a'), 0).size() == 5000);
}

TEST_CASE("a message cannot smuggle control characters into the terminal") {
  const Error error =
      Error(ErrorCode::corrupt, "x", "bad\x1b[2J\nnext").in_file("f\n").in_tensor("t\x1b");
  CHECK(std::string(error.what()) ==
        "error[corrupt.x]: f\\x0a: tensor \"t\\x1b\": bad\\x1b[2J\nnext");
}
