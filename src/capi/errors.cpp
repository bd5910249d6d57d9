#include <exception>
#include <new>

#include "capi/handles.h"

namespace tensorferry::capi {
namespace {

struct LastError {
  int code = 0;
  std::string id, message;
  // What callers see: the texts above, or literals when there was no memory for them.
  const char* seen_id = "";
  const char* seen_message = "";
};

LastError& last_error() noexcept {
  thread_local LastError last;
  return last;
}

int remember(ErrorCode code, const char* id, const char* literal) noexcept {
  LastError& last = last_error();
  last.code = static_cast<int>(code);
  last.seen_id = id;
  last.seen_message = literal;
  return last.code;
}

int remember(const Error& error) {
  LastError& last = last_error();
  last.id = error.id();
  last.message = message_of(error);
  return remember(error.code(), last.id.c_str(), last.message.c_str());
}

int out_of_memory() noexcept {
  return remember(ErrorCode::resources, "resources.memory", "out of memory");
}

}  // namespace

std::string message_of(const Error& error) {
  const std::string_view text = error.what();
  const std::size_t prefix = error.id().size() + std::string_view("error[]: ").size();
  return std::string(text.substr(std::min(prefix, text.size())));
}

int remember_error() noexcept {
  try {
    try {
      throw;
    } catch (const std::bad_alloc&) {
      return out_of_memory();
    } catch (...) {
      return remember(to_error(std::current_exception()));
    }
  } catch (...) {
    return out_of_memory();
  }
}

}  // namespace tensorferry::capi

int tensorferry_error_code(void) { return tensorferry::capi::last_error().code; }
const char* tensorferry_error_id(void) { return tensorferry::capi::last_error().seen_id; }
const char* tensorferry_error_message(void) { return tensorferry::capi::last_error().seen_message; }
