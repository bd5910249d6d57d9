// Numbers and keys: the vectors of LevelDB's and TensorFlow's own encodings.
#include <doctest/doctest.h>

#include <limits>

#include "formats/tensorflow_bundle.h"
#include "tensorflow/encoding.h"
#include "tensorflow/ordered_code.h"
#include "tensorflow/sniff.h"
#include "util/crc32c.h"

using namespace tensorferry;
using namespace tensorferry::tensorflow;
using tensorflow_test::hex;

TEST_CASE("tensorflow: masked CRC32C gives the known values and unmasks to where it came from") {
  struct Vector {
    std::string bytes;
    std::uint32_t crc, masked;
  };
  const Vector vectors[] = {{"", 0, 0xa282ead8},
                            {"a", 0xc1d04330, 0x28e46e78},
                            {"123456789", 0xe3069283, 0xc78ab0e5},
                            {std::string(32, '\0'), 0x8a9136aa, 0x0fd7fffa},
                            {std::string(32, '\xff'), 0x62a8ab43, 0xf909b029}};
  for (const Vector& vector : vectors) {
    CAPTURE(vector.bytes);
    CHECK(crc32c(0, as_bytes(vector.bytes)) == vector.crc);
    CHECK(mask_crc(vector.crc) == vector.masked);
    CHECK(unmask_crc(vector.masked) == vector.crc);
  }
}

TEST_CASE("tensorflow: a varint is refused when it is cut off or does not fit") {
  std::uint64_t value = 0;
  std::string_view bytes = "\xac\x02!";
  CHECK(take_varint(bytes, value));
  CHECK(value == 300);
  CHECK(bytes == "!");
  const std::string largest = hex("ff ff ff ff ff ff ff ff ff 01");
  bytes = largest;
  CHECK(take_varint(bytes, value));
  CHECK(value == ~std::uint64_t{0});
  for (const char* digits :
       {"", "80", "ff ff", "ff ff ff ff ff ff ff ff ff 02", "80 80 80 80 80 80 80 80 80 80 00"}) {
    const std::string text = hex(digits);
    bytes = text;
    CHECK_FALSE(take_varint(bytes, value));
    CHECK(bytes.size() == text.size());
  }
  std::uint32_t narrow = 0;
  const std::string wide = hex("80 80 80 80 10");  // 2^32
  bytes = wide;
  CHECK_FALSE(take_varint32(bytes, narrow));
}

TEST_CASE("tensorflow: signed ordered code gives the known bytes") {
  struct Vector {
    std::int64_t value;
    const char* bytes;
  };
  const std::int64_t one = 1;
  const Vector vectors[] = {{0, "80"},
                            {1, "81"},
                            {63, "bf"},
                            {64, "c040"},
                            {127, "c07f"},
                            {8000, "df40"},
                            {8191, "dfff"},
                            {8192, "e02000"},
                            {135105, "e20fc1"},
                            {1048575, "efffff"},
                            {1048576, "f0100000"},
                            {(one << 55) - 1, "ff7fffffffffffff"},
                            {one << 55, "ff8080000000000000"},
                            {one << 62, "ffc04000000000000000"},
                            {std::numeric_limits<std::int64_t>::max(), "ffc07fffffffffffffff"},
                            {-1, "7f"},
                            {-64, "40"},
                            {-65, "3fbf"}};
  for (const Vector& vector : vectors) {
    CAPTURE(vector.value);
    std::string key;
    append_signed(key, vector.value);
    CHECK(key == hex(vector.bytes));
  }
}

TEST_CASE("tensorflow: unsigned ordered code is the number of bytes and the bytes") {
  std::string key;
  append_unsigned(key, 0);
  append_unsigned(key, 2);
  append_unsigned(key, 0x1234);
  CHECK(key == hex("00 01 02 02 12 34"));
}

TEST_CASE("tensorflow: slice keys are those that TensorFlow wrote") {
  struct Vector {
    std::string name;
    Slice slice;
    std::string key;
  };
  const std::string kernel = "my_dense_layer/kernel";
  const Vector vectors[] = {
      {"cols", {{0, 4}, {3, 3}}, hex("00") + "cols" + hex("00 01 01 02 80 84 83 83")},
      {kernel, {{6, 2}, {0, 6}}, hex("00") + kernel + hex("00 01 01 02 86 82 80 86")},
      {"big_off", {{200, 100}, {0, 2}}, hex("00") + "big_off" + hex("00 01 01 02 c0c8 c064 80 82")},
      {"cube", {{0, 3}, {0, 5}, {4, 3}}, hex("00") + "cube" + hex("00 01 01 03 80 83 80 85 84 83")},
      {"w", {{0, -1}, {4, 6}}, hex("00") + "w" + hex("00 01 01 02 80 7f 84 86")}};
  for (const Vector& vector : vectors) {
    CAPTURE(vector.name);
    CHECK(encode_slice_key(vector.name, vector.slice) == vector.key);
  }
}

TEST_CASE("tensorflow: slice keys decode to what was encoded, with NUL and 0xff in the name") {
  std::string name = "a";
  name += '\0';
  name += "\xff\x01z";
  Slice slice;
  for (int bit = 0; bit < 63; ++bit) {
    const std::int64_t power = std::int64_t{1} << bit;
    for (const std::int64_t value : {power - 1, power, -power, -power - 1}) {
      slice.push_back({value, -value});
    }
  }
  slice.push_back({std::numeric_limits<std::int64_t>::min(), -1});
  const std::string key = encode_slice_key(name, slice);
  const auto decoded = decode_slice_key(key);
  REQUIRE(decoded);
  CHECK(decoded->name == name);
  CHECK(decoded->slice == slice);
  for (std::size_t cut = 0; cut < key.size(); ++cut) {
    REQUIRE_FALSE(decode_slice_key(std::string_view(key).substr(0, cut)));
  }
  CHECK_FALSE(decode_slice_key(key + "x"));
}

TEST_CASE("tensorflow: what is no slice key does not decode") {
  for (const char* digits :
       {"", "00", "01 00", "00 61", "00 61 00", "00 61 00 02", "00 61 ff 01 00 01",
        "00 61 00 01 09", "00 61 00 01 01 00", "00 61 00 01 08 ff ff ff ff ff ff ff ff"}) {
    CAPTURE(digits);
    CHECK_FALSE(decode_slice_key(hex(digits)));
  }
}

TEST_CASE("tensorflow: the prefix of a data file comes out of its name") {
  CHECK(prefix_of_shard("m.ckpt-1.data-00000-of-00001") == "m.ckpt-1");
  CHECK(prefix_of_shard("m.data-100000-of-123456") == "m");
  for (const char* name : {"m.data-0-of-1", ".data-00000-of-00001", "m.data-00000-of-00001.bak",
                           "m.data-00000-00001", "m-00000-of-00001", "", "00000"}) {
    CAPTURE(name);
    CHECK_FALSE(prefix_of_shard(name));
  }
}
