// Partitioned tensors and strings.
#include <doctest/doctest.h>

#include "error_id.h"
#include "formats/tensorflow_read.h"
#include "tensorflow/ordered_code.h"

using namespace tensorferry;
using namespace tensorflow_test;

namespace {

constexpr std::int64_t kFloat = 1, kUint8 = 4, kString = 7;

std::string key_of(const std::string& name, const SliceSpec& slice) {
  tensorferry::tensorflow::Slice extents;
  for (const auto& [start, length] : slice) extents.push_back({start, length.value_or(-1)});
  return tensorferry::tensorflow::encode_slice_key(name, extents);
}

SliceSpec box(std::initializer_list<std::pair<std::int64_t, std::optional<std::int64_t>>> extents) {
  return extents;
}

/// A uint8 matrix of `rows` x `columns`, counting from 1, cut as told; each slice in a shard of its
/// own.
class Cut {
 public:
  Cut(std::int64_t rows, std::int64_t columns, std::vector<SliceSpec> slices)
      : bundle_(static_cast<std::int64_t>(slices.size())), rows_(rows), columns_(columns) {
    bundle_.add("w",
                EntrySpec{.dtype = kUint8, .dims = {rows, columns}, .shard = 7, .slices = slices});
    for (std::size_t i = 0; i < slices.size(); ++i) {
      const auto [dims, bytes] = take(slices[i]);
      bundle_.add(key_of("w", slices[i]),
                  bundle_.place(kUint8, dims, bytes, static_cast<std::int64_t>(i)));
    }
  }

  Bundle& bundle() { return bundle_; }
  Manifest read() const { return read_files(bundle_.files()); }
  std::string whole() const { return counting(static_cast<std::size_t>(rows_ * columns_)); }
  std::string problem() const { return problem_of(read().at("w")); }

 private:
  std::pair<std::vector<std::int64_t>, std::string> take(const SliceSpec& slice) const {
    const std::int64_t rows = slice[0].second.value_or(rows_),
                       columns = slice[1].second.value_or(columns_);
    std::string bytes;
    for (std::int64_t r = 0; r < rows; ++r) {
      for (std::int64_t c = 0; c < columns; ++c) {
        bytes += static_cast<char>((slice[0].first + r) * columns_ + slice[1].first + c + 1);
      }
    }
    return {{rows, columns}, bytes};
  }

  Bundle bundle_;
  std::int64_t rows_, columns_;
};

}  // namespace

TEST_CASE("tensorflow: a partitioned tensor is made whole, whatever the cuts and their order") {
  const std::vector<SliceSpec> cuts[] = {
      {box({{0, 3}, {0, 6}}), box({{3, 3}, {0, 6}}), box({{6, 2}, {0, 6}})},
      {box({{6, 2}, {0, 6}}), box({{0, 3}, {0, 6}}), box({{3, 3}, {0, 6}})},
      {box({{0, {}}, {4, 2}}), box({{0, {}}, {0, 4}})},  // whole dimensions
      {box({{0, 8}, {0, 6}})},                           // one slice that spells out the whole
      // A pinwheel: no line cuts it in two.
      {box({{0, 3}, {0, 4}}), box({{0, 5}, {4, 2}}), box({{5, 3}, {2, 4}}), box({{3, 5}, {0, 2}}),
       box({{3, 2}, {2, 2}})},
      {box({{0, 8}, {0, 0}}), box({{0, 8}, {0, 6}})},  // one without elements
  };
  for (const auto& slices : cuts) {
    const Cut cut(8, 6, slices);
    const Manifest manifest = cut.read();
    REQUIRE(manifest.tensors.size() == 1);  // the keys of slices are hidden
    CHECK(problem_of(manifest.at("w")) == "");
    CHECK(bytes_of(manifest.at("w")) == cut.whole());
  }
}

TEST_CASE("tensorflow: one slice that is whole in every dimension is the entry itself") {
  Bundle bundle;
  EntrySpec spec = bundle.place(kUint8, {2, 2}, "abcd");
  spec.slices = {box({{0, {}}, {0, {}}})};
  bundle.add("w", spec);
  CHECK(bytes_of(read_files(bundle.files()).at("w")) == "abcd");
}

