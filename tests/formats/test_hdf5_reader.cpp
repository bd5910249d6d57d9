#include <doctest/doctest.h>

#include <cstring>

#include "error_id.h"
#include "hdf5/chunk_cache.h"
#include "hdf5/filters.h"
#include "hdf5/global_heap.h"
#include "hdf5/object_header.h"
#include "layout_in_memory.h"
#include "temp_folder.h"
#include "tensorferry/tensorferry.h"

using namespace tensorferry;

namespace {

std::vector<std::byte> bytes_of(std::string_view text) {
  const auto* data = reinterpret_cast<const std::byte*>(text.data());
  return {data, data + text.size()};
}

/// A file with groups, tags, strings, attributes and, when asked, chunks.
std::string written(const std::map<std::string, std::string>& options) {
  TempFolder folder;
  Manifest manifest;
  manifest.tensors.push_back(tensor_of("a/b", DType::float32, {40, 5}, std::string(800, 'f')));
  manifest.tensors.push_back(tensor_of("a", DType::int4, {3}, std::string("\1\2\3", 3)));
  manifest.tensors.push_back(strings_of("text", {2}, {"one", std::string("\xff\0", 2)}));
  manifest.tensors[0].attributes["note"] = std::string("of the tensor");
  manifest.attributes["made by"] = std::string("a test");
  auto plan = ConversionPlan::make(std::move(manifest), Registry::global().at("hdf5"),
                                   folder / "x.h5", options);
  std::move(plan).run({});
  return read_file(folder / "x.h5");
}

/// Reads everything; the first error, or "no error".
std::string outcome(const std::string& bytes) {
  return error_id([&] {
    ReadOptions options;
    options.from = "hdf5";
    const Manifest manifest = read(Input::memory("x.h5", {{"x.h5", bytes}}), options);
    for (const Tensor& tensor : manifest.tensors) sha256(tensor);
  });
}

bool is_refusal(const std::string& id) {
  return id == "no error" || id.starts_with("corrupt.") || id.starts_with("unsupported.") ||
         id.starts_with("unsafe.") || id.starts_with("resources.");
}

}  // namespace

TEST_CASE("hdf5: what is written from memory is read from memory") {
  const Manifest manifest = read(Input::memory("x.h5", {{"x.h5", written({})}}));
  CHECK(manifest.attributes.at("made by") == AttributeValue(std::string("a test")));
  CHECK(manifest.at("a/b").attributes.at("note") == AttributeValue(std::string("of the tensor")));
  CHECK(manifest.at("a/b").attributes.size() == 1);
  CHECK(manifest.at("a").dtype == DType::int4);
  CHECK(text_of(manifest.at("a")) == "\1\2\3");
  CHECK(load_strings(manifest.at("text")) ==
        std::vector<std::string>{"one", std::string("\xff\0", 2)});
}

// The library itself may read past an attribute whose type is damaged, in a process that may die of
// it. One sanitizer tells of that at length, another of every size that it refuses.
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kDamage = false;
#else
constexpr bool kDamage = true;
#endif

TEST_CASE("hdf5: no cut is taken for a whole file, and no damaged byte crashes the reader") {
  for (const auto& options :
       {std::map<std::string, std::string>{}, {{"compression", "gzip"}, {"chunk", "1024"}}}) {
    const std::string whole = written(options);
    REQUIRE(outcome(whole) == "no error");
    for (std::size_t cut = 0; cut < whole.size(); cut += 7) {
      CAPTURE(cut);
      const std::string id = outcome(whole.substr(0, cut));
      CAPTURE(id);
      CHECK(is_refusal(id));
      CHECK(id != "no error");
    }
    // A sample, since each forks; every byte, and in every way: tests/hdf5_mutants.
    for (std::size_t at = 0; kDamage && at < whole.size(); at += 5) {
      CAPTURE(at);
      std::string damaged = whole;
      damaged[at] =
          static_cast<char>(static_cast<unsigned>(damaged[at]) ^ (at % 2 == 0 ? 0xffu : 0x01u));
      const std::string id = outcome(damaged);
      CAPTURE(id);
      CHECK(is_refusal(id));
    }
  }
}

// Cause: H5O_attr_shared_decode of 1.10 read on behind the header, up to a page that was not there.
TEST_CASE("hdf5: an attribute that says more than it holds is refused before the library sees it") {
  //                  version, flags, bytes of name, type and space, name, type
  const std::string front("\1\0\2\0\10\0\30\0a\0\0\0\0\0\0\0\20\10\0\0\4\0\0\0", 24);
  const std::string space("\1\1\1\0\0\0\0\0\1\0\0\0\0\0\0\0\1\0\0\0\0\0\0\0", 24);
  const auto outcome_of = [](const std::string& data) {
    return error_id([&] {
      hdf5::check_messages({{hdf5::HeaderMessage::kAttribute, false, data}});
    });
  };
  CHECK(outcome_of(front + space + "1234") == "no error");
  for (const std::size_t at : {2u, 4u, 6u, 25u}) {  // the three sizes, and the rank
    CAPTURE(at);
    std::string damaged = front + space + "1234";
    damaged[at] = '\x40';
    CHECK(outcome_of(damaged) == "corrupt.hdf5_header");
  }
}

