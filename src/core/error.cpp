#include "tensorferry/error.h"

#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

#include "util/utf8.h"

namespace tensorferry {
namespace {

std::string escape_byte(unsigned char byte) {
  constexpr char kDigits[] = "0123456789abcdef";
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

// Characters that move the cursor, reorder the line or are invisible: a name must not be able to
// fake a message.
bool is_harmful(std::uint32_t c) {
  return c < 0x20 || (c >= 0x7F && c <= 0x9F) ||       // C0, DEL, C1
         c == 0x061C || c == 0x200E || c == 0x200F ||  // directional marks
         (c >= 0x2028 && c <= 0x202E) ||               // separators, embeddings and overrides
         (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;  // isolates, byte order mark
}

std::string escaped(std::string_view text, std::size_t limit, bool keep_newlines) {
  std::string result;
  while (!text.empty()) {
    const Utf8Char c = decode_utf8(text);
    const std::size_t length = c.length == 0 ? 1 : c.length;
    std::string next;
    if (c.length == 0 || (is_harmful(c.value) && !(keep_newlines && c.value == '\n'))) {
      for (char byte : text.substr(0, length))
        next += escape_byte(static_cast<unsigned char>(byte));
    } else {
      next = text.substr(0, length);
    }
    if (limit != 0 && result.size() + next.size() > limit) return result + "...";
    result += next;
    text.remove_prefix(length);
  }
  return result;
}

std::string compose(ErrorCode code, const std::string& detail, const std::string& message,
                    const std::string& file, const std::string& tensor) {
  std::string text = "error[" + std::string(to_string(code));
  if (!detail.empty()) text += "." + detail;
  text += "]: ";
  if (!file.empty()) text += printable(file, 0) + ": ";
  if (!tensor.empty()) text += "tensor \"" + printable(tensor) + "\": ";
  return text + escaped(message, 0, true);
}

}  // namespace

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return "usage";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::unsafe:
      return "unsafe";
    case ErrorCode::input:
      return "input";
    case ErrorCode::output:
      return "output";
    case ErrorCode::resources:
      return "resources";
    case ErrorCode::lossy:
      return "lossy";
    case ErrorCode::internal:
      break;
  }
  return "internal";
}

Error::Error(ErrorCode code, std::string_view detail, std::string message)
    : Error(code, std::string(detail), std::move(message), "", "") {}

Error::Error(ErrorCode code, std::string detail, std::string message, std::string file,
             std::string tensor)
    : std::runtime_error(compose(code, detail, message, file, tensor)),
      code_(code),
      detail_(std::move(detail)),
      message_(std::move(message)),
      file_(std::move(file)),
      tensor_(std::move(tensor)) {}

Error Error::in_file(std::string_view file) const {
  return file_.empty() ? Error(code_, detail_, message_, std::string(file), tensor_) : *this;
}

Error Error::in_tensor(std::string_view tensor) const {
  return tensor_.empty() ? Error(code_, detail_, message_, file_, std::string(tensor)) : *this;
}

std::string Error::id() const {
  std::string id(to_string(code_));
  if (!detail_.empty()) id += "." + detail_;
  return id;
}

Error to_error(const std::exception_ptr& thrown) {
  try {
    std::rethrow_exception(thrown);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorCode::resources, "memory", "out of memory"};
  } catch (const std::filesystem::filesystem_error& error) {
    return Error(ErrorCode::input, "io", error.code().message()).in_file(error.path1().string());
  } catch (const std::system_error& error) {
    const bool shortage = error.code() == std::errc::resource_unavailable_try_again ||
                          error.code() == std::errc::not_enough_memory ||
                          error.code() == std::errc::too_many_files_open;
    return {shortage ? ErrorCode::resources : ErrorCode::input, shortage ? "system" : "io",
            error.what()};
  } catch (const std::exception& error) {
    return {ErrorCode::internal, "exception", error.what()};
  } catch (...) {
    return {ErrorCode::internal, "exception", "an unknown exception"};
  }
}

std::string printable(std::string_view text, std::size_t limit) {
  return escaped(text, limit, false);
}

}  // namespace tensorferry
