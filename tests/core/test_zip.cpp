#include <doctest/doctest.h>

#include <functional>
#include <random>
#include <thread>

#include "error_id.h"
#include "util/zip.h"
#include "zip_builder.h"

using namespace tensorferry;
using zip_builder::Archive;
using zip_builder::little;
using zip_builder::member;

namespace {

ZipArchive read(const std::string& bytes, const ZipRules& rules = {}) {
  return read_zip(memory_file("a.zip", bytes), rules);
}

std::string contents(const ZipArchive& archive, std::size_t index) {
  const auto file = open_member(archive, archive.members.at(index));
  return file->read_string(0, file->size());
}

/// Compressible, and nowhere the same.
std::string text_of(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  std::string text;
  text.reserve(size + 16);
  while (text.size() < size) {
    for (auto bits = random(); bits != 0; bits >>= 4) text += "0123456789abcdef"[bits & 15];
  }
  text.resize(size);
  return text;
}

/// One stored and one deflated member.
Archive two() { return {{member("a", "first"), member("dir/b", "second", 8)}}; }

std::string id_of(const Archive& archive) {
  return error_id([&] { read(archive.bytes()); });
}

}  // namespace

TEST_CASE("members are listed in order and read, stored and deflated") {
  Archive made = two();
  made.comment = "hello";
  made.members.push_back(member("folder/", ""));
  made.members.push_back(member("empty", "", 8));
  for (const bool zip64 : {false, true}) {
    made.zip64 = zip64;
    const ZipArchive archive = read(made.bytes());
    REQUIRE(archive.members.size() == 3);
    CHECK(archive.members[0].name == "a");
    CHECK(archive.members[1].name == "dir/b");
    CHECK(archive.members[0].offset == 31);
    CHECK(contents(archive, 0) == "first");
    CHECK(contents(archive, 1) == "second");
    CHECK(contents(archive, 2).empty());
    CHECK(archive.comment == "hello");
    CHECK(archive.trailing == 0);
  }
  CHECK(read(Archive{}.bytes()).members.empty());
}

TEST_CASE("sizes in zip64 fields, and sizes that follow the data, come from the directory") {
  Archive made = two();
  const std::uint64_t ones = 0xFFFFFFFF;
  auto& large = made.members[0];
  large.local.extra = little(1, 2) + little(16, 2) + little(5, 8) + little(5, 8);
  large.local.size = large.local.stored = ones;
  large.central.extra =
      little(0x7777, 2) + little(1, 2) + "x" + little(1, 2) + little(8, 2) + little(5, 8);
  large.central.size = ones;
  auto& streamed = made.members[1];
  streamed.local.flags = streamed.central.flags = 8;
  streamed.local.size = streamed.local.stored = streamed.local.crc = 0;
  streamed.bytes += "PK\7\10" + little(0, 12);
  const ZipArchive archive = read(made.bytes());
  CHECK(contents(archive, 0) == "first");
  CHECK(contents(archive, 1) == "second");
}

TEST_CASE("every prefix is refused; bytes behind the archive are counted") {
  Archive made = two();
  made.comment = "a comment";
  const std::string whole = made.bytes();
  for (std::size_t n = 0; n < whole.size(); ++n) {
    CAPTURE(n);
    CHECK(error_id([&] { read(whole.substr(0, n)); }) == "corrupt.zip");
  }
  CHECK(read(whole + "junk").trailing == 4);
}

TEST_CASE("what is in front of the archive is refused, or skipped when the rules allow it") {
  Archive made = two();
  made.prefix = "#!/bin/sh\n";
  for (const bool zip64 : {false, true}) {
    made.zip64 = zip64;
    CHECK(id_of(made) == "corrupt.zip");
    const ZipArchive archive = read(made.bytes(), {.allow_prefix = true});
    CHECK(contents(archive, 0) == "first");
    CHECK(contents(archive, 1) == "second");
  }
}

