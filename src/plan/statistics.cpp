#include "tensorferry/statistics.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "plan/scan.h"
#include "tensorferry/values.h"

namespace tensorferry {
namespace {

// Numbers whose sums are taken at once; between blocks means and squares are merged, which keeps
// rounding errors small.
constexpr std::size_t kBlock = 4096;

/// Mean and sum of squared deviations of some numbers.
struct Moments {
  std::uint64_t count = 0;
  double mean = 0, squares = 0;

  /// The moments of both together (Chan, Golub and LeVeque 1979).
  void merge(const Moments& other) {
    if (other.count == 0) return;
    if (count == 0) {
      *this = other;
      return;
    }
    const double total = static_cast<double>(count + other.count);
    const double share = static_cast<double>(other.count) / total;
    const double apart = other.mean - mean;
    squares += other.squares + apart * apart * static_cast<double>(count) * share;
    if (std::isfinite(apart)) {
      mean += apart * share;
    } else {  // at both ends of the range
      mean = mean * (static_cast<double>(count) / total) + other.mean * share;
    }
    count += other.count;
  }
};

Moments moments_of(std::span<const double> numbers) {
  Moments moments;
  moments.count = numbers.size();
  if (numbers.empty()) return moments;
  const double count = static_cast<double>(numbers.size());
  double sum = 0;
  for (const double number : numbers) sum += number;
  moments.mean = sum / count;
  if (!std::isfinite(sum)) {
    moments.mean = 0;
    for (const double number : numbers) moments.mean += number / count;
    const auto [low, high] = std::minmax_element(numbers.begin(), numbers.end());
    moments.mean = std::clamp(moments.mean, *low, *high);
  }
  double rest = 0;  // what rounding has left out of the mean
  for (const double number : numbers) {
    const double apart = number - moments.mean;
    rest += apart;
    moments.squares += apart * apart;
  }
  if (std::isfinite(rest) && std::isfinite(moments.squares)) {
    moments.mean += rest / count;
    moments.squares -= rest / count * rest;
  }
  return moments;
}

/// Counts the numbers of one tensor. T is wide enough to compare them exactly.
template <typename T>
class Counter {
 public:
  explicit Counter(std::uint32_t number_bytes) : number_bytes_(number_bytes) {
    block_.reserve(kBlock);
  }

  void add(T number, const std::byte* bytes) {
    ++result_.count;
    if constexpr (std::is_floating_point_v<T>) {
      if (std::isnan(number)) {
        ++result_.nans;
        return;
      }
      if (std::isinf(number)) {
        ++(number < 0 ? result_.negative_infinities : result_.positive_infinities);
        return;
      }
    }
    result_.zeros += number == T{0};
    if (result_.finite == 0 || number < min_) {
      min_ = number;
      std::memcpy(result_.min_element.data(), bytes, number_bytes_);
    }
    if (result_.finite == 0 || number > max_) {
      max_ = number;
      std::memcpy(result_.max_element.data(), bytes, number_bytes_);
    }
    ++result_.finite;
    block_.push_back(static_cast<double>(number));
    if (block_.size() == kBlock) flush();
  }

  Statistics finish() {
    flush();
    result_.min = static_cast<double>(min_);
    result_.max = static_cast<double>(max_);
    result_.mean = moments_.mean;
    if (!std::isfinite(moments_.mean)) {
      result_.std = std::numeric_limits<double>::infinity();  // long doubles beyond a double
    } else if (moments_.count > 0) {
      result_.std = std::sqrt(moments_.squares / static_cast<double>(moments_.count));
    }
    return result_;
  }

 private:
  void flush() {
    moments_.merge(moments_of(block_));
    block_.clear();
  }

