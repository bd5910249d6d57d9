// Keeps memory warm: hold GIB
//
// A virtual machine gives free blocks of 2 MiB and more back to its host, and their first touch
// afterwards costs up to 15 times as much. Until its standard input ends, this keeps one page in
// each block of 2 MiB of so many GiB of free memory, so that the rest of them is free and stays
// ours; it is also what the kernel hands out first. It prints how many pages it keeps.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

namespace {

constexpr std::uint64_t kPage = 4096, kBlock = 512;  // bytes, pages

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

/// The first page in each block. Physical blocks are what counts; who may not see them
/// (CAP_SYS_ADMIN) gets virtual ones.
std::vector<std::uint64_t> first_pages(const char* memory, std::uint64_t pages) {
  const int map = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  std::vector<std::uint64_t> entries(kBlock), first;
  std::vector<bool> seen;
  for (std::uint64_t i = 0; i < pages; ++i) {
    const auto number = reinterpret_cast<std::uintptr_t>(memory) / kPage + i;
    if (i % kBlock == 0 &&
        pread(map, entries.data(), kBlock * 8, static_cast<off_t>(number * 8)) < 0)
      fail("pagemap");
    const std::uint64_t frame = entries[i % kBlock] & ((1ULL << 55) - 1);
    const std::uint64_t block = (frame != 0 ? frame : i) / kBlock;
    if (block >= seen.size()) seen.resize(block + 1);
    if (!seen[block]) first.push_back(i);
    seen[block] = true;
  }
  close(map);
  return first;
}

}  // namespace

int main(int count, char** words) {
  const std::uint64_t pages = (count == 2 ? std::strtoull(words[1], nullptr, 10) : 0) << 18;
  if (pages == 0) return 2;
  void* mapped =
      mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) fail("mmap");
  auto* memory = static_cast<char*>(mapped);
  madvise(memory, pages * kPage, MADV_NOHUGEPAGE);
  for (std::uint64_t i = 0; i < pages; ++i) memory[i * kPage] = 1;
  std::vector<std::uint64_t> held = first_pages(memory, pages);
  std::printf("%zu\n", held.size());
  held.push_back(pages);
  std::uint64_t next = 0;
  for (const std::uint64_t page : held) {
    if (page > next) madvise(memory + next * kPage, (page - next) * kPage, MADV_DONTNEED);
    next = page + 1;
  }
  std::puts("ready");
  std::fclose(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}
