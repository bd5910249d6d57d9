#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "cli/arguments.h"
#include "cli/array_text.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/slice.h"
#include "cli/tree.h"
#include "tensorferry/error.h"

using namespace tensorferry;
using namespace tensorferry::cli;

namespace {

/// An array whose elements are their own indices.
class Counting : public Elements {
 public:
  void expect(std::uint64_t first, std::uint64_t count) override {
    announced = {first, first + count};
  }
  void append(std::string& out, std::uint64_t index, Style) override {
    REQUIRE(index >= announced.start);
    REQUIRE(index < announced.stop);
    out += std::to_string(index);
  }
  void finish() override {}

  Span announced;
};

std::string array(const Shape& shape, std::string_view slice = "", bool elide = false,
                  bool json = false) {
  Counting elements;
  const Box box(shape, resolve_slice(parse_slice(slice), shape));
  std::string out;
  const TextSink sink = [&](std::string_view text) { out += text; };
  if (json)
    write_array_json(box, elements, sink);
  else
    write_array_text(box, elide, elements, sink);
  return out;
}

ErrorCode code_of(const auto& action) {
  try {
    action();
  } catch (const Error& e) {
    return e.code();
  }
  FAIL("nothing was thrown");
  return ErrorCode::internal;
}

constexpr OptionDef kOptions[] = {
    {"j,threads", "N", "threads"}, {"in-opt", "K=V", "options"}, {"overwrite", nullptr, "replace"}};

Syntax syntax() {
  return {.command = "try",
          .operands = "A [B]",
          .about = "About.",
          .least = 1,
          .most = 2,
          .groups = {{"Group", kOptions}}};
}

Arguments parse(const std::vector<std::string>& words) { return Arguments::parse(syntax(), words); }

}  // namespace

TEST_CASE("a slice has an index or a range for each dimension") {
  CHECK(parse_slice("") == std::vector<SliceItem>{});
  CHECK(parse_slice("3") == std::vector<SliceItem>{{false, 3, std::nullopt}});
  CHECK(parse_slice("0:4, :,-2:,:7") == std::vector<SliceItem>{{true, 0, 4},
                                                               {true, std::nullopt, std::nullopt},
                                                               {true, -2, std::nullopt},
                                                               {true, std::nullopt, 7}});
}

TEST_CASE("what is no slice is a usage error") {
  for (const char* text :
       {"a", "1,,2", "1,", "0:4:2", "1.5", "0x3", "99999999999999999999", "--1"}) {
    CAPTURE(text);
    CHECK(code_of([&] { parse_slice(text); }) == ErrorCode::usage);
  }
}

TEST_CASE("ranges are clipped and negative ends count from the end, as in numpy") {
  const Shape shape = {5};
  const auto resolve = [&](std::string_view text) {
    return resolve_slice(parse_slice(text), shape)[0];
  };
  CHECK(resolve("1:3") == Span{1, 3, false});
  CHECK(resolve("-2:") == Span{3, 5, false});
  CHECK(resolve(":-1") == Span{0, 4, false});
  CHECK(resolve("-99:99") == Span{0, 5, false});
  CHECK(resolve("4:2") == Span{4, 4, false});
  CHECK(resolve("-9223372036854775808:") == Span{0, 5, false});
  CHECK(resolve("-1") == Span{4, 5, true});
  for (const char* text : {"5", "-6", "-9223372036854775808"})
    CHECK(code_of([&] { resolve(text); }) == ErrorCode::usage);
  CHECK(code_of([&] { resolve("0,0"); }) == ErrorCode::usage);
}

TEST_CASE("arrays look as numpy prints them") {
  CHECK(array({}) == "0");
  CHECK(array({3}) == "[0, 1, 2]");
  CHECK(array({2, 2}) == "[[0, 1],\n [2, 3]]");
  CHECK(array({2, 1, 2}) == "[[[0, 1]],\n\n [[2, 3]]]");
  CHECK(array({2, 6}) == "[[ 0,  1,  2,  3,  4,  5],\n [ 6,  7,  8,  9, 10, 11]]");
  CHECK(array({0}) == "[]");
  CHECK(array({2, 0}) == "[]");
}

TEST_CASE("slices show their own elements") {
  CHECK(array({3, 4}, "1") == "[4, 5, 6, 7]");
  CHECK(array({3, 4}, ":,1") == "[1, 5, 9]");
  CHECK(array({3, 4}, "-1,-1") == "11");
  CHECK(array({3, 4}, "1:,2:3") == "[[ 6],\n [10]]");
  CHECK(array({3, 4}, "3:") == "[]");
}

TEST_CASE("elided arrays show three at each edge of each dimension") {
  CHECK(array({10}, "", true) == "[0, 1, 2, ..., 7, 8, 9]");
  CHECK(array({6}, "", true) == "[0, 1, 2, 3, 4, 5]");
  CHECK(array({8, 1}, "", true) == "[[0],\n [1],\n [2],\n ...,\n [5],\n [6],\n [7]]");
}

TEST_CASE("long rows are wrapped under their bracket") {
  const std::string text = array({200});
  std::size_t lines = 1, column = 0;
  for (const char c : text) {
    column = c == '\n' ? 0 : column + 1;
    lines += c == '\n' ? 1U : 0U;
    CHECK(column <= 101);
  }
  CHECK(lines > 5);
  CHECK(text.find("\n ") != std::string::npos);
}

