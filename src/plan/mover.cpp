#include "plan/mover.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>

#include "plan/buffers.h"
#include "plan/copy_place.h"
#include "plan/digests.h"
#include "plan/growing_output.h"
#include "plan/kernels.h"
#include "plan/late_segments.h"
#include "plan/memory_share.h"
#include "plan/progress_meter.h"
#include "plan/tensor_source.h"
#include "plan/tensor_stream.h"
#include "plan/tiles.h"
#include "plan/work.h"

namespace tensorferry {
namespace {

constexpr std::uint64_t kReserveFrom = 1u << 20;  // smaller files gain nothing by fallocate
constexpr std::uint64_t kWorthAThread = 16u << 20;
constexpr std::uint64_t kWriteBack = 8u << 20;
// Above this many files one syncfs is cheaper than an fdatasync of each.
constexpr std::size_t kManyFiles = 64;

/// What one worker keeps between windows.
struct Worker {
  Buffer window, codes;
  ReadContext read;
};

class Mover {
 public:
  Mover(const Manifest& manifest, Layout& layout, OutputFiles& output, const RunOptions& options)
      : manifest_(manifest),
        layout_(layout),
        output_(output),
        options_(options),
        sync_each_(options.sync && layout.files.size() <= kManyFiles),
        meter_(options.progress),
        digests_(layout, manifest),
        files_(layout.files.size()) {}

  MoveResult run() {
    output_.prepare_directory();
    write_sink(wanted_threads(options_.threads));
    digests_.finish_early();
    plan_threads(wanted_threads(options_.threads));
    meter_.set_total(meter_.done() + work_.bytes + work_.late_bytes);
    run_workers();
    if (!checksums_.complete())
      throw Error(ErrorCode::internal, "checksums", "a checksum was not taken of all its bytes");
    write_finish();
    if (options_.sync && !sync_each_) output_.sync_all();
    meter_.finish();
    return {bools_.load(), meter_.done(), casts_.reports(manifest_)};
  }

 private:
  /// As many threads as the work is worth and the memory limit allows; tiles that fit the rest.
  void plan_threads(unsigned wanted) {
    const std::uint64_t limit = options_.memory_limit;
    threads_ = static_cast<unsigned>(std::min<std::uint64_t>(wanted, limit / kThreadBytes));
    const std::uint64_t share = limit / threads_;
    const std::uint64_t most =
        share > kTileExtra + kWindowBytes ? share - kTileExtra : kWindowBytes;
    work_ = cut(layout_, manifest_, std::min({most, kTiles / threads_, kLargestTile}));
    if (work_.bytes < (options_.threads ? kFewBytes : kWorthAThread)) threads_ = 1;
    threads_ = static_cast<unsigned>(
        std::clamp<std::size_t>(work_.windows.size() + work_.verify_ahead.size(), 1, threads_));
  }

  void check_cancelled() const {
    if (options_.cancel && options_.cancel->load(std::memory_order_relaxed)) {
      throw Error(ErrorCode::input, "cancelled", "interrupted; nothing was written");
    }
  }

  // --- what a sink makes

  class EncodedStream final : public ByteStream {
   public:
    EncodedStream(Mover& mover, const Slot& slot)
        : mover_(mover),
          stream_(open_counting_stream(mover.manifest_.tensors[slot.tensor], slot.tensor,
                                       stream_tile(mover.options_.memory_limit), mover.casts_,
                                       mover.bools_)),
          dtype_(mover.manifest_.tensors[slot.tensor].dtype),
          codec_(slot.codec) {}
    std::size_t read(std::span<std::byte> bytes) override {
      mover_.check_cancelled();
      const std::size_t n = stream_->read(bytes);
      if (codec_ == Codec::sign_extended) sign_extend(dtype_, bytes.first(n));
      mover_.meter_.add(n);
      return n;
    }

   private:
    Mover& mover_;
    std::unique_ptr<ByteStream> stream_;
    DType dtype_;
    Codec codec_;
  };

  void write_sink(unsigned threads) {
    if (!layout_.sink) return;
    const std::uint64_t limit = options_.memory_limit;
    layout_.sink->allow(threads, limit - stream_bytes(manifest_, layout_, limit));
    std::uint64_t total = 0;
    for (const Slot& slot : layout_.slots)
      total += slot.fill == Slot::Fill::literal ? 0 : slot.length;
    meter_.set_total(total);
    Descriptor fd = output_.open(0);
    OutputFile& file = layout_.files[0];
    GrowingOutput growing(fd, file.name, file.size);
    for (const Slot& slot : layout_.slots) {
      if (slot.fill != Slot::Fill::sink) continue;
      EncodedStream stream(*this, slot);
      layout_.sink->write(slot, stream, growing);
    }
    layout_.sink->finish(growing, layout_);
    growing.flush();
    file.appended = growing.end() - file.size;
    output_.complete(0, std::move(fd), false);  // the windows of this file come now
  }

