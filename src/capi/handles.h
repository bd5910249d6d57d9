// What stands behind the handles of c_api.h, and the border that no exception crosses.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "tensorferry/c_api.h"
#include "tensorferry/convert.h"
#include "tensorferry/stream.h"

struct tensorferry_options {
  tensorferry::ConvertOptions convert;
  std::atomic<bool> cancel{false};
  tensorferry_on_progress on_progress = nullptr;
  void* progress_user = nullptr;
  tensorferry_on_note on_note = nullptr;
  void* note_user = nullptr;
};

struct tensorferry_model {
  struct ProblemText {
    std::string id, message;
  };
  tensorferry::Manifest manifest;
  tensorferry::Limits limits;
  std::unordered_map<std::size_t, ProblemText> problems;  // by the tensor's index
};

struct tensorferry_stream {
  std::unique_ptr<tensorferry::ByteStream> bytes;
};

struct tensorferry_strings {
  std::vector<std::string> values;
};

namespace tensorferry::capi {

/// The exception that is being handled becomes this thread's last error; the code to return.
int remember_error() noexcept;

/// Where, what was expected and found: what() without the identifier.
std::string message_of(const Error& error);

/// Runs `action` for a C function: its return value.
template <typename Action>
int guarded(Action&& action) noexcept {
  try {
    action();
    return 0;
  } catch (...) {
    return remember_error();
  }
}

[[noreturn]] inline void bad_argument(std::string_view detail, std::string message) {
  throw Error(ErrorCode::usage, detail, std::move(message));
}

/// Throws Error(usage.null) for a null pointer.
inline void require(const void* argument, const char* name) {
  if (argument == nullptr) bad_argument("null", std::string(name) + " is NULL");
}

/// Fills what the caller has of the struct. `least` is its size in the first version.
template <typename Struct>
void give(Struct filled, std::size_t least, Struct* target) {
  const std::size_t size = target->struct_size;
  if (size < least) bad_argument("struct_size", "struct_size is not set, or too small");
  filled.struct_size = size;
  std::memcpy(target, &filled, std::min(size, sizeof(Struct)));
}

void give_notes(const tensorferry_options* options, const std::vector<Note>& notes);

}  // namespace tensorferry::capi
