#include "chunk_cache.h"

#include <algorithm>
#include <chrono>

namespace tensorferry::hdf5 {

void ChunkCache::expect(std::uint64_t row_bytes) {
  const std::lock_guard lock(mutex_);
  // Threads read ahead of each other, by up to a row.
  budget_ = std::max(budget_, row_bytes <= most_ / 2 ? 2 * row_bytes : most_);
}

// Drops what is longest unused and in nobody's hands. To be called with the lock.
bool ChunkCache::make_room(std::uint64_t size) {
  for (auto entry = entries_.end(); entry != entries_.begin() && held_ + size > budget_;) {
    --entry;
    if (!entry->bytes || entry->bytes.use_count() > 1) continue;
    held_ -= entry->size;
    index_.erase(entry->key);
    entry = entries_.erase(entry);
  }
  return held_ == 0 || held_ + size <= budget_;
}

ChunkCache::Bytes ChunkCache::get(const Key& key, std::uint64_t size,
                                  const std::function<std::vector<std::byte>()>& load) {
  size += kEntry;
  std::unique_lock lock(mutex_);
  for (;;) {
    const auto known = index_.find(key);
    if (known == index_.end()) {
      if (make_room(size)) break;
    } else if (known->second->bytes) {
      entries_.splice(entries_.begin(), entries_, known->second);
      return known->second->bytes;
    }
    // Others give chunks back without telling: looked at again soon.
    changed_.wait_for(lock, std::chrono::milliseconds(1));
  }
  entries_.push_front({key, nullptr, size});
  const auto entry = entries_.begin();
  index_[key] = entry;
  held_ += size;
  lock.unlock();
  Bytes bytes;
  try {
    bytes = std::make_shared<const std::vector<std::byte>>(load());
  } catch (...) {
    lock.lock();
    held_ -= size;
    index_.erase(key);
    entries_.erase(entry);
    changed_.notify_all();
    throw;
  }
  lock.lock();
  entry->bytes = bytes;
  changed_.notify_all();
  return bytes;
}

void ChunkCache::forget(const void* owner) {
  const std::lock_guard lock(mutex_);
  for (auto entry = entries_.begin(); entry != entries_.end();) {
    if (entry->key.first != owner) {
      ++entry;
      continue;
    }
    held_ -= entry->size;
    index_.erase(entry->key);
    entry = entries_.erase(entry);
  }
}

}  // namespace tensorferry::hdf5
