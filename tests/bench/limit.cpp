// What this machine can do at best: a copy does no more than this, and may not do less. Nothing is
// checked, named or described.
//
//   limit [-j N] [--crc] [--sync] [--pieces] [--bf16 | --transpose COLUMNS] copy COUNT OUT IN...
//     the bytes of all IN, one after the other, in COUNT files of equal size: OUT if it is one,
//     OUT/0, OUT/1... if more
//   limit [-j N] compare A B       reads both and compares them
//   limit nothing                  starts and ends
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace {

constexpr std::uint64_t kWindow = 1u << 20;     // one read, one write
constexpr std::uint64_t kTurn = 8 * kWindow;    // what a thread takes at once
constexpr std::uint64_t kReserve = 256u << 10;  // smaller files are written without reserving space

[[noreturn]] void fail(const char* what) {
  std::perror(what);
  std::exit(1);
}

std::atomic<std::uint32_t> checksum{0};  // so that no compiler leaves the work out

/// Hardware CRC32C at full speed: three streams at once, of thirds. Other processors: none, which
/// makes the limit stricter.
std::uint32_t crc32c([[maybe_unused]] const char* bytes, [[maybe_unused]] std::uint64_t length) {
  std::uint64_t a = ~0u, b = ~0u, c = ~0u;
#if defined(__SSE4_2__)
  const std::uint64_t third = length / 24 * 8;
  for (std::uint64_t at = 0; at < third; at += 8) {
    std::uint64_t words[3];
    for (std::uint64_t i = 0; i < 3; ++i) std::memcpy(&words[i], bytes + i * third + at, 8);
    a = _mm_crc32_u64(a, words[0]);
    b = _mm_crc32_u64(b, words[1]);
    c = _mm_crc32_u64(c, words[2]);
  }
  for (std::uint64_t at = 3 * third; at < length; ++at)
    c = _mm_crc32_u8(static_cast<std::uint32_t>(c), static_cast<unsigned char>(bytes[at]));
#endif
  return static_cast<std::uint32_t>(a ^ b ^ c);
}

/// Lines lie so many elements apart: at most 8 lines of 8 become columns.
void turn_tile(const float* from, std::uint64_t from_line, float* to, std::uint64_t to_line,
               std::uint64_t lines, std::uint64_t length) {
#if defined(__SSE__)
  if (lines == 8 && length == 8) {
    for (std::uint64_t i = 0; i < 8; i += 4) {
      for (std::uint64_t k = 0; k < 8; k += 4) {
        __m128 part[4];
        for (std::uint64_t l = 0; l < 4; ++l)
          part[l] = _mm_loadu_ps(from + (i + l) * from_line + k);
        _MM_TRANSPOSE4_PS(part[0], part[1], part[2], part[3]);
        for (std::uint64_t l = 0; l < 4; ++l) _mm_storeu_ps(to + (k + l) * to_line + i, part[l]);
      }
    }
    return;
  }
#endif
  for (std::uint64_t i = 0; i < lines; ++i) {
    for (std::uint64_t k = 0; k < length; ++k) to[k * to_line + i] = from[i * from_line + k];
  }
}

/// In memory of its own, so at the start of a page: processors copy to and from there fastest.
class Buffer {
 public:
  explicit Buffer(std::uint64_t size)
      : bytes_(static_cast<char*>(std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage))) {
    if (bytes_ == nullptr) fail("memory");
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(bytes_); }
  char* data() const { return bytes_; }

 private:
  static constexpr std::uint64_t kPage = 4096;
  char* bytes_;
};

struct Options {
  unsigned threads = 1;
  bool crc = false, sync = false, pieces = false, bf16 = false;
  std::uint64_t columns = 0;
};

/// Several files, one after the other.
struct Source {
  std::vector<int> files;
  std::vector<std::uint64_t> starts{0};

