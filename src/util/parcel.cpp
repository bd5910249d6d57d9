#include "util/parcel.h"

#include "tensorferry/values.h"

namespace tensorferry {
namespace {

[[noreturn]] void malformed() {
  throw Error(ErrorCode::corrupt, "parcel", "what is said of it is malformed");
}

bool is_known(std::uint64_t code) {
  return (code >= static_cast<std::uint64_t>(ErrorCode::usage) &&
          code <= static_cast<std::uint64_t>(ErrorCode::lossy)) ||
         code == static_cast<std::uint64_t>(ErrorCode::internal);
}

}  // namespace

ParcelWriter& ParcelWriter::error(const Error& error) {
  number(static_cast<std::uint64_t>(error.code()));
  return text(error.detail()).text(error.message()).text(error.file()).text(error.tensor());
}

std::string_view ParcelReader::take(std::uint64_t bytes) {
  if (bytes > left_.size()) malformed();
  const std::string_view front = left_.substr(0, bytes);
  left_.remove_prefix(bytes);
  return front;
}

std::uint64_t ParcelReader::number() {
  return little_endian(reinterpret_cast<const std::byte*>(take(8).data()), 8);
}

std::uint64_t ParcelReader::number(std::uint64_t most) {
  const std::uint64_t value = number();
  if (value > most) malformed();
  return value;
}

std::size_t ParcelReader::count(std::size_t bytes) { return number(left_.size() / bytes); }

std::string_view ParcelReader::text() { return take(number()); }

Error ParcelReader::error() {
  const std::uint64_t code = number();
  if (!is_known(code)) malformed();
  const std::string_view detail = text(), message = text(), file = text(), tensor = text();
  Error error(static_cast<ErrorCode>(code), detail, std::string(message));
  if (!file.empty()) error = error.in_file(file);
  return tensor.empty() ? error : error.in_tensor(tensor);
}

}  // namespace tensorferry