  std::uint32_t number_bytes_;
  Statistics result_;
  T min_{}, max_{};
  Moments moments_;
  std::vector<double> block_;
};

template <typename T>
T number_at(const std::byte* bytes) {
  if constexpr (sizeof(T) == 4) {
    return std::bit_cast<T>(static_cast<std::uint32_t>(little_endian(bytes, 4)));
  } else {
    return std::bit_cast<T>(little_endian(bytes, 8));
  }
}

std::int64_t signed_at(const DTypeInfo& row, const std::byte* bytes) {
  const std::uint64_t bits = little_endian(bytes, row.bytes) << (64 - row.bits);
  return static_cast<std::int64_t>(bits) >> (64 - row.bits);
}

/// Values of all codes of a type of one or two bytes.
std::vector<float> table_of(const DTypeInfo& row) {
  std::vector<float> table(std::size_t{1} << row.bits);
  for (std::size_t code = 0; code < table.size(); ++code) {
    table[code] = decode_small_float(row.dtype, static_cast<unsigned>(code));
  }
  return table;
}

using Advance = std::function<void(std::uint64_t)>;

/// Feeds each number, `decode`d, to a Counter<T>.
template <typename T, typename Decode>
Statistics count_numbers(const Tensor& tensor, std::uint32_t number_bytes, const Advance& advance,
                         Decode decode) {
  Counter<T> counter(number_bytes);
  const auto stream = open_stream(tensor);
  Buffer buffer = step_buffer(tensor);
  while (const std::size_t n = read_full(*stream, buffer)) {
    for (std::size_t at = 0; at < n; at += number_bytes) {
      counter.add(decode(buffer.data() + at), buffer.data() + at);
    }
    if (advance) advance(n);
  }
  return counter.finish();
}

Statistics count_reals(const Tensor& tensor, const DTypeInfo& row, const Advance& advance) {
  switch (row.dtype) {
    case DType::float32:
      return count_numbers<float>(tensor, row.bytes, advance, number_at<float>);
    case DType::float64:
      return count_numbers<double>(tensor, row.bytes, advance, number_at<double>);
    case DType::longdouble:
      return count_numbers<long double>(tensor, row.bytes, advance, decode_longdouble);
    default: {
      const std::vector<float> table = table_of(row);
      const std::uint64_t mask = table.size() - 1;
      return count_numbers<float>(tensor, row.bytes, advance, [&](const std::byte* bytes) {
        return table[little_endian(bytes, row.bytes) & mask];
      });
    }
  }
}

Statistics count_all(const Tensor& tensor, const Advance& advance) {
  if (tensor.problem) throw tensor.problem->in_tensor(tensor.name);
  const DTypeInfo& row = info(number_dtype(tensor.dtype));
  switch (row.kind) {
    case DTypeKind::real:
      return count_reals(tensor, row, advance);
    case DTypeKind::signed_integer:
      return count_numbers<std::int64_t>(tensor, row.bytes, advance, [&](const std::byte* bytes) {
        return signed_at(row, bytes);
      });
    case DTypeKind::boolean:
    case DTypeKind::unsigned_integer:
      return count_numbers<std::uint64_t>(tensor, row.bytes, advance, [&](const std::byte* bytes) {
        return little_endian(bytes, row.bytes);
      });
    default:
      return {};
  }
}

}  // namespace

DType number_dtype(DType dtype) {
  if (dtype == DType::complex64) return DType::float32;
  return dtype == DType::complex128 ? DType::float64 : dtype;
}

Statistics statistics(const Tensor& tensor) { return count_all(tensor, {}); }

std::vector<TensorStatistics> statistics_of_all(const Manifest& manifest,
                                                const ScanOptions& options) {
  std::vector<TensorStatistics> all(manifest.tensors.size());
  Scan scan(options, bytes_to_read(manifest));
  scan.run(all.size(), [&](std::size_t i) {
    try {
      all[i].statistics =
          count_all(manifest.tensors[i], [&](std::uint64_t bytes) { scan.advance(bytes); });
    } catch (const Error& error) {
      if (error.id() == "input.cancelled") throw;
      all[i].problem = error.in_tensor(manifest.tensors[i].name);
    }
  });
  return all;
}

}  // namespace tensorferry
