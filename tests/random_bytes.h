#pragma once

#include <cstddef>
#include <random>
#include <vector>

using Bytes = std::vector<std::byte>;

inline Bytes random_bytes(std::size_t n, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(n);
  for (std::byte& b : bytes) b = static_cast<std::byte>(random());
  return bytes;
}