  // --- windows

  void run_workers() {
    if (threads_ == 1) {
      Worker worker = make_worker();
      while (step(worker)) meter_.tick();
      if (error_) std::rethrow_exception(error_);
      return;
    }
    std::vector<std::thread> threads;
    try {
      for (unsigned i = 0; i < threads_; ++i) threads.emplace_back([this] { work_until_done(); });
    } catch (const std::system_error&) {
      // Fewer threads than wanted do the same work.
    }
    if (threads.empty()) work_until_done();
    meter_.wait_for(static_cast<unsigned>(std::max<std::size_t>(threads.size(), 1)));
    for (std::thread& thread : threads) thread.join();
    if (error_) std::rethrow_exception(error_);
  }

  void work_until_done() {
    Worker worker = make_worker();
    while (step(worker)) {
    }
    meter_.leave();
  }

  Worker make_worker() {
    Worker worker;
    worker.read.checksums = &checksums_;
    worker.read.bools = &bools_;
    worker.read.casts = &casts_;
    return worker;
  }

  /// Does the next piece of work; false when there is none, or when something failed.
  bool step(Worker& worker) {
    if (failed_.load(std::memory_order_relaxed)) return false;
    const std::size_t next = next_.fetch_add(1, std::memory_order_relaxed);
    const std::size_t ahead = work_.verify_ahead.size();
    if (next >= ahead + work_.windows.size()) return false;
    try {
      check_cancelled();
      if (next < ahead) {
        TensorSource(manifest_.tensors[work_.verify_ahead[next]]).verify_ahead();
      } else {
        const Window& window = work_.windows[next - ahead];
        open_file(window.file);
        window.tiling == 0 ? write_window(window, worker) : write_tile(window, worker);
        close_file(window.file);
      }
      return true;
    } catch (...) {
      std::lock_guard lock(error_mutex_);
      if (!error_) error_ = std::current_exception();
      failed_ = true;
      return false;
    }
  }

  void write_window(const Window& window, Worker& worker) {
    const std::span<const Item> items = work_.items_of(window.file);
    std::size_t last = window.first_item;
    while (last < items.size() && items[last].offset < window.end) ++last;
    const auto own = items.subspan(window.first_item, last - window.first_item);
    make_room(worker.window, window.end - window.begin + kCopyPlaces);
    const auto buffer =
        std::span(worker.window)
            .subspan(copy_place(layout_, manifest_, window, own, worker.window.data()),
                     window.end - window.begin);
    const auto order = worker.read.ahead.order(layout_, manifest_, items, window.first_item, last);
    for (std::size_t place = 0; place < order.size(); ++place) {
      const Item& item = items[order[place]];
      const std::uint64_t begin = std::max(window.begin, item.offset);
      const std::uint64_t end = std::min(window.end, item.end());
      if (begin >= end) continue;
      worker.read.ahead.prepare(place);
      fill(item, begin, buffer.subspan(begin - window.begin, end - begin), worker);
    }
    digests_.put(window, own, buffer);
    write_filled(window, own, buffer);
    meter_.add(window.end - window.begin);
  }

  /// Zeros between the items.
  void write_filled(const Window& window, std::span<const Item> items,
                    std::span<std::byte> buffer) {
    std::uint64_t at = window.begin;
    const auto skip_to = [&](std::uint64_t next) {
      std::memset(buffer.data() + (at - window.begin), 0, next - at);
    };
    for (const Item& item : items) {
      const std::uint64_t begin = std::max(window.begin, item.offset);
      const std::uint64_t end = std::min(window.end, item.end());
      if (begin >= end) continue;
      if (begin > at) skip_to(begin);
      at = std::max(at, end);
    }
    skip_to(window.end);
    write(window.file, window.begin, buffer);
  }

