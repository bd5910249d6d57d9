#include "tensor_values.h"

#include <algorithm>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "util/file_cursor.h"
#include "util/wire_numbers.h"

namespace tensorferry::tensorflow {
namespace {

Error wrong_count(std::uint64_t found, std::uint64_t wanted) {
  return Error(
      ErrorCode::corrupt, "values",
      "holds " + std::to_string(found) + " values, its shape needs " + std::to_string(wanted));
}

class ValuesFile final : public File {
 public:
  ValuesFile(std::shared_ptr<const File> base, DType dtype, const ValueField& field,
             std::uint64_t elements, ValueCount count, std::function<FileRange()> locate)
      : base_(std::move(base)),
        locate_(std::move(locate)),
        field_(field),
        dtype_(dtype),
        count_(count),
        elements_(elements) {}

  const std::string& name() const override { return base_->name(); }
  std::uint64_t size() const override { return elements_ * info(dtype_).bytes; }
  FileIdentity identity() const override { return base_->identity(); }
  void check_unchanged() const override { base_->check_unchanged(); }

  void read_at(std::uint64_t offset, std::span<std::byte> bytes) const override {
    if (bytes.size() > size() || offset > size() - bytes.size()) {
      throw Error(ErrorCode::corrupt, "truncated", "a read behind the last value").in_file(name());
    }
    try {
      read(offset, bytes);
    } catch (const Error& error) {
      throw error.in_file(name());
    }
  }

 private:
  /// Everything but the elements themselves.
  struct Scan {
    std::optional<wire::Numbers> numbers;
    std::uint64_t begin = 0;         ///< of a bytes field, in the located file
    std::uint64_t present = 0;       ///< elements that have values of their own
    std::string last;                ///< what stands for the others
    std::shared_ptr<const File> in;  ///< base_; or null: locate again
  };

  void read(std::uint64_t offset, std::span<std::byte> bytes) const {
    std::shared_ptr<const File> in;
    {
      const std::lock_guard lock(mutex_);
      if (!scanned_) in = scan();
      scanned_ = true;
    }
    if (!in) in = scan_.in ? scan_.in : locate_().file;
    const std::uint64_t present_bytes = scan_.present * info(dtype_).bytes;
    if (offset < present_bytes) {
      const auto part = bytes.first(std::min<std::uint64_t>(bytes.size(), present_bytes - offset));
      read_present(*in, offset, part);
      bytes = bytes.subspan(part.size());
      offset += part.size();
    }
    for (std::byte& byte : bytes)
      byte = static_cast<std::byte>(scan_.last[offset++ % scan_.last.size()]);
  }

  void read_present(const File& in, std::uint64_t offset, std::span<std::byte> bytes) const {
    if (!scan_.numbers) {
      in.read_at(scan_.begin + offset, bytes);
      check_bools(bytes);
      return;
    }
    scan_.numbers->read_bytes(in, offset, bytes);
  }

  /// TensorFlow refuses bytes that are no bool, where there is one for each element.
  void check_bools(std::span<const std::byte> bytes) const {
    if (dtype_ != DType::boolean) return;
    if (std::any_of(bytes.begin(), bytes.end(), [](std::byte byte) { return byte > std::byte{1}; }))
      throw Error(ErrorCode::corrupt, "values", "a bool that is neither 0 nor 1");
  }

  std::shared_ptr<const File> scan() const {
    const FileRange message = locate_();
    const std::uint32_t width = info(dtype_).bytes / field_.per_element;
    std::uint64_t there = 0;
    if (field_.type == wire::Type::bytes) {
      const FileRange value = last_bytes(message, field_.number);
      scan_.begin = value.offset;
      there = value.length;
    } else {
      const wire::NumberField field{field_.number, field_.type, width, dtype_ == DType::boolean};
      scan_.numbers.emplace(*message.file, message.offset, message.offset + message.length, field);
      there = scan_.numbers->count() / field_.per_element;
      if (count_ == ValueCount::exact && scan_.numbers->count() % field_.per_element != 0) {
        throw Error(ErrorCode::corrupt, "values", "half of a complex number");
      }
    }
    if (count_ == ValueCount::exact && there != elements_) throw wrong_count(there, elements_);
    scan_.present = std::min(there, elements_);
    scan_.last.assign(info(dtype_).bytes, '\0');
    if (scan_.present != 0 && scan_.present < elements_) {
      read_present(*message.file, (scan_.present - 1) * info(dtype_).bytes,
                   std::as_writable_bytes(std::span(scan_.last)));
    }
    if (message.file == base_) scan_.in = base_;
    return message.file;
  }

  std::shared_ptr<const File> base_;
  std::function<FileRange()> locate_;
  ValueField field_;
  DType dtype_;
  ValueCount count_;
  std::uint64_t elements_;
  mutable std::mutex mutex_;  // one thread scans, the others wait for it
  mutable bool scanned_ = false;
  mutable Scan scan_;
};

}  // namespace

ValueField value_field(DType dtype) {
  using wire::Type;
  switch (dtype) {
    case DType::float32:
      return {5, Type::fixed32, 1};
    case DType::float64:
      return {6, Type::fixed64, 1};
    case DType::complex64:
      return {9, Type::fixed32, 2};
    case DType::complex128:
      return {12, Type::fixed64, 2};
    case DType::int64:
      return {10, Type::varint, 1};
    case DType::boolean:
      return {11, Type::varint, 1};
    case DType::float16:
    case DType::bfloat16:
      return {13, Type::varint, 1};
    case DType::uint32:
      return {16, Type::varint, 1};
    case DType::uint64:
      return {17, Type::varint, 1};
    case DType::string:
      return {kStringVal, Type::bytes, 1};
    default:
      break;
  }
  const DTypeInfo& row = info(dtype);
  if (row.kind == DTypeKind::signed_integer || row.kind == DTypeKind::unsigned_integer) {
    return {7, Type::varint, 1};
  }
  if (row.kind == DTypeKind::real && row.bytes == 1) return {18, Type::bytes, 1};
  throw Error(ErrorCode::unsupported, "dtype",
              "values of dtype " + std::string(row.name) + " in a TensorProto");
}

std::shared_ptr<const File> values_file(std::shared_ptr<const File> base, DType dtype,
                                        const ValueField& field, std::uint64_t elements,
                                        ValueCount count, std::function<FileRange()> locate) {
  return std::make_shared<ValuesFile>(std::move(base), dtype, field, elements, count,
                                      std::move(locate));
}

FileRange last_bytes(const FileRange& message, std::uint32_t number) {
  FileRange last{message.file, message.offset + message.length, 0};
  wire::for_each_field_of(message, [&](const FileCursor& cursor, const wire::Field& field) {
    if (field.is(number, wire::Type::bytes)) last = wire::contents(message, cursor, field);
  });
  return last;
}

std::vector<std::string> load_string_values(const FileRange& message, std::uint64_t elements,
                                            ValueCount count) {
  const std::uint64_t end = message.offset + message.length;
  FileCursor cursor(*message.file, message.offset, end);
  std::vector<std::string> strings;
  std::uint64_t there = 0;
  wire::for_each_field(cursor, end, [&](const wire::Field& field) {
    if (!field.is(kStringVal, wire::Type::bytes)) return;
    if (there++ < elements) strings.push_back(cursor.take(field.value));
  });
  if (count == ValueCount::exact && there != elements) throw wrong_count(there, elements);
  const std::string last = strings.empty() ? std::string() : strings.back();
  strings.resize(elements, last);
  return strings;
}

}  // namespace tensorferry::tensorflow
