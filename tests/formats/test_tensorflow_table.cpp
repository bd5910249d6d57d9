// The index as a file of blocks: what is read, and what no index may do to its reader.
#include <doctest/doctest.h>

#include "error_id.h"
#include "formats/tensorflow_read.h"
#include "tensorflow/table.h"

using namespace tensorferry;
using namespace tensorflow_test;
using tensorferry::tensorflow::Table;

namespace {

Entries read_table(const std::string& bytes, const Limits& limits = {}) {
  Entries entries;
  Table(memory_file("x.index", bytes), limits)
      .for_each(
          [&](std::string_view key, std::string_view value) { entries.emplace_back(key, value); });
  return entries;
}

std::string table_error(const std::string& bytes, const Limits& limits = {}) {
  return error_id([&] { read_table(bytes, limits); });
}

/// A table of one block with those contents.
std::string with_block(const std::string& contents, std::uint8_t type = 0) {
  return table_of_blocks({sealed(contents, type)}, {"zzz"});
}

Entries many_entries() {
  Entries entries = {{"", header(1)}};
  for (int i = 1000; i < 1300; ++i) {
    entries.emplace_back("layer/" + std::to_string(i) + "/kernel", "value " + std::to_string(i));
  }
  return entries;
}

}  // namespace

TEST_CASE("tensorflow: a table gives back its entries, in one block or many, plain or snappy") {
  const Entries entries = many_entries();
  for (const TableOptions& options : {TableOptions{}, TableOptions{.block_bytes = 100},
                                      TableOptions{.block_bytes = 1, .restart_interval = 1},
                                      TableOptions{.block_bytes = 500, .snappy = true}}) {
    CHECK(read_table(table(entries, options)) == entries);
  }
  CHECK(read_table(table({})).empty());
}

TEST_CASE("tensorflow: index keys need not be keys of the table") {
  const Entries first = {{"", "h"}, {"abc", "1"}}, second = {{"xyz", "2"}};
  const std::vector<std::string> blocks = {sealed(block(first)), sealed(block(second))};
  CHECK(read_table(table_of_blocks(blocks, {"b", "z"})).size() == 3);
  // A separator below the block's last key, or not below the next block's first one, hides keys
  // from lookups.
  CHECK(table_error(table_of_blocks(blocks, {"abb", "z"})) == "corrupt.order");
  CHECK(table_error(table_of_blocks(blocks, {"xyz", "z"})) == "corrupt.order");
  CHECK(table_error(table_of_blocks(blocks, {"z", "b"})) == "corrupt.order");
}

TEST_CASE("tensorflow: keys that repeat or fall are refused") {
  CHECK(table_error(table({{"a", ""}, {"a", ""}})) == "corrupt.order");
  CHECK(table_error(table({{"b", ""}, {"a", ""}})) == "corrupt.order");
  CHECK(table_error(table({{"b", ""}, {"a", ""}}, {.block_bytes = 1})) == "corrupt.order");
  CHECK(table_error(table({{"", ""}, {"", ""}})) == "corrupt.order");
  CHECK(table_error(table({{"\xff", ""}, {"a", ""}})) == "corrupt.order");  // unsigned bytes
}

TEST_CASE("tensorflow: the footer is checked before anything is read by it") {
  const std::string good = table(many_entries());
  CHECK(table_error("") == "corrupt.truncated");
  CHECK(table_error(good.substr(good.size() - 47)) == "corrupt.truncated");
  std::string bad = good;
  bad.back() = '\0';
  CHECK(table_error(bad) == "corrupt.magic");
  const auto with_handles = [&](const std::string& handles) {
    std::string padded = handles;
    padded.resize(40, '\0');
    return table_error(good.substr(0, good.size() - 48) + padded + good.substr(good.size() - 8));
  };
  CHECK(with_handles(std::string(40, '\xff')) == "corrupt.footer");
  // Row 67: a size near 2^64, so that size + 5 wraps.
  const std::string huge = varint(~std::uint64_t{0} - 2);
  CHECK(with_handles(varint(0) + varint(8) + varint(0) + huge) == "corrupt.truncated");
  CHECK(with_handles(varint(0) + varint(8) + huge + varint(8)) == "corrupt.truncated");
  CHECK(with_handles(varint(0) + varint(8) + varint(good.size() - 4) + varint(0)) ==
        "corrupt.truncated");
  CHECK(table_error(good, {.header_bytes = good.size() - 1}) == "unsafe.limit");
}

TEST_CASE("tensorflow: a block with a right CRC and hostile contents is refused") {
  const std::string restart0 = little32(0) + little32(1);
  struct Case {
    const char* what;
    std::string contents;
  };
  const std::string item = hex("00 01 01 61 62");  // "a" -> "b"
  const Case cases[] = {
      {"shorter than its restart count", "abc"},
      {"2^32 - 1 restarts", item + little32(0xffffffff)},
      {"one restart more than there is room for", little32(1)},
      {"entries without a restart", item + little32(0)},
      {"restarts without entries", little32(0) + little32(0) + little32(2)},
      {"a first entry that is no restart", item + little32(1) + little32(1)},
      {"a restart between entries", item + little32(0) + little32(2) + little32(2)},
      {"a restart behind the last entry", item + little32(0) + little32(5) + little32(2)},
      {"a restart at an entry that shares",
       item + hex("01 01 00 62") + little32(0) + little32(5) + little32(2)},
      {"more shared than the last key has", item + hex("02 01 00 62") + restart0},
      {"shared in the first entry", hex("01 01 00 62") + restart0},
      {"a value into the restart array", hex("00 01 02 61 62") + restart0},
      {"a key into the restart array", hex("00 03 00 61 62") + restart0},
      {"lengths that wrap together", hex("00 ff ff ff ff 0f 03 61 62") + restart0},
      {"a length above 32 bits", hex("00 01 80 80 80 80 10 61") + restart0},
      {"a varint that does not end", hex("80 80 80 80 80 80 80 80 80 80 80") + restart0},
      {"an entry that is cut off", hex("00 01") + restart0},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    CHECK(table_error(with_block(test.contents)) == "corrupt.block");
  }
  CHECK(read_table(with_block(item + restart0)) == Entries{{"a", "b"}});
  CHECK(read_table(with_block(little32(0))).empty());
}