TEST_CASE("hdf5: a value of variable length is where its reference says, or refused") {
  std::string bytes(8, '#');  // a user block
  bytes += std::string("GCOL\1\0\0\0\x40\0\0\0\0\0\0\0", 16);
  bytes += std::string("\2\0\1\0\0\0\0\0\3\0\0\0\0\0\0\0abc\0\0\0\0\0", 24);
  bytes += std::string("\0\0\0\0\0\0\0\0\x18\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 24);
  const auto value = [&](hdf5::HeapReference reference, std::string changed) {
    std::string found;
    const std::string id = error_id([&] {
      const auto file = memory_file("x", changed);
      hdf5::GlobalHeap heap(*file, 8);
      found = heap.value(reference);
    });
    return id == "no error" ? found : id;
  };
  CHECK(value({3, 0, 2}, bytes) == "abc");
  CHECK(value({0, 0, 0}, bytes).empty());
  const std::string refused = "corrupt.hdf5_heap";
  for (const hdf5::HeapReference& wrong : {hdf5::HeapReference{3, 0, 0},
                                           {3, 0, 1},
                                           {3, 0, 65538},
                                           {2, 0, 2},
                                           {4, 0, 2},
                                           {3, 1, 2},
                                           {3, ~0ull, 2}})
    CHECK(value(wrong, bytes) == refused);
  for (const std::size_t at : {8u, 12u, 16u, 20u, 24u, 32u, 36u}) {
    CAPTURE(at);
    std::string damaged = bytes;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x7f);
    CHECK(value({3, 0, 2}, damaged) == refused);
  }
}

TEST_CASE("hdf5: filters are undone, and what does not fit is refused") {
  using hdf5::Filter;
  using hdf5::unfiltered;
  const Filter shuffle{Filter::Kind::shuffle, 2}, sum{Filter::Kind::fletcher32};
  const Filter deflate{Filter::Kind::deflate};
  CHECK(unfiltered(bytes_of("acebdfg"), {shuffle}, 0, 7) == bytes_of("abcdefg"));
  CHECK(unfiltered(bytes_of("acebdfg"), {shuffle}, 1, 7) == bytes_of("acebdfg"));
  const Filter untold{Filter::Kind::shuffle, 0};
  CHECK(unfiltered(bytes_of("abc"), {untold}, 1, 3) == bytes_of("abc"));
  CHECK(error_id([&] { unfiltered(bytes_of("abc"), {untold}, 0, 3); }) == "corrupt.filter");
  CHECK(error_id([&] { unfiltered(bytes_of("abc"), {}, 0, 4); }) == "corrupt.size");
  CHECK(error_id([&] { unfiltered(bytes_of("abc"), {sum}, 0, 4); }) == "corrupt.size");
  CHECK(error_id([&] { unfiltered(bytes_of("abcd0000"), {sum}, 0, 4); }) == "corrupt.checksum");
  CHECK(error_id([&] { unfiltered(bytes_of("no zlib"), {deflate}, 0, 4); }) == "corrupt.deflate");
  // Before anything of that size is allocated.
  CHECK(error_id([&] { unfiltered(bytes_of("x"), {deflate}, 0, std::size_t{1} << 40); }) ==
        "corrupt.size");
}

TEST_CASE(
    "hdf5: the cache of chunks loads once, keeps to its budget, and tries again after errors") {
  hdf5::ChunkCache cache(std::uint64_t{256} << 20);
  unsigned loads = 0;
  const auto load = [&] {
    ++loads;
    return std::vector<std::byte>(10);
  };
  const std::uint64_t third = std::uint64_t{12} << 20;  // of 32 MiB only two fit
  for (std::uint64_t chunk : {1u, 1u, 2u, 1u}) cache.get({&cache, chunk}, third, load);
  CHECK(loads == 2);
  cache.get({&cache, 3}, third, load);  // drops 2, longest unused
  cache.get({&cache, 1}, third, load);
  CHECK(loads == 3);
  cache.get({&cache, 2}, third, load);
  CHECK(loads == 4);
  CHECK(error_id([&] {
          cache.get({&cache, 9}, 1, []() -> std::vector<std::byte> {
            throw Error(ErrorCode::corrupt, "test", "no");
          });
        }) == "corrupt.test");
  CHECK(cache.get({&cache, 9}, 1, load)->size() == 10);
}
