#include "plan/cast.h"

#include <algorithm>
#include <cmath>

#include "core/number.h"
#include "plan/cast_fast.h"
#include "tensorferry/statistics.h"

namespace tensorferry {
namespace {

/// A dtype as one or two numbers an element.
struct Components {
  explicit Components(DType dtype)
      : part(number_dtype(dtype)), bytes(info(part).bytes), count(part == dtype ? 1 : 2) {}

  DType part;
  std::size_t bytes;
  unsigned count;
};

class Caster {
 public:
  Caster(DType from, DType to, Overflow overflow)
      : from_(from), to_(to), overflow_(overflow), to_bool_(to == DType::boolean) {}

  void one(const std::byte* in, std::byte* out, std::uint64_t index) {
    if (to_bool_ && from_.count == 2) return complex_to_bool(in, out, index);
    component(in, out, index);
    if (from_.count == 2 && to_.count == 2) {
      component(in + from_.bytes, out + to_.bytes, index);
    } else if (to_.count == 2) {
      encode_number(to_.part, Number{}, overflow_, out + to_.bytes);
    } else if (from_.count == 2) {
      const Number imaginary = decode_number(from_.part, in + from_.bytes);
      if (imaginary.kind != Number::Kind::zero) overflowed(index);
    }
  }

  const CastTally& tally() const { return tally_; }

 private:
  void component(const std::byte* in, std::byte* out, std::uint64_t index) {
    const Number before = decode_number(from_.part, in);
    if (!encode_number(to_.part, before, overflow_, out)) return overflowed(index);
    if (before.kind != Number::Kind::finite) return;
    const Number after = decode_number(to_.part, out);
    if (same(before, after)) return;
    changed(index);
    if (after.kind == Number::Kind::zero) underflowed(index);
    const long double was = value_of(before);
    const auto error = static_cast<double>(std::fabs(value_of(after) - was));
    tally_.absolute = std::max(tally_.absolute, error);
    tally_.relative = std::max(tally_.relative, error / static_cast<double>(std::fabs(was)));
  }

  void complex_to_bool(const std::byte* in, std::byte* out, std::uint64_t index) {
    const Number real = decode_number(from_.part, in);
    const bool any = real.kind != Number::Kind::zero ||
                     decode_number(from_.part, in + from_.bytes).kind != Number::Kind::zero;
    out[0] = std::byte{any};
    if (any) changed(index);
  }

  static bool same(const Number& a, const Number& b) {
    return a.kind == b.kind && a.negative == b.negative && a.exponent == b.exponent &&
           a.significand == b.significand;
  }

  /// Both halves of a complex number are one element.
  static void count_once(std::uint64_t index, std::uint64_t& last, std::uint64_t& count,
                         std::uint64_t& first) {
    if (index == last) return;
    last = index;
    ++count;
    first = std::min(first, index);
  }

  void changed(std::uint64_t index) {
    count_once(index, last_changed_, tally_.changed, tally_.first);
  }

  void overflowed(std::uint64_t index) {
    changed(index);
    count_once(index, last_overflowed_, tally_.overflowed, tally_.first_overflowed);
  }

  void underflowed(std::uint64_t index) {
    count_once(index, last_underflowed_, tally_.underflowed, tally_.first_underflowed);
  }

  Components from_, to_;
  Overflow overflow_;
  bool to_bool_;
  CastTally tally_;
  std::uint64_t last_changed_ = CastTally::kNone, last_overflowed_ = CastTally::kNone,
                last_underflowed_ = CastTally::kNone;
};

}  // namespace

void CastTally::merge(const CastTally& other) {
  changed += other.changed;
  first = std::min(first, other.first);
  overflowed += other.overflowed;
  first_overflowed = std::min(first_overflowed, other.first_overflowed);
  underflowed += other.underflowed;
  first_underflowed = std::min(first_underflowed, other.first_underflowed);
  absolute = std::max(absolute, other.absolute);
  relative = std::max(relative, other.relative);
}

CastTally cast_elements(DType from, DType to, Overflow overflow, std::span<const std::byte> in,
                        std::span<std::byte> out, std::uint64_t first, double relative) {
  const std::span<const CastVersion> fast = fast_casts(from, to);
  CastTally tally;
  tally.relative = relative;
  if (!fast.empty() && fast.front().cast(in, out, first, tally)) return tally;
  return cast_exactly(from, to, overflow, in, out, first);
}

CastTally cast_exactly(DType from, DType to, Overflow overflow, std::span<const std::byte> in,
                       std::span<std::byte> out, std::uint64_t first) {
  const std::size_t in_bytes = info(from).bytes, out_bytes = info(to).bytes;
  Caster caster(from, to, overflow);
  const std::size_t count = out.size() / out_bytes;
  for (std::size_t i = 0; i < count; ++i)
    caster.one(in.data() + i * in_bytes, out.data() + i * out_bytes, first + i);
  return caster.tally();
}

void CastTallies::add(std::uint64_t tensor, const CastTally& tally) {
  std::lock_guard lock(mutex_);
  tallies_[tensor].merge(tally);
}

double CastTallies::relative(std::uint64_t tensor) const {
  std::lock_guard lock(mutex_);
  const auto found = tallies_.find(tensor);
  return found == tallies_.end() ? 0 : found->second.relative;
}

std::vector<CastReport> CastTallies::reports(const Manifest& manifest) const {
  std::lock_guard lock(mutex_);
  std::vector<CastReport> all;
  for (std::size_t i = 0; i < manifest.tensors.size(); ++i) {
    const Tensor& tensor = manifest.tensors[i];
    if (stored_dtype(tensor) == tensor.dtype) continue;
    CastReport report{tensor.name, tensor.stored.dtype, tensor.dtype, tensor.stored.overflow,
                      tensor.elements()};
    if (const auto found = tallies_.find(i); found != tallies_.end()) {
      const CastTally& tally = found->second;
      report.changed = tally.changed;
      report.first = tally.changed > 0 ? tally.first : 0;
      report.overflowed = tally.overflowed;
      report.first_overflowed = tally.overflowed > 0 ? tally.first_overflowed : 0;
      report.underflowed = tally.underflowed;
      report.first_underflowed = tally.underflowed > 0 ? tally.first_underflowed : 0;
      report.absolute = tally.absolute;
      report.relative = tally.relative;
    }
    all.push_back(std::move(report));
  }
  return all;
}

void refuse_overflow(const std::vector<CastReport>& reports) {
  std::string message;
  for (const CastReport& report : reports) {
    if (report.overflowed == 0 || report.overflow != Overflow::fail) continue;
    message += "\n  \"" + printable(report.name) + "\": " + std::string(to_string(report.to)) +
               " cannot hold " + std::to_string(report.overflowed) + " of " +
               std::to_string(report.elements) + " elements, the first at index " +
               std::to_string(report.first_overflowed);
  }
  if (message.empty()) return;
  throw Error(ErrorCode::lossy, "overflow",
              "casts meet values that the new dtype cannot hold (--cast-overflow saturate or "
              "infinity goes on)" +
                  message);
}

}  // namespace tensorferry