TEST_CASE("tensorflow: slices that do not make up the tensor are its problem") {
  const SliceSpec top = box({{0, 4}, {0, 6}}), bottom = box({{4, 4}, {0, 6}});
  CHECK(Cut(8, 6, {top, bottom}).problem() == "");
  CHECK(Cut(8, 6, {top}).problem() == "corrupt.slices");                         // a gap
  CHECK(Cut(8, 6, {top, box({{3, 5}, {0, 6}})}).problem() == "corrupt.slices");  // overlap
  CHECK(Cut(8, 6, {top, box({{4, 4}, {0, 5}}), box({{3, 4}, {5, 1}})}).problem() ==
        "corrupt.slices");
  CHECK(Cut(8, 6, {top, bottom, top}).problem() == "corrupt.slices");           // twice
  CHECK(Cut(8, 6, {top, box({{4, 5}, {0, 6}})}).problem() == "corrupt.slice");  // outside
  CHECK(Cut(8, 6, {top, box({{4, {}}, {0, 6}})}).problem() ==
        "corrupt.slice");  // start without length

  const auto changed = [&](const EntrySpec& spec) {
    Cut cut(8, 6, {top, bottom});
    cut.bundle().add(key_of("w", bottom), spec);
    return cut.problem();
  };
  CHECK(changed({.dtype = 6, .dims = {4, 6}, .shard = 1, .size = 24}) == "corrupt.slice");
  CHECK(changed({.dtype = kUint8, .dims = {6, 4}, .shard = 1, .size = 24}) == "corrupt.slice");
  CHECK(changed({.dtype = kUint8, .dims = {4, 6}, .shard = 1, .size = 23}) == "corrupt.size");
  CHECK(changed({.dtype = kUint8, .dims = {4, 6}, .shard = 2, .size = 24}) == "corrupt.shard");
  CHECK(changed({.dtype = kUint8, .dims = {4, 6}, .shard = 1, .offset = 1, .size = 24}) ==
        "corrupt.truncated");
  CHECK(changed({.dtype = kUint8, .dims = {4, 6}, .shard = 1, .size = 24, .slices = {top}}) ==
        "corrupt.slice");
}

TEST_CASE("tensorflow: the message about a slice names it") {
  const Cut cut(8, 6, {box({{0, 4}, {0, 6}}), box({{3, 5}, {0, 6}})});
  const Manifest manifest = cut.read();
  const std::string message = manifest.at("w").problem->message();
  CHECK(message.find("[3:8, 0:6]") != std::string::npos);
  CHECK(message.find("[0:4, 0:6]") != std::string::npos);
  Bundle bundle;
  bundle.add("w",
             EntrySpec{.dtype = kUint8, .dims = {4}, .slices = {box({{0, 2}}), box({{2, 2}})}});
  CHECK(read_files(bundle.files()).at("w").problem->message().find("[0:2]") != std::string::npos);
}

TEST_CASE("tensorflow: a slice of hostile numbers is a problem, not a crash") {
  const std::int64_t most = 0x7fffffffffffffff;
  const SliceSpec hostile[] = {
      box({{most, most}}),           box({{-1, 4}}), box({{1, -2}}),       box({{0, most}}),
      box({{-most - 1, -most - 1}}), box({}),        box({{0, 2}, {0, 2}})};
  for (const SliceSpec& slice : hostile) {
    Bundle bundle;
    bundle.add("w", EntrySpec{.dtype = kUint8, .dims = {4}, .slices = {slice}});
    CHECK(problem_of(read_files(bundle.files()).at("w")) == "corrupt.slice");
  }
  // Rank 0 and not whole: two slices of a scalar.
  Bundle bundle;
  bundle.add("w", EntrySpec{.dtype = kUint8, .slices = {box({}), box({})}});
  bundle.add(key_of("w", {}), bundle.place(kUint8, {}, "x"));
  CHECK(problem_of(read_files(bundle.files()).at("w")) == "corrupt.slices");
}

TEST_CASE("tensorflow: a slice that no tensor lists is shown decoded, as damaged") {
  Bundle bundle;
  bundle.add("w[1:3, :]", kUint8, {1}, "x");
  bundle.add(key_of("v\xff", box({{0, 3}, {0, {}}})), bundle.place(kUint8, {3, 2}, "abcdef"));
  bundle.add(key_of("w", box({{1, 2}, {0, {}}})), bundle.place(kUint8, {2, 2}, "abcd"));
  const Manifest manifest = read_files(bundle.files());
  REQUIRE(manifest.tensors.size() == 3);
  CHECK(problem_of(manifest.at("v\xff[0:3, :]")) == "corrupt.orphan_slice");
  CHECK(manifest.at("v\xff[0:3, :]").shape == Shape{3, 2});
  // Its readable name is taken by a tensor.
  CHECK(problem_of(manifest.at(key_of("w", box({{1, 2}, {0, {}}})))) == "corrupt.orphan_slice");
  CHECK(problem_of(manifest.at("w[1:3, :]")) == "");
}

