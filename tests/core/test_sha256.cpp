#include <doctest/doctest.h>

#include "error_id.h"
#include "util/sha256.h"

using namespace tensorferry;

namespace {

std::string hash(std::string_view text) {
  Sha256 sha;
  sha.update(text);
  return to_hex(sha.finish());
}

}  // namespace

TEST_CASE("SHA-256 agrees with the vectors of FIPS 180-4") {
  CHECK(hash("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(hash("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(hash("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  CHECK(hash(std::string(1'000'000, 'a')) ==
        "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

TEST_CASE("SHA-256 takes its input in pieces, and moves") {
  Sha256 first;
  first.update("a");
  Sha256 second = std::move(first);
  second.update(std::as_bytes(std::span(std::string_view("bc"))));
  CHECK(to_hex(second.finish()) == hash("abc"));
}

TEST_CASE("hexadecimal digits come back, and nothing else is taken") {
  CHECK(to_hex(std::string_view("\x00\x7f\xff", 3)) == "007fff");
  CHECK(from_hex("007fff") == std::string("\x00\x7f\xff", 3));
  CHECK(from_hex("").empty());
  for (const char* text : {"0", "0g", "AB", "0x", " 0", "00 "}) {
    CAPTURE(text);
    CHECK(error_id([&] { from_hex(text); }) == "corrupt.hex");
  }
}