TEST_CASE("archives that contradict themselves are corrupt") {
  const std::uint64_t ones = 0xFFFFFFFF;
  const std::pair<const char*, std::function<void(Archive&)>> table[] = {
      {"local name", [](Archive& a) { a.members[0].local.name = "b"; }},
      {"local method", [](Archive& a) { a.members[0].local.method = 8; }},
      {"local size", [](Archive& a) { a.members[0].local.size = 4; }},
      {"local stored size", [](Archive& a) { a.members[1].local.stored = 4; }},
      {"local CRC", [](Archive& a) { a.members[0].local.crc ^= 1; }},
      {"local flags", [](Archive& a) { a.members[0].local.flags = 1; }},
      {"a stored member of two sizes",
       [](Archive& a) { a.members[0].local.size = a.members[0].central.size = 4; }},
      {"zip64 field missing", [=](Archive& a) { a.members[0].central.size = ones; }},
      {"zip64 field too short",
       [=](Archive& a) {
         a.members[0].central.size = a.members[0].central.stored = ones;
         a.members[0].central.extra = little(1, 2) + little(8, 2) + little(5, 8);
       }},
      {"more entries than there are", [](Archive& a) { a.entries_lie = 1; }},
      {"fewer entries than there are", [](Archive& a) { a.entries_lie = -1; }},
      {"a name twice", [](Archive& a) { a.members[1] = a.members[0]; }},
      {"NUL in a name", [](Archive& a) { a.members[0] = member(std::string("a\0b", 3), "x"); }},
      {"an end record in the comment", [](Archive& a) { a.comment = Archive{}.bytes(); }},
      {"an end record's mark in the comment",
       [](Archive& a) { a.comment = "x" + Archive{}.bytes() + "yz"; }},
      {"members that overlap",
       [](Archive& a) {
         a.set_offsets = false;
         a.members[1] = a.members[0];
         a.members[1].central.name = a.members[1].local.name = "b";
         a.members[0].bytes += a.members[1].bytes;
         a.members[0].central.local = 0;
         a.members[1].central.local = 36;  // right, but the first claims its header, too
         a.members[0].central.stored = a.members[0].central.size = 10;
         a.members[0].local.stored = a.members[0].local.size = 10;
       }},
      {"a local header that is none",
       [](Archive& a) {
         a.set_offsets = false;
         a.members[0].central.local = 3;
       }},
      {"a local header behind the directory",
       [](Archive& a) {
         a.set_offsets = false;
         a.members[0].central.local = 1u << 31;
       }},
      {"more data than there is",
       [](Archive& a) {
         auto& m = a.members[1];
         m.central.stored = m.local.stored = 5000;
       }},
  };
  CHECK(id_of(two()) == "no error");
  for (const auto& [what, damage] : table) {
    Archive made = two();
    damage(made);
    CAPTURE(what);
    CHECK(id_of(made) == "corrupt.zip");
  }
  // The zip64 record and the plain one must agree.
  Archive large = two();
  large.zip64 = true;
  std::string bytes = large.bytes();
  bytes[bytes.size() - 12] = 3;  // number of members
  bytes[bytes.size() - 11] = 0;
  bytes[bytes.size() - 14] = 3;
  bytes[bytes.size() - 13] = 0;
  CHECK(error_id([&] { read(bytes); }) == "corrupt.zip");
}

TEST_CASE("members that cannot be read say why, and leave the others readable") {
  const std::tuple<unsigned, unsigned, unsigned, const char*> table[] = {
      {1, 0, 20, "unsupported.zip_encrypted"},
      {0, 12, 20, "unsupported.zip_method"},
      {0, 99, 20, "unsupported.zip_method"},
      {0, 0, 64, "unsupported.zip_version"},
  };
  for (const auto& [flags, method, version, id] : table) {
    Archive made = two();
    for (auto* header : {&made.members[0].local, &made.members[0].central}) {
      header->flags = flags;
      header->method = method;
      header->version = version;
    }
    const ZipArchive archive = read(made.bytes());
    CHECK(error_id([&] { contents(archive, 0); }) == id);
    CHECK(contents(archive, 1) == "second");
  }
}

TEST_CASE("what inflates too far is unsafe unless the rules allow it") {
  Archive made = two();
  auto& bomb = made.members[1];
  bomb.local.size = bomb.central.size = 0xFFFFFFFE;
  CHECK_FALSE(read(made.bytes()).members[1].problem);  // 4 GiB are always allowed
  CHECK(read(made.bytes(), {.inflated_limit = 1000}).members[1].problem->id() == "unsafe.limit");
  bomb.central.size = bomb.local.size = 0xFFFFFFFF;
  bomb.central.extra = bomb.local.extra = little(1, 2) + little(8, 2) + little(1ull << 40, 8);
  CHECK(read(made.bytes()).members[1].problem->id() == "unsafe.limit");
  CHECK_FALSE(read(made.bytes(), {.inflated_limit = 1ull << 41}).members[1].problem);
}

TEST_CASE("a small member is read whole, with its checksum, up to a limit") {
  Archive made = two();
  const ZipArchive archive = read(made.bytes());
  for (const ZipMember& one : archive.members) {
    CHECK(read_member(archive, one, 6) == (one.is_stored() ? "first" : "second"));
    CHECK(error_id([&] { read_member(archive, one, 4); }) == "unsafe.limit");
  }
  made.members[0].bytes = "worst";
  const ZipArchive damaged = read(made.bytes());
  CHECK(error_id([&] { read_member(damaged, damaged.members[0], 9); }) == "corrupt.checksum");
}

