#include "util/wire_numbers.h"

#include <algorithm>
#include <cstring>
#include <mutex>
#include <string>
#include <utility>

#include "tensorferry/error.h"

namespace tensorferry::wire {
namespace {

constexpr std::uint64_t kStride = 65536;  // numbers from one mark to the next
constexpr std::size_t kLongestVarint = 10;

Error malformed(std::uint64_t position) {
  return Error(ErrorCode::corrupt, "message",
               "malformed protobuf field at byte " + std::to_string(position));
}

/// Takes a varint off the front, as wire.h has it; false when it is cut off or too long.
bool take_varint(const char*& at, const char* end, std::uint64_t& value) {
  value = 0;
  for (unsigned shift = 0; shift < 64 && at < end; shift += 7) {
    const auto byte = static_cast<unsigned char>(*at++);
    value |= std::uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace

/// Goes through the numbers in order.
class Numbers::Walk {
 public:
  Walk(const File& file, Mark from, std::uint64_t end, const NumberField& field)
      : field_(field),
        cursor_(file, from.position, end),
        end_(end),
        run_end_(from.run_end),
        fixed_(field.type == Type::fixed32   ? 4
               : field.type == Type::fixed64 ? 8
                                             : 0) {}

  Mark mark() const { return {cursor_.position(), run_end_}; }

  /// Goes over up to `most` numbers and writes them to `out` unless it is null. Gives how many.
  std::uint64_t run(std::uint64_t most, std::byte* out) {
    std::uint64_t done = 0;
    while (done < most) {
      std::byte* to = out == nullptr ? nullptr : out + done * field_.width;
      if (cursor_.position() >= run_end_) {
        if (cursor_.left() == 0) break;
        if (next(to)) ++done;
      } else {
        done += fixed_ != 0 ? take_fixed(most - done, to) : take_varints(most - done, to);
      }
    }
    return done;
  }

 private:
  /// One field; true when it was an unpacked varint.
  bool next(std::byte* out) {
    const std::uint64_t start = cursor_.position();
    const auto field = next_field(cursor_, end_);
    if (!field) throw broken_field(cursor_, end_);
    if (field->is(field_.number, Type::varint) && field_.type == Type::varint) {
      put(field->value, out);
      return true;
    }
    if (field->number != field_.number ||
        (field->type != Type::bytes && field->type != field_.type)) {
      cursor_.skip(field->length());
      return false;
    }
    if (fixed_ != 0 && field->value % fixed_ != 0) throw malformed(start);
    run_end_ = cursor_.position() + field->value;
    return false;
  }

  std::uint64_t take_fixed(std::uint64_t most, std::byte* out) {
    const std::uint64_t count = std::min(most, (run_end_ - cursor_.position()) / fixed_);
    if (out == nullptr) {
      cursor_.skip(count * fixed_);
      return count;
    }
    const std::uint64_t seen = std::min(count, cursor_.peek(fixed_).size() / fixed_);
    std::memcpy(out, cursor_.peek(fixed_).data(), static_cast<std::size_t>(seen * fixed_));
    cursor_.skip(seen * fixed_);
    return seen;
  }

  std::uint64_t take_varints(std::uint64_t most, std::byte* out) {
    const std::uint64_t run = run_end_ - cursor_.position();
    const std::string_view seen = cursor_.peek(kLongestVarint).substr(0, run);
    const char* at = seen.data();
    const char* const end = at + seen.size();
    // A varint that the window cuts is left for the next one.
    const char* const stop = seen.size() == run ? end : end - (kLongestVarint - 1);
    std::uint64_t count = 0;
    for (; count < most && at < stop; ++count) {
      std::uint64_t value = 0;
      const char* const start = at;
      if (!take_varint(at, end, value))
        throw malformed(cursor_.position() + static_cast<std::uint64_t>(start - seen.data()));
      put(value, out);
      if (out != nullptr) out += field_.width;
    }
    cursor_.skip(static_cast<std::uint64_t>(at - seen.data()));
    return count;
  }

  void put(std::uint64_t value, std::byte* out) const {
    const auto number = static_cast<std::int64_t>(value);
    if (number < field_.least || number > field_.most) {
      throw Error(ErrorCode::corrupt, "values",
                  "the value " + std::to_string(number) + " is not one of its type");
    }
    if (out == nullptr) return;
    if (field_.is_bool) value = value != 0 ? 1 : 0;
    for (std::uint32_t i = 0; i < field_.width; ++i)
      out[i] = static_cast<std::byte>(value >> 8 * i);
  }

  NumberField field_;
  FileCursor cursor_;
  std::uint64_t end_, run_end_, fixed_;
};

Numbers::Numbers(const File& file, std::uint64_t begin, std::uint64_t end, const NumberField& field)
    : field_(field), end_(end) {
  Walk walk(file, {begin, begin}, end, field);
  for (;;) {
    marks_.push_back(walk.mark());
    const std::uint64_t count = walk.run(kStride, nullptr);
    count_ += count;
    if (count < kStride) break;
  }
}

void Numbers::read(const File& file, std::uint64_t first, std::span<std::byte> bytes) const {
  if (bytes.empty()) return;
  Walk walk(file, marks_[static_cast<std::size_t>(first / kStride)], end_, field_);
  walk.run(first % kStride, nullptr);
  const std::uint64_t wanted = bytes.size() / field_.width;
  if (walk.run(wanted, bytes.data()) != wanted) {
    throw Error(ErrorCode::input, "changed", "the values are no longer what was counted");
  }
}

void Numbers::read_bytes(const File& file, std::uint64_t offset, std::span<std::byte> bytes) const {
  const std::uint64_t width = field_.width;
  const std::uint64_t before = offset % width;
  if (before == 0 && bytes.size() % width == 0) return read(file, offset / width, bytes);
  std::vector<std::byte> whole((before + bytes.size() + width - 1) / width * width);
  read(file, offset / width, whole);
  std::copy_n(whole.begin() + static_cast<std::ptrdiff_t>(before), bytes.size(), bytes.begin());
}

namespace {

class NumbersFile final : public File {
 public:
  NumbersFile(std::shared_ptr<const File> base, std::uint64_t begin, std::uint64_t end,
              const NumberField& field, std::uint64_t count)
      : base_(std::move(base)), begin_(begin), end_(end), field_(field), count_(count) {}

  const std::string& name() const override { return base_->name(); }
  std::uint64_t size() const override { return count_ * field_.width; }
  FileIdentity identity() const override { return base_->identity(); }
  void check_unchanged() const override { base_->check_unchanged(); }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > size() || offset > size() - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated", "a read behind the last value").in_file(name());
    }
    try {
      scan();
      numbers_->read_bytes(*base_, offset, bytes);
    } catch (const Error& error) {
      throw error.in_file(name());
    }
  }

 private:
  void scan() const {
    const std::lock_guard lock(mutex_);
    if (numbers_) return;
    auto numbers = std::make_unique<Numbers>(*base_, begin_, end_, field_);
    if (numbers->count() != count_) {
      throw Error(ErrorCode::corrupt, "values",
                  "holds " + std::to_string(numbers->count()) + " values, its shape needs " +
                      std::to_string(count_));
    }
    numbers_ = std::move(numbers);
  }

  std::shared_ptr<const File> base_;
  std::uint64_t begin_, end_;
  NumberField field_;
  std::uint64_t count_;
  mutable std::mutex mutex_;  // one thread scans, the others wait for it
  mutable std::unique_ptr<const Numbers> numbers_;
};

}  // namespace

std::shared_ptr<const File> numbers_file(std::shared_ptr<const File> base, std::uint64_t begin,
                                         std::uint64_t end, const NumberField& field,
                                         std::uint64_t count) {
  return std::make_shared<NumbersFile>(std::move(base), begin, end, field, count);
}

}  // namespace tensorferry::wire
