#include "io/system.h"

#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace tensorferry {

void Descriptor::reset() {
  if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool Descriptor::close() {
  if (fd_ < 0) return true;
  return ::close(std::exchange(fd_, -1)) == 0;
}

std::string system_message(const char* operation, int error) {
  const char* name = strerrorname_np(error);
  const char* text = strerrordesc_np(error);
  std::string message = operation;
  message += ": ";
  message += name ? name : std::to_string(error);
  if (text) message += std::string(" (") + text + ")";
  return message;
}

namespace {

const char* detail_of(int error) {
  switch (error) {
    case ENOENT:
      return "missing";
    case EACCES:
    case EPERM:
      return "permission";
    case EEXIST:
      return "exists";
    case ENOSPC:
    case EDQUOT:
      return "no_space";
    case EFBIG:
      return "file_too_big";
    case EROFS:
      return "read_only";
    default:
      return "io";
  }
}

}  // namespace

std::filesystem::path absolute_path(const std::filesystem::path& path, ErrorCode code) {
  std::error_code error;
  const std::filesystem::path full = std::filesystem::absolute(path, error);
  if (error) {
    throw Error(code, "working_folder",
                "the current folder cannot be found any more: " + error.message() +
                    "; give an absolute path")
        .in_file(path.string());
  }
  return full.lexically_normal();
}

std::string real_path(const std::string& path) {
  char resolved[PATH_MAX];
  return realpath(path.c_str(), resolved) != nullptr ? resolved : std::string();
}

Error system_error(ErrorCode code, const char* operation, int error, const std::string& file) {
  std::string message = system_message(operation, error);
  if (error == ENOMEM) return Error(ErrorCode::resources, "memory", message).in_file(file);
  if (error == EMFILE || error == ENFILE) {
    return Error(ErrorCode::resources, "descriptors", message).in_file(file);
  }
  return Error(code, detail_of(error), message).in_file(file);
}

}  // namespace tensorferry
