// The index as TensorFlow writes it: where blocks end, what separates them, and its bytes.
#include <doctest/doctest.h>

#include "formats/tensorflow_bundle.h"
#include "tensorflow/table.h"
#include "tensorflow/table_builder.h"

using namespace tensorferry;
using namespace tensorferry::tensorflow;
using namespace tensorflow_test;

namespace {

BuiltTable built(const Entries& entries) {
  TableBuilder builder;
  for (const auto& [key, value] : entries) builder.add(key, value);
  return std::move(builder).finish();
}

Entries entries_of(const std::string& bytes) {
  Entries entries;
  Table(memory_file("x.index", bytes), {}).for_each([&](std::string_view key, std::string_view v) {
    entries.emplace_back(key, v);
  });
  return entries;
}

std::string key_of(int i) { return "key" + std::to_string(100000 + i); }

}  // namespace

TEST_CASE("tensorflow: the index of two tensors is the one that TensorFlow writes") {
  const Entries entries = {{"", hex("08 01 1a 02 08 01")},
                           {"a", hex("08 01 12 04 12 02 08 02 28 08 35 59 3c e5 35")},
                           {"s", hex("08 07 12 04 12 02 08 02 20 08 28 08 35 9e 9e 48 ed")}};
  const std::string expected = hex("00 00 06 08 01 1a 02 08 01"
                                   "00 01 0f 61 08 01 12 04 12 02 08 02 28 08 35 59 3c e5 35"
                                   "00 01 11 73 08 07 12 04 12 02 08 02 20 08 28 08 35 9e 9e 48 ed"
                                   "00 00 00 00 01 00 00 00 00 60 47 1c 63"
                                   "00 00 00 00 01 00 00 00 00 c0 f2 a1 b0"
                                   "00 01 02 74 00 39 00 00 00 00 01 00 00 00 00 08 7f 72 58"
                                   "3e 08 4b 0e") +
                               std::string(36, '\0') + hex("57 fb 80 8b 24 75 47 db");
  CHECK(built(entries).bytes == expected);
  CHECK(expected.size() == 142);
}

TEST_CASE("tensorflow: separators are the shortest strings between two blocks") {
  CHECK(shortest_separator("abcdef", "abzz") == "abd");
  CHECK(shortest_separator("abcdef", "abd") == "abcdef");  // abd is not below abd
  CHECK(shortest_separator("abc", "abcd") == "abc");
  CHECK(shortest_separator("a\xff", "c") == "b");
  CHECK(shortest_separator("a\xfe\x01", "a\xff") == "a\xfe\x01");
  CHECK(shortest_separator("\x7f", "\xf0") == "\x80");  // bytes are unsigned
  CHECK(shortest_separator("", "a").empty());
  CHECK(short_successor("abc") == "b");
  CHECK(short_successor("\xff\xff"
                        "abc") ==
        "\xff\xff"
        "b");
  CHECK(short_successor("\xff\xff") == "\xff\xff");
  CHECK(short_successor("").empty());
}

TEST_CASE("tensorflow: a data block ends when it has reached 256 KiB with its restarts") {
  // An entry takes 3 varint bytes, its new key bytes and its value.
  const std::uint64_t limit = 262144;
  const auto two_blocks = [&](std::size_t first_value) {
    return built({{"", std::string(first_value, 'v')}, {"a", "x"}}).blocks;
  };
  // 1 + 1 + 3 bytes of lengths, one restart, the number of restarts.
  const std::size_t exact = limit - 5 - 8;
  CHECK(two_blocks(exact).size() == 2);
  CHECK(two_blocks(exact)[0].size == limit);
  CHECK(two_blocks(exact - 1).size() == 1);
}

TEST_CASE("tensorflow: an entry of 512 KiB begins a block of its own, but no empty one") {
  const std::string large(524288 - 1, 'v');  // with the key of one byte
  CHECK(built({{"", "h"}, {"a", large}}).blocks.size() == 2);
  CHECK(built({{"", "h"}, {"a", large.substr(1)}}).blocks.size() == 1);
  CHECK(built({{"a", large}, {"b", large}}).blocks.size() == 2);
}

TEST_CASE("tensorflow: every 16th entry of a block shares nothing, as do all of the index block") {
  BlockBuilder data(16), index(1);
  Entries entries;
  for (int i = 0; i < 40; ++i) {
    entries.emplace_back(key_of(i), "v");
    data.add(entries.back().first, "v");
    index.add(entries.back().first, "v");
  }
  CHECK(data.bytes() == block(entries, 16).size());
  CHECK(data.finish() == block(entries, 16));
  CHECK(index.finish() == block(entries, 1));
  CHECK(data.empty());
  data.add("again", "v");
  CHECK(data.finish() == block({{"again", "v"}}, 16));
}

TEST_CASE("tensorflow: a table of many blocks reads back, and values are where it says") {
  Entries entries;
  for (int i = 0; i < 3000; ++i)
    entries.emplace_back(key_of(i), std::string(212, static_cast<char>('a' + i % 26)));
  BuiltTable table = built(entries);
  CHECK(table.blocks.size() == 3);
  CHECK(entries_of(table.bytes) == entries);
  for (std::size_t i = 0; i < entries.size(); ++i) {
    REQUIRE(table.bytes.substr(table.value_ends[i] - 212, 212) == entries[i].second);
  }
  // Values may change in place: sealed again, it is the table of the new values.
  for (std::size_t i = 0; i < entries.size(); i += 7) {
    entries[i].second.back() = '!';
    table.bytes[table.value_ends[i] - 1] = '!';
  }
  seal(table.bytes, table.blocks);
  CHECK(table.bytes == built(entries).bytes);
}
