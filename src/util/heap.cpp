#include "util/heap.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <memory>

namespace tensorferry {
namespace {

constexpr std::uint64_t kLargePage = 2u << 20;
constexpr std::uint64_t kLeast = 2 * kLargePage;
// glibc gives larger blocks memory of their own, whatever was freed before.
constexpr std::uint64_t kMost = 30u << 20;

}  // namespace

void expect_allocations(std::uint64_t bytes) {
  if (bytes < kLeast) return;
  const auto size = static_cast<std::size_t>(std::min(bytes, kMost));
  // A block of this size is memory of its own; once one was freed, smaller ones come from the heap
  // and go back to it.
  void* block = std::malloc(size + kLargePage);
  if (block == nullptr) return;
  *static_cast<volatile char*>(block) = 0;  // else the compiler would leave both calls out
  std::free(block);
  block = std::malloc(size);
  void* begin = block;
  std::size_t room = size;
  if (block != nullptr && std::align(kLargePage, kLargePage, begin, room) != nullptr)
    madvise(begin, room / kLargePage * kLargePage, MADV_HUGEPAGE);
  std::free(block);
}

}  // namespace tensorferry