TEST_CASE("tensorflow: slices in several missing shards name all of them") {
  Cut cut(4, 2, {box({{0, 1}, {0, 2}}), box({{1, 1}, {0, 2}}), box({{2, 2}, {0, 2}})});
  Files files = cut.bundle().files();
  files.erase("m.data-00000-of-00003");
  files.erase("m.data-00002-of-00003");
  const Manifest manifest = read_files(files);
  REQUIRE(problem_of(manifest.at("w")) == "input.missing");
  const std::string message = manifest.at("w").problem->message();
  CHECK(message.find("m.data-00000-of-00003") != std::string::npos);
  CHECK(message.find("m.data-00002-of-00003") != std::string::npos);
}

TEST_CASE("tensorflow: big-endian slices are swapped after they are joined") {
  Bundle bundle(1, std::endian::big);
  const SliceSpec left = box({{0, 1}}), right = box({{1, 1}});
  bundle.add("w", EntrySpec{.dtype = kFloat, .dims = {2}, .slices = {right, left}});
  bundle.add(key_of("w", right), bundle.place(kFloat, {1}, hex("40 00 00 00")));
  bundle.add(key_of("w", left), bundle.place(kFloat, {1}, hex("3f 80 00 00")));
  CHECK(load<float>(read_files(bundle.files()).at("w")) == std::vector<float>{1, 2});
}

TEST_CASE("tensorflow: strings in slices are put in their places") {
  for (const std::endian order : {std::endian::little, std::endian::big}) {
    Bundle bundle(1, order);
    const SliceSpec left = box({{0, 2}, {0, 1}}), right = box({{0, 2}, {1, 2}});
    bundle.add("s", EntrySpec{.dtype = kString, .dims = {2, 3}, .slices = {right, left}});
    bundle.add_strings(key_of("s", right), {2, 2}, {"01", "02", "11", std::string("1\0002", 3)});
    bundle.add_strings(key_of("s", left), {2, 1}, {"00", ""});
    const Manifest manifest = read_files(bundle.files());
    CHECK(problem_of(manifest.at("s")) == "");
    CHECK(load_strings(manifest.at("s")) ==
          std::vector<std::string>{"00", "01", "02", "", "11", std::string("1\0002", 3)});
  }
  Bundle bundle;
  bundle.add("s", EntrySpec{.dtype = kString, .dims = {0, 3}, .slices = {box({{0, 0}, {0, 3}})}});
  bundle.add_strings(key_of("s", box({{0, 0}, {0, 3}})), {0, 3}, {});
  CHECK(load_strings(read_files(bundle.files()).at("s")).empty());
}

TEST_CASE("tensorflow: strings are any bytes of any length") {
  std::vector<std::string> strings = {"", std::string("\0\xff", 2), std::string(200'000, 'x'),
                                      "last"};
  for (const std::endian order : {std::endian::little, std::endian::big}) {
    Bundle bundle(1, order);
    bundle.add_strings("s", {2, 2}, strings);
    CHECK(load_strings(read_files(bundle.files()).at("s")) == strings);
  }
}

TEST_CASE("tensorflow: bytes behind the last string are accepted, as TensorFlow does") {
  const auto [payload, crc] = string_payload({"a", "bc"}, std::endian::little);
  Bundle bundle;
  EntrySpec spec = bundle.place(kString, {2}, payload + "surplus");
  spec.crc = crc;
  bundle.add("s", spec);
  CHECK(load_strings(read_files(bundle.files()).at("s")) == std::vector<std::string>{"a", "bc"});
}

TEST_CASE("tensorflow: damaged strings are refused before they are allocated") {
  const auto [good, crc] = string_payload({"abc", "de"}, std::endian::little);
  const auto outcome = [&, crc = crc](const std::string& payload) {
    Bundle bundle;
    EntrySpec spec = bundle.place(kString, {2}, payload);
    spec.crc = crc;
    bundle.add("s", spec);
    const Manifest manifest = read_files(bundle.files());
    return error_id([&] { load_strings(manifest.at("s")); });
  };
  CHECK(outcome(good) == "no error");
  const std::string huge = hex("ff ff ff ff ff ff ff ff 7f");
  CHECK(outcome(huge + good.substr(1)) == "corrupt.truncated");
  CHECK(outcome(huge + huge + good) == "corrupt.truncated");
  CHECK(outcome(hex("ff ff ff ff ff ff ff ff ff ff ff 01")) == "corrupt.strings");
  for (std::size_t length = 0; length < good.size(); ++length) {
    CAPTURE(length);
    CHECK(outcome(good.substr(0, length)).starts_with("corrupt."));
  }
  for (std::size_t at = 0; at < good.size(); ++at) {
    CAPTURE(at);
    std::string flipped = good;
    flipped[at] = static_cast<char>(flipped[at] ^ 1);
    CHECK(outcome(flipped).starts_with("corrupt."));
  }
}