TEST_CASE("JSON has every element in nested lists") {
  CHECK(array({}, "", false, true) == "0");
  CHECK(array({2, 2}, "", false, true) == "[[0,1],[2,3]]");
  CHECK(array({2, 0}, "", false, true) == "[[],[]]");
  CHECK(array({3, 4}, "1,:2", false, true) == "[4,5]");
}

TEST_CASE("a tree has a line for each group and each tensor") {
  const auto lines = tree_lines({{"a/b/k", 4}, {"z", 1}, {"a/b", 2}, {"a/c", 8}, {"/", 16}});
  std::string text;
  for (const TreeLine& line : lines)
    text += std::string(line.depth, ' ') + line.label + (line.leaf ? "=" : "/") +
            std::to_string(line.bytes) + ";";
  CHECK(text == "/16; =16;a/14; b=2; b/4;  k=4; c=8;z=1;");
}

TEST_CASE("a name of slashes alone costs no more than its length") {
  const auto lines = tree_lines({{std::string(1 << 20, '/'), 1}});
  CHECK(lines.size() < 100);
}

TEST_CASE("progress tells share, speed and time left") {
  const std::string line = progress_line(1 << 30, 1LL << 31, 2, 100);
  CHECK(line.starts_with("[####"));
  CHECK(line.find(" 50%") != std::string::npos);
  CHECK(line.find("536.9 MB/s") != std::string::npos);
  CHECK(line.find("0:02 left") != std::string::npos);
  CHECK(line.find("1.0 GiB of 2.0 GiB") != std::string::npos);
}

TEST_CASE("progress fits in any width and survives odd numbers") {
  for (std::size_t width = 0; width < 200; ++width) {
    CHECK(progress_line(5, 7, 0.6, width).size() <= width);
    CHECK(progress_line(0, 0, 0, width).size() <= width);
    CHECK(progress_line(9, 7, 0, width).size() <= width);
    CHECK(progress_line(0, ~0ULL, 1e9, width).size() <= width);
  }
  CHECK(progress_line(0, 100, 1, 80).find("left") == std::string::npos);
}

TEST_CASE("times and amounts are short") {
  CHECK(clock_text(7.2) == "0:07");
  CHECK(clock_text(754) == "12:34");
  CHECK(clock_text(3723) == "1:02:03");
  CHECK(human_bytes(0) == "0 B");
  CHECK(human_bytes(1536) == "1.5 KiB");
  CHECK(human_bytes((1 << 20) - 1) == "1.0 MiB");
  CHECK(human_bytes(~0ULL) == "16.0 EiB");
  CHECK(exact_bytes(1536) == "1.5 KiB (1536 bytes)");
  CHECK(exact_bytes(1) == "1 byte");
}

TEST_CASE("progress as JSON says what a machine needs") {
  CHECK(progress_json("done", {8, 8}, 2) ==
        R"({"event":"done","bytes":8,"total":8,"seconds":2.0,"rate":4.0})");
}

TEST_CASE("options stand anywhere, repeat, and hold commas and dashes") {
  const Arguments a =
      parse({"-j4", "x", "--in-opt", "shape=784,128", "--in-opt=name=-v", "--overwrite", "y"});
  CHECK(a.operands() == std::vector<std::string>{"x", "y"});
  CHECK(a.number("threads") == 4);
  CHECK(a.pairs("in-opt") ==
        std::map<std::string, std::string>{{"shape", "784,128"}, {"name", "-v"}});
  CHECK(a.flag("overwrite"));
  CHECK(parse({"--threads", "1", "--threads", "2", "x"}).number("threads") == 2);
  CHECK(parse({"--", "-x", "--overwrite"}).operands() ==
        std::vector<std::string>{"-x", "--overwrite"});
}

TEST_CASE("an unknown option is refused with the nearest one and the usage line") {
  try {
    parse({"x", "--overwritte"});
    FAIL("accepted");
  } catch (const Error& e) {
    CHECK(e.id() == "usage.unknown_option");
    CHECK(e.message().find("did you mean --overwrite?") != std::string::npos);
    CHECK(e.message().find("usage: tensorferry try A [B]") != std::string::npos);
  }
}

TEST_CASE("wrong command lines are usage errors") {
  const std::vector<std::vector<std::string>> wrong = {
      {},          {"a", "b", "c"}, {"a", "--in-opt"}, {"a", "-z"},
      {""},        {"a", "--=x"},   {"a", "-x.npy"},   {"a", "---"},
      {"a", "-jx"}};
  for (const auto& words : wrong) {
    CAPTURE(words.size());
    CHECK(code_of([&] { parse(words).number("threads"); }) == ErrorCode::usage);
  }
  CHECK(code_of([] { parse({"a", "--in-opt", "novalue"}).pairs("in-opt"); }) == ErrorCode::usage);
  CHECK(code_of([] {
          parse({"a", "--in-opt", "k=1", "--in-opt", "k=2"}).pairs("in-opt");
        }) == ErrorCode::usage);
}

TEST_CASE("--help needs no operands and lists every option") {
  CHECK(parse({"--help"}).flag("help"));
  const std::string text = help_text(syntax());
  for (const char* word :
       {"tensorferry try A [B]", "--threads", "--in-opt", "--overwrite", "--help"})
    CHECK(text.find(word) != std::string::npos);
}
