#include "lookup3.h"

#include <bit>
#include <cstddef>

namespace tensorferry::hdf5 {
namespace {

struct State {
  std::uint32_t a, b, c;

  void mix() {
    a -= c, a ^= std::rotl(c, 4), c += b;
    b -= a, b ^= std::rotl(a, 6), a += c;
    c -= b, c ^= std::rotl(b, 8), b += a;
    a -= c, a ^= std::rotl(c, 16), c += b;
    b -= a, b ^= std::rotl(a, 19), a += c;
    c -= b, c ^= std::rotl(b, 4), b += a;
  }
  void finish() {
    c ^= b, c -= std::rotl(b, 14);
    a ^= c, a -= std::rotl(c, 11);
    b ^= a, b -= std::rotl(a, 25);
    c ^= b, c -= std::rotl(b, 16);
    a ^= c, a -= std::rotl(c, 4);
    b ^= a, b -= std::rotl(a, 14);
    c ^= b, c -= std::rotl(b, 24);
  }
};

std::uint32_t word(const char* at) {
  std::uint32_t value = 0;
  for (unsigned i = 0; i < 4; ++i) {
    value |= static_cast<std::uint32_t>(static_cast<unsigned char>(at[i])) << (8 * i);
  }
  return value;
}

}  // namespace

std::uint32_t lookup3(std::string_view bytes) {
  constexpr std::size_t kBlock = 12;
  const std::uint32_t start = 0xdeadbeef + static_cast<std::uint32_t>(bytes.size());
  State state{start, start, start};
  if (bytes.empty()) return state.c;
  const auto add = [&state](const char* at) {
    state.a += word(at);
    state.b += word(at + 4);
    state.c += word(at + 8);
  };
  for (; bytes.size() > kBlock; bytes.remove_prefix(kBlock)) {
    add(bytes.data());
    state.mix();
  }
  char last[kBlock] = {};
  bytes.copy(last, kBlock);
  add(last);
  state.finish();
  return state.c;
}

}  // namespace tensorferry::hdf5
