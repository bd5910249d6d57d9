// Every way from A to B: what any writer holds comes back through that format's reader, and from
// there through every other format. Formats join by themselves.
#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "error_id.h"
#include "formats/layout_in_memory.h"
#include "temp_folder.h"
#include "tensorferry/tensorferry.h"

using namespace tensorferry;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kLarge = (2u << 20) + 3;  // bytes, about

/// Patterns at which conversions by value go wrong: NaN payloads, infinities, -0.0, the least and
/// largest subnormals.
std::vector<std::uint64_t> special_bits(std::uint32_t component_bytes) {
  switch (component_bytes) {
    case 2:
      return {0x7e01, 0x7c01, 0xfe55, 0x7c00, 0xfc00, 0x8000, 0x0001, 0x03ff,
              0x7bff, 0x7fc1, 0x7f81, 0xffd5, 0x7f80, 0xff80, 0x007f, 0x7f7f};
    case 4:
      return {0x7fc00001, 0x7f800001, 0xffd55555, 0x7f800000, 0xff800000,
              0x80000000, 0x00000001, 0x007fffff, 0x7f7fffff};
    case 8:
      return {0x7ff8000000000001, 0x7ff0000000000001, 0xfffd555555555555,
              0x7ff0000000000000, 0xfff0000000000000, 0x8000000000000000,
              0x0000000000000001, 0x000fffffffffffff, 0x7fefffffffffffff};
    default:
      return {0x80, 0x7f, 0xff, 0x00, 0x01};
  }
}

std::string random_elements(const DTypeInfo& row, std::uint64_t count, unsigned seed) {
  std::mt19937_64 random(seed);
  std::string bytes(count * row.bytes, '\0');
  for (std::size_t at = 0; at < bytes.size(); at += 8) {
    const std::uint64_t word = random();
    for (std::size_t i = at; i < std::min(bytes.size(), at + 8); ++i) {
      bytes[i] = static_cast<char>(word >> (8 * (i - at)));
    }
  }
  const auto special = special_bits(row.component_bytes);
  for (std::size_t i = 0; i < special.size() && (i + 1) * row.component_bytes <= bytes.size();
       ++i) {
    for (std::size_t b = 0; b < row.component_bytes && b < 8; ++b) {
      bytes[i * row.component_bytes + b] = static_cast<char>(special[i] >> (8 * b));
    }
  }
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned char>(bytes[i]);
    if (row.kind == DTypeKind::boolean) bytes[i] = static_cast<char>(byte & 1);
    if (row.bits < 8) bytes[i] = static_cast<char>(byte & ((1u << row.bits) - 1));
    if (row.dtype == DType::longdouble && i % 16 >= 10) bytes[i] = 0;
  }
  return bytes;
}