TEST_CASE("limits of the directory") {
  CHECK(error_id([] { read(two().bytes(), {.members = 1}); }) == "unsafe.limit");
  CHECK(error_id([] { read(two().bytes(), {.directory_bytes = 20}); }) == "unsafe.limit");
}

TEST_CASE("damaged deflate streams are corrupt, wherever the damage is") {
  const std::string text = text_of(300'000, 1);
  const std::string good = zip_builder::deflated(text);
  const auto read_all = [&](std::string bytes, std::uint64_t size, std::uint32_t crc) {
    Archive made{{member("a", "", 8)}};
    made.members[0].bytes = bytes;
    for (auto* header : {&made.members[0].local, &made.members[0].central}) {
      header->stored = bytes.size();
      header->size = size;
      header->crc = crc;
    }
    return error_id([&] { contents(read(made.bytes()), 0); });
  };
  const std::uint32_t crc = zip_builder::crc_of(text);
  CHECK(read_all(good, text.size(), crc) == "no error");
  CHECK(read_all(good, text.size(), crc ^ 1) == "corrupt.checksum");
  CHECK(read_all(good, text.size() - 1, crc) == "corrupt.deflate");
  CHECK(read_all(good, text.size() + 1, crc) == "corrupt.deflate");
  CHECK(read_all(good.substr(0, good.size() - 1), text.size(), crc) == "corrupt.deflate");
  CHECK(read_all(good + "x", text.size(), crc) == "corrupt.deflate");
  CHECK(read_all("", text.size(), crc) == "corrupt.deflate");
  for (std::size_t at = 0; at < good.size(); at += 4999) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x10);
    CHECK(read_all(damaged, text.size(), crc).starts_with("corrupt."));
  }
}

TEST_CASE("a deflated member is read anywhere, in any order, by several threads") {
  const std::string text = text_of(24u << 20, 2);
  const Archive made{{member("a", text, 8), member("b", text_of(5000, 3), 8)}};
  const ZipArchive archive = read(made.bytes());
  const auto file = open_member(archive, archive.members[0]);
  const auto expect = [&](std::uint64_t offset, std::uint64_t length) {
    return file->read_string(offset, length) == std::string_view(text).substr(offset, length);
  };
  // Back to front: from checkpoints, near ones and thinned ones.
  for (std::uint64_t offset = text.size(); offset >= 3'000'000; offset -= 3'000'000) {
    CHECK(expect(offset - 1000, 1000));
  }
  CHECK(expect(0, 10));
  CHECK(expect(text.size() - 1, 1));
  std::atomic<std::uint64_t> next{0}, wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      constexpr std::uint64_t kWindow = 1u << 20;
      for (std::uint64_t at = 0; (at = next++ * kWindow) < text.size();) {
        wrong += !expect(at, std::min<std::uint64_t>(kWindow, text.size() - at));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(contents(archive, 1) == text_of(5000, 3));
  CHECK(error_id([&] { expect(text.size(), 1); }) == "corrupt.truncated");
}

TEST_CASE("more decoders than are kept at a time") {
  Archive made;
  std::vector<std::string> texts;
  for (unsigned i = 0; i < 40; ++i) {
    texts.push_back(text_of(1u << 20, i));
    made.members.push_back(member(std::to_string(i), texts[i], 8));
  }
  const ZipArchive archive = read(made.bytes());
  std::vector<std::shared_ptr<const File>> files;
  for (const ZipMember& one : archive.members) files.push_back(open_member(archive, one));
  for (const std::uint64_t offset : {0u, 1'000'000u, 500'000u}) {
    for (unsigned i = 0; i < 40; ++i) {
      if (files[i]->read_string(offset, 100) != texts[i].substr(offset, 100)) FAIL(i);
    }
  }
}

TEST_CASE("a read that reaches verify_from finds damage behind it") {
  const std::string text = text_of(100'000, 4);
  Archive made{{member("a", text, 8)}};
  made.members[0].local.crc = made.members[0].central.crc = 1;
  const ZipArchive archive = read(made.bytes());
  const auto file = open_member(archive, archive.members[0], 50'000);
  CHECK(file->read_string(0, 49'999) == text.substr(0, 49'999));
  CHECK(error_id([&] { file->read_string(49'000, 1000); }) == "corrupt.checksum");
}