  explicit Source(char** names) {
    for (; *names != nullptr; ++names) {
      struct stat status {};
      files.push_back(open(*names, O_RDONLY | O_CLOEXEC));
      if (files.back() < 0 || fstat(files.back(), &status) != 0) fail(*names);
      starts.push_back(starts.back() + static_cast<std::uint64_t>(status.st_size));
    }
  }
  void read(std::uint64_t offset, char* to, std::uint64_t length) const {
    std::size_t file =
        static_cast<std::size_t>(std::upper_bound(starts.begin(), starts.end(), offset) -
                                 starts.begin()) -
        1;
    while (length > 0) {
      const std::uint64_t part = std::min({length, kWindow, starts[file + 1] - offset});
      const ssize_t done = pread(files[file], to, part, static_cast<off_t>(offset - starts[file]));
      if (done <= 0) fail("read");
      to += done;
      offset += static_cast<std::uint64_t>(done);
      length -= static_cast<std::uint64_t>(done);
      while (length > 0 && offset == starts[file + 1]) ++file;
    }
  }
};

struct Turn {
  std::size_t file;
  std::uint64_t from, length, to;  // in the source, in bytes of it, in the output
};

class Copy {
 public:
  Copy(const Options& options, std::size_t count, const std::string& out, char** in)
      : options_(options), out_(out), source_(in), outputs_(count, -1) {
    if (count > 1 && mkdir(out.c_str(), 0777) != 0) fail(out.c_str());
    const std::uint64_t total = source_.starts.back() / 4 * 4, share = options.bf16 ? 2 : 1;
    const std::uint64_t row = std::max<std::uint64_t>(4, options.columns * 4);
    for (std::size_t file = 0; file < count; ++file) {
      const std::uint64_t begin = total / row * file / count * row;
      const std::uint64_t end =
          file + 1 == count ? total / row * row : total / row * (file + 1) / count * row;
      if (end - begin >= kReserve) outputs_[file] = create(file, (end - begin) / share);
      const std::uint64_t step = options.columns > 0 ? end - begin : kTurn;
      for (std::uint64_t at = begin; at < end; at += step) {
        turns_.push_back({file, at, std::min(step, end - at), (at - begin) / share});
      }
    }
  }

  void run() {
    std::vector<std::thread> others;
    for (unsigned i = 1; i < std::min<std::size_t>(options_.threads, turns_.size()); ++i) {
      others.emplace_back([this] { work(); });
    }
    work();
    for (std::thread& other : others) other.join();
    for (const int file : outputs_) {
      if (file >= 0 && ((options_.sync && fdatasync(file) != 0) || close(file) != 0)) fail("close");
    }
  }

 private:
  int create(std::size_t file, std::uint64_t length) const {
    const std::string name = outputs_.size() == 1 ? out_ : out_ + "/" + std::to_string(file);
    const int made = open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (made < 0) fail(name.c_str());
    if (length >= kReserve) fallocate(made, 0, 0, static_cast<off_t>(length));
    return made;
  }

  void write(int file, const char* from, std::uint64_t length, std::uint64_t to) const {
    while (length > 0) {
      const ssize_t done = pwrite(file, from, length, static_cast<off_t>(to));
      if (done <= 0) fail("write");
      from += done;
      to += static_cast<std::uint64_t>(done);
      length -= static_cast<std::uint64_t>(done);
    }
  }

  void work() {
    const Buffer in(kWindow), out(kWindow);
    std::uint32_t crc = 0;
    for (std::size_t i; (i = next_++) < turns_.size();) {
      const Turn& turn = turns_[i];
      const bool small = outputs_[turn.file] < 0;
      const int file = small ? create(turn.file, turn.length) : outputs_[turn.file];
      if (options_.columns > 0) {
        transpose(turn, file);
      } else {
        for (std::uint64_t at = 0; at < turn.length; at += kWindow) {
          crc ^= window(turn, at, std::min(kWindow, turn.length - at), file, in.data(), out.data());
        }
      }
      if (options_.sync) {
        sync_file_range(file, static_cast<off_t>(turn.to), static_cast<off_t>(turn.length),
                        SYNC_FILE_RANGE_WRITE);
      }
      if (small && close(file) != 0) fail("close");
    }
    checksum ^= crc;
  }