  void write_tile(const Window& window, Worker& worker) {
    const Item& item = work_.items_of(window.file)[window.first_item];
    const Slot& slot = layout_.slots[item.index];
    const Tensor& tensor = manifest_.tensors[slot.tensor];
    const std::uint64_t element = info(tensor.dtype).bytes;
    Shape start, extent;
    const Tiling& tiling = work_.tilings[window.tiling - 1];
    tile_box(tensor.shape, tiling.extent, window.tile, start, extent);
    make_room(worker.window, work_.tile_bytes);
    auto out = std::span(worker.window).first(element_count(extent) * element);
    TensorSource(tensor, slot.tensor).read_tile(start, extent, out, worker.read, tiling.verified);
    encode(slot, tensor, out);
    meter_.add(out.size());
    for_each_run(tensor.shape, start, extent, [&](std::uint64_t first, std::uint64_t count) {
      const std::uint64_t end = (first + count) * element;
      for (std::uint64_t at = first * element; at < end;) {
        // What was read for the checksum is still in the cache when it is written.
        const auto part =
            out.first(std::min(end - at, kWindowBytes - (item.offset + at) % kWindowBytes));
        digests_.add(item.index, at, part);
        write(window.file, item.offset + at, part);
        out = out.subspan(part.size());
        at += part.size();
      }
    });
  }

  void fill(const Item& item, std::uint64_t begin, std::span<std::byte> out, Worker& worker) {
    const std::uint64_t from = begin - item.offset;
    if (!item.slot) {
      std::memcpy(out.data(), layout_.segments[item.index].bytes.data() + from, out.size());
      return;
    }
    const Slot& slot = layout_.slots[item.index];
    const Tensor& tensor = manifest_.tensors[slot.tensor];
    const TensorSource source(tensor, slot.tensor);
    const DTypeInfo& row = info(tensor.dtype);
    if (slot.codec == Codec::packed) {
      const std::uint64_t first = from * 8 / row.bits;
      const std::uint64_t last = std::min(tensor.elements(), (from + out.size()) * 8 / row.bits);
      make_room(worker.codes, last - first);
      auto codes = std::span(worker.codes).first(last - first);
      source.read(first, codes, worker.read);
      pack_bits(tensor.dtype, codes, out);
    } else {
      source.read(from / row.bytes, out, worker.read);
      encode(slot, tensor, out);
    }
    digests_.add(item.index, from, out);
  }

  static void encode(const Slot& slot, const Tensor& tensor, std::span<std::byte> out) {
    if (slot.codec == Codec::sign_extended) sign_extend(tensor.dtype, out);
    if (slot.order == std::endian::big) swap_bytes(out, info(tensor.dtype).component_bytes);
  }

  /// One for several files: a lock for each would be most of what a million of them take.
  std::mutex& lock_of(std::size_t index) { return file_locks_[index % file_locks_.size()]; }

  void open_file(std::size_t index) {
    Descriptor& file = files_[index];
    std::lock_guard lock(lock_of(index));
    if (file) return;
    file = output_.open(index);
    const std::uint64_t size = layout_.files[index].size;
    if (size >= kReserveFrom) reserve(file, size, layout_.files[index].name);
  }

  void write(std::size_t file, std::uint64_t begin, std::span<const std::byte> bytes) {
    if (bytes.empty()) return;
    write_at(files_[file], begin, bytes, layout_.files[file].name);
    // Start writing back behind the copy, so that little is left for fdatasync to wait for. Shorter
    // runs are those of a tile, which others still lie between.
    const std::uint64_t from = begin / kWriteBack, to = (begin + bytes.size()) / kWriteBack;
    if (options_.sync && from != to && bytes.size() >= kWindowBytes / 2) {
      sync_file_range(files_[file].get(), static_cast<off_t>(from * kWriteBack),
                      static_cast<off_t>((to - from) * kWriteBack), SYNC_FILE_RANGE_WRITE);
    }
  }

  void close_file(std::size_t index) {
    std::lock_guard lock(lock_of(index));
    if (--work_.windows_left[index] == 0)
      output_.complete(index, std::move(files_[index]), sync_each_);
  }

  void write_finish() {
    write_segments(digests_.late(), layout_.files, output_, sync_each_);
    meter_.add(work_.late_bytes);
  }

  const Manifest& manifest_;
  Layout& layout_;
  OutputFiles& output_;
  const RunOptions& options_;
  const bool sync_each_;
  ProgressMeter meter_;
  CrcParts checksums_;
  CastTallies casts_;
  Digests digests_;
  std::vector<Descriptor> files_;  // of the output, while they are open
  std::array<std::mutex, 64> file_locks_;
  Work work_;
  unsigned threads_ = 1;
  std::atomic<std::size_t> next_{0};
  std::atomic<std::uint64_t> bools_{0};
  std::atomic<bool> failed_{false};
  std::mutex error_mutex_;
  std::exception_ptr error_;
};

}  // namespace

MoveResult move_all(const Manifest& manifest, Layout& layout, OutputFiles& output,
                    const RunOptions& options) {
  return Mover(manifest, layout, output, options).run();
}

}  // namespace tensorferry