TEST_CASE("tensorflow: block types are 0 and 1") {
  CHECK(table_error(with_block(block({{"a", "b"}}), 2)) == "corrupt.block");
  CHECK(table_error(with_block(block({{"a", "b"}}), 255)) == "corrupt.block");
}

TEST_CASE("tensorflow: snappy data may not claim more than it can hold") {
  struct Case {
    const char* what;
    std::string data;
  };
  const Case cases[] = {
      {"empty", ""},
      {"4 GiB of 5 bytes (row 69)", hex("ff ff ff ff 0f")},
      {"above 22 times the data", varint(200) + std::string(4, '\0')},
      {"less than announced", varint(20) + hex("08 61 62 63")},
      {"more than announced", varint(2) + hex("08 61 62 63")},
      {"a copy from before the start", varint(8) + hex("00 61 0d 09")},
      {"a copy of offset 0", varint(8) + hex("00 61 0d 00")},
      {"a literal that is cut off", varint(8) + hex("1c 61")},
  };
  for (const Case& test : cases) {
    CAPTURE(test.what);
    CHECK(table_error(with_block(test.data, 1)) == "corrupt.block");
  }
  // A copy may overlap its own output: "b", then 19 bytes from one byte back.
  const std::string run =
      hex("10 00 01 14 61 62") + hex("4a 01 00") + hex("1c 00 00 00 00 01 00 00 00");
  CHECK(read_table(with_block(varint(32) + run, 1)) == Entries{{"a", std::string(20, 'b')}});
}

TEST_CASE("tensorflow: names that grow by sharing stop at the limit of held metadata") {
  // Each entry of a few bytes repeats a key of 64 KiB: a small file of many gigabytes of names.
  Entries entries = {{std::string(65536, 'k'), ""}};
  for (int i = 1000; i < 3000; ++i) entries.emplace_back(entries[0].first + std::to_string(i), "");
  const std::string bytes =
      table(entries, {.block_bytes = std::size_t{1} << 40, .restart_interval = 100000});
  CHECK(bytes.size() < 200'000);
  CHECK(table_error(bytes, {.header_bytes = 100'000'000}) == "unsafe.limit");
}

TEST_CASE("tensorflow: handles that visit one block again and again are refused") {
  const std::string empty = sealed(block({}));
  Entries index;
  for (int i = 1000; i < 2000; ++i) index.emplace_back(std::to_string(i), varint(0) + varint(8));
  const std::string index_block = sealed(block(index, 1));
  std::string footer =
      varint(0) + varint(8) + varint(empty.size()) + varint(index_block.size() - 5);
  footer.resize(40, '\0');
  // The index block is longer than what it visits, so that only a repeated large block is refused.
  CHECK(table_error(empty + index_block + footer + hex("57 fb 80 8b 24 75 47 db")) == "no error");
  const std::string large = sealed(block({{"0", std::string(100'000, 'v')}}));
  Entries twice = {{"1", varint(0) + varint(large.size() - 5)},
                   {"2", varint(0) + varint(large.size() - 5)}};
  const std::string twice_block = sealed(block(twice, 1));
  footer = varint(0) + varint(8) + varint(large.size()) + varint(twice_block.size() - 5);
  footer.resize(40, '\0');
  CHECK(table_error(large + twice_block + footer + hex("57 fb 80 8b 24 75 47 db")) ==
        "corrupt.block");
}

TEST_CASE(
    "tensorflow: every prefix of an index is refused, and so is every flipped bit that matters") {
  Bundle bundle;
  bundle.add("a", 1, {1, 2}, counting(8));
  bundle.add_strings("s", {2}, {"hi", ""});
  const Files good = bundle.files();
  const std::string& index = good.at("m.index");
  const auto outcome = [&](const std::string& bytes) {
    Files files = good;
    files["m.index"] = bytes;
    return error_id([&] {
      const Manifest manifest = read_files(files);
      // What is accepted is what was written.
      CHECK(bytes_of(manifest.at("a")) == counting(8));
      CHECK(load_strings(manifest.at("s")) == std::vector<std::string>{"hi", ""});
    });
  };
  for (std::size_t length = 0; length < index.size(); ++length) {
    CAPTURE(length);
    REQUIRE(outcome(index.substr(0, length)).starts_with("corrupt."));
  }
  std::size_t harmless = 0;
  for (std::size_t at = 0; at < index.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      CAPTURE(at);
      CAPTURE(bit);
      std::string bytes = index;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      const std::string id = outcome(bytes);
      if (id == "no error") ++harmless;
      REQUIRE((id == "no error" || id.starts_with("corrupt.")));
    }
  }
  // The metaindex block, its handle and the padding of the footer are read by nobody.
  CHECK(harmless > 0);
  CHECK(harmless <= 8 * (13 + 2 + 36));
}