  std::uint32_t window(const Turn& turn, std::uint64_t at, std::uint64_t length, int file, char* in,
                       char* out) const {
    source_.read(turn.from + at, in, length);
    std::uint32_t crc = 0;
    if (options_.pieces) {  // tensors of 1 to 4 KiB
      for (std::uint64_t done = 0, size = 0, i = 0; done < length; done += size) {
        size = std::min(1024 + i++ * 7 % 769 * 4, length - done);
        if (options_.crc) crc ^= crc32c(in + done, size);
        std::memcpy(out + done, in + done, size);
      }
    } else if (options_.crc) {
      crc = crc32c(in, length);
    }
    if (options_.bf16) {
      const auto* wide = reinterpret_cast<const std::uint32_t*>(in);
      auto* narrow = reinterpret_cast<std::uint16_t*>(out);
      for (std::uint64_t i = 0; i < length / 4; ++i) {
        narrow[i] = static_cast<std::uint16_t>((wide[i] + 0x7FFFu + (wide[i] >> 16 & 1)) >> 16);
      }
      write(file, out, length / 2, turn.to + at / 2);
    } else {
      write(file, options_.pieces ? out : in, length, turn.to + at);
    }
    return crc;
  }

  /// One matrix, in strips of whole rows of the output of at most 1 MiB, in tiles of 8 x 8.
  void transpose(const Turn& turn, int file) const {
    const std::uint64_t skip = turn.from % 4096;
    void* mapped = mmap(nullptr, turn.length + skip, PROT_READ, MAP_SHARED | MAP_POPULATE,
                        source_.files[0], static_cast<off_t>(turn.from - skip));
    if (mapped == MAP_FAILED) fail("mmap");
    const std::uint64_t columns = options_.columns, rows = turn.length / 4 / columns, tile = 8;
    const auto* from = reinterpret_cast<const float*>(static_cast<const char*>(mapped) + skip);
    const std::uint64_t strip = std::max(tile, kWindow / 4 / rows / tile * tile);
    const Buffer out(strip * rows * 4);
    auto* to = reinterpret_cast<float*>(out.data());
    for (std::uint64_t first = 0; first < columns; first += strip) {
      const std::uint64_t end = std::min(first + strip, columns);
      for (std::uint64_t row = 0; row < rows; row += tile) {
        for (std::uint64_t column = first; column < end; column += tile) {
          turn_tile(from + row * columns + column, columns, to + (column - first) * rows + row,
                    rows, std::min(tile, rows - row), std::min(tile, end - column));
        }
      }
      write(file, out.data(), (end - first) * rows * 4, first * rows * 4);
    }
    munmap(mapped, turn.length + skip);
  }

  Options options_;
  std::string out_;
  Source source_;
  std::vector<int> outputs_;
  std::vector<Turn> turns_;
  std::atomic<std::size_t> next_{0};
};

void compare(const Options& options, char** names) {
  const Source a(names), b(names + 1);
  std::atomic<std::uint64_t> next{0}, differ{0};
  const std::uint64_t total = a.starts[1];
  if (total != b.starts[1]) fail("sizes");
  const auto work = [&] {
    const Buffer one(kWindow), other(kWindow);
    for (std::uint64_t turn; (turn = next.fetch_add(kTurn)) < total;) {
      for (std::uint64_t at = turn; at < std::min(turn + kTurn, total); at += kWindow) {
        const std::uint64_t length = std::min(kWindow, total - at);
        a.read(at, one.data(), length);
        b.read(at, other.data(), length);
        if (std::memcmp(one.data(), other.data(), length) != 0) ++differ;
      }
    }
  };
  std::vector<std::thread> others;
  for (unsigned i = 1; i < options.threads; ++i) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  if (differ != 0) std::exit(1);
}

}  // namespace

int main(int count, char** words) {
  Options options;
  char** word = words + 1;
  for (; *word != nullptr && **word == '-'; ++word) {
    const std::string name = *word;
    if (name == "-j" && word[1] != nullptr)
      options.threads = static_cast<unsigned>(std::atoi(*++word));
    if (name == "--transpose" && word[1] != nullptr)
      options.columns = static_cast<std::uint64_t>(std::atoi(*++word));
    options.crc |= name == "--crc";
    options.sync |= name == "--sync";
    options.pieces |= name == "--pieces";
    options.bf16 |= name == "--bf16";
  }
  const long left = words + count - word;
  const std::string mode = left > 0 ? *word : "";
  if (mode == "copy" && left > 3) {
    Copy(options, static_cast<std::size_t>(std::atoi(word[1])), word[2], word + 3).run();
  } else if (mode == "compare" && left == 3) {
    compare(options, word + 1);
  } else if (mode != "nothing") {
    std::fputs("limit: see the head of limit.cpp\n", stderr);
    return 2;
  }
  return 0;
}
