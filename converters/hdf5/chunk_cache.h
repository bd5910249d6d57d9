// Decoded chunks that several threads and several reads share, in bounded memory.
#pragma once

#include <algorithm>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace tensorferry::hdf5 {

/// Thread-safe. Holds at most its budget, or one chunk when that alone is more.
class ChunkCache {
 public:
  /// `most` bytes are the limit of the budget, which begins at 32 MiB.
  explicit ChunkCache(std::uint64_t most)
      : most_(most), budget_(std::min(most, std::uint64_t{32} << 20)) {}

  using Bytes = std::shared_ptr<const std::vector<std::byte>>;
  using Key = std::pair<const void*, std::uint64_t>;  ///< whose chunk, and which one

  /// Raises the budget to what reading one row of chunks after another takes, within the limit.
  void expect(std::uint64_t row_bytes);

  /// The chunk, from `load` when it is not there; each is loaded by one thread while others wait.
  /// `size` is what it takes. A caller must not hold another chunk meanwhile.
  Bytes get(const Key& key, std::uint64_t size,
            const std::function<std::vector<std::byte>()>& load);
  /// Forgets the chunks of `owner`.
  void forget(const void* owner);

 private:
  struct Entry {
    Key key;
    Bytes bytes;  // nothing: being loaded
    std::uint64_t size;
  };
  using Entries = std::list<Entry>;
  // Of memory for an entry, beside its bytes: more than those, for very small chunks.
  static constexpr std::uint64_t kEntry = 256;

  bool make_room(std::uint64_t size);

  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t most_, budget_, held_ = 0;
  Entries entries_;  // the latest used first
  std::map<Key, Entries::iterator> index_;
};

}  // namespace tensorferry::hdf5