/// One tensor of each shape of each dtype; only one dtype is large at a time, so that the whole
/// stays quick.
Manifest every_tensor(DType large) {
  Manifest manifest;
  unsigned seed = 1;
  for (const DTypeInfo& row : all_dtypes()) {
    if (!is_fixed_size(row.dtype)) continue;
    std::vector<std::pair<std::string, Shape>> shapes = {
        {"scalar", {}}, {"empty", {0, 3}}, {"one", {1}}, {"odd", {3, 5, 7}}};
    if (row.dtype == large) shapes.push_back({"large", {kLarge / row.bytes / 9, 9}});
    for (const auto& [word, shape] : shapes) {
      manifest.tensors.push_back(tensor_of(std::string(row.name) + "/" + word, row.dtype, shape,
                                           random_elements(row, element_count(shape), ++seed)));
    }
  }
  manifest.tensors.push_back(strings_of("string/scalar", {}, {std::string("\0nul\xff\x80", 6)}));
  manifest.tensors.push_back(strings_of("string/empty", {0}, {}));
  manifest.tensors.push_back(strings_of("string/odd", {3}, {"", "a", std::string(70'000, 'x')}));
  return manifest;
}

std::vector<DType> larger_dtypes() {
  return {DType::boolean, DType::int4,       DType::float8_e5m2, DType::bfloat16,
          DType::float32, DType::complex128, DType::longdouble};
}

void write(const Manifest& manifest, const Format& format, const fs::path& target) {
  RunOptions options;
  options.sync = false;
  ConversionPlan::make(manifest, format, target).run(options);
}

Manifest read_as(const Format& format, const fs::path& target) {
  ReadOptions options;
  options.from = format.name;
  return read(target, options);
}

/// The differences as text; empty = the same, bit for bit.
std::string differences(const Manifest& a, const Manifest& b) {
  std::string text;
  for (const Difference& difference : compare(a, b).differences) {
    text += difference.name_a + "|" + difference.name_b + ": kind " +
            std::to_string(static_cast<int>(difference.kind)) + ", first at " +
            std::to_string(difference.elements.first);
    if (difference.problem) text += std::string(", ") + difference.problem->what();
    text += "\n";
  }
  return text;
}

std::vector<const Format*> both_ways() {
  std::vector<const Format*> formats;
  for (const Format& format : Registry::global().formats()) {
    if (format.reader && format.writer) formats.push_back(&format);
  }
  return formats;
}

}  // namespace

TEST_CASE("what every writer writes, its reader reads: all dtypes, all shapes, all bits") {
  const auto formats = both_ways();
  REQUIRE(!formats.empty());
  for (const DType large : larger_dtypes()) {
    CAPTURE(to_string(large));
    const Manifest wanted = every_tensor(large);
    for (const Format* format : formats) {
      CAPTURE(format->name);
      TempFolder folder;
      write(wanted, *format, folder / "model");
      const Manifest found = read_as(*format, folder / "model");
      CHECK(differences(wanted, found) == "");
      CHECK(Registry::global().detect(Input::open(folder / "model")).reader != nullptr);
    }
  }
}

TEST_CASE("from every format to every other and back: the same bits after each step") {
  const auto formats = both_ways();
  const Manifest wanted = every_tensor(DType::float16);
  std::size_t pairs = 0;
  for (const Format* a : formats) {
    TempFolder folder;
    write(wanted, *a, folder / "a");
    for (const Format* b : formats) {
      CAPTURE(a->name);
      CAPTURE(b->name);
      const std::string name(b->name);
      write(read_as(*a, folder / "a"), *b, folder / name);
      const Manifest found = read_as(*b, folder / name);
      CHECK(differences(wanted, found) == "");
      write(found, *a, folder / (name + "-back"));
      CHECK(differences(wanted, read_as(*a, folder / (name + "-back"))) == "");
      ++pairs;
    }
    for (const Format& b : Registry::global().formats()) {
      if (!b.writer || b.reader) continue;  // nothing to read it with, but it must be written
      CAPTURE(a->name);
      CAPTURE(b.name);
      CHECK(error_id([&] { write(read_as(*a, folder / "a"), b, folder / std::string(b.name)); }) ==
            "no error");
    }
  }
  MESSAGE("pairs of formats, each to the other and back: " << pairs);
  CHECK(pairs == formats.size() * formats.size());
  CHECK(pairs > 0);
}

namespace {

struct NameSet {
  const char* what;
  std::vector<std::string> names;
};

std::vector<NameSet> name_sets() {
  return {
      {"prefixes of each other", {"a", "a/b", "a/b/c", "a/bc", "ab"}},
      {"case only", {"Weight", "weight", "WEIGHT", "x/Y", "X/y"}},
      {"very long", {std::string(300, 'n'), std::string(5000, 'n'), "a/" + std::string(400, 'm')}},
      {"slashes", {"/a", "b/", "c//d", "/", "//", "./e", "../f", "g/./h", "i/../j"}},
      {"punctuation",
       {"a:0", "a:1", "a b", " a", "a ", "a\\b", "a%2Fb", "a\tb", "a\nb", "a\"b", "*", "con",
        "a.npy", "."}},
      {"not ASCII",
       {"\xc5\xbc\xc3\xb3\xc5\x82\xc4\x87", "\xe6\xbc\xa2\xe5\xad\x97", "e\xcc\x81", "\xc3\xa9"}},
      {"NUL", {std::string("a\0b", 3), std::string("\0", 1), "a"}},
      {"not UTF-8", {"\xff", "a\x80", "\xc3"}},
      {"empty", {"", "a"}},
      {"like derived ones",
       {"s#bytes", "s#offsets", "tensorferry.carrier", "__metadata__", "manifest.json"}},
  };
}

Manifest named(const std::vector<std::string>& names) {
  Manifest manifest;
  for (const std::string& name : names) {
    const char number = static_cast<char>(manifest.tensors.size() + 1);
    // bfloat16 is carried by several formats: a name and a tag must then come back together.
    manifest.tensors.push_back(tensor_of(name, DType::bfloat16, {1}, std::string{number, '\x3f'}));
  }
  return manifest;
}

/// Written and read back the same, or refused with a reason; nothing in between.
void check_round_trip(const Manifest& wanted, const Format& format, std::size_t& kept) {
  TempFolder folder;
  const auto error = error_of([&] { write(wanted, format, folder / "model"); });
  if (error) {
    CHECK(error->code() == ErrorCode::unsupported);
    CHECK(error->message().size() > 10);
    CHECK(folder.names().empty());
    return;
  }
  if (!format.reader) return;
  CHECK(differences(wanted, read_as(format, folder / "model")) == "");
  ++kept;
}

}  // namespace

TEST_CASE("names of every kind come back the same, or the format says why it cannot") {
  std::size_t kept = 0;
  for (const NameSet& set : name_sets()) {
    for (const Format& format : Registry::global().formats()) {
      if (!format.writer) continue;
      CAPTURE(format.name);
      CAPTURE(set.what);
      check_round_trip(named(set.names), format, kept);
      for (const std::string& name : set.names) {
        CAPTURE(printable(name));
        check_round_trip(named({name}), format, kept);
      }
    }
  }
  CHECK(kept > 0);
}

TEST_CASE("ranks up to the highest come back the same, or the format says why it cannot") {
  std::size_t kept = 0;
  for (const std::size_t rank :
       {std::size_t{8}, std::size_t{32}, std::size_t{33}, std::size_t{64}, std::size_t{255}}) {
    for (const DType dtype :
         {DType::float32, DType::bfloat16, DType::complex64, DType::longdouble}) {
      Shape shape(rank, 1);
      shape[rank / 2] = 3;
      Manifest wanted;
      wanted.tensors.push_back(tensor_of("t", dtype, shape, random_elements(info(dtype), 3, 5)));
      for (const Format& format : Registry::global().formats()) {
        if (!format.writer) continue;
        CAPTURE(format.name);
        CAPTURE(rank);
        CAPTURE(to_string(dtype));
        check_round_trip(wanted, format, kept);
      }
    }
  }
  CHECK(kept > 0);
}
