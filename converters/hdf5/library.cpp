#include "library.h"

#include <cerrno>
#include <string>
#include <system_error>

#include "tensorferry/error.h"

namespace tensorferry::hdf5 {
namespace {

std::recursive_mutex& library_mutex() {
  static std::recursive_mutex mutex;
  return mutex;
}

// Called for the innermost function first: its reason is the cause.
herr_t take_reason(unsigned depth, const H5E_error2_t* error, void* data) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(data) = error->desc;
  return 0;
}

// The driver for buffered files tells the call that failed, and not why.
std::string with_system_reason(const std::string& reason, int error) {
  const bool of_system = reason == "fwrite failed" || reason == "fseek failed" ||
                         reason == "fflush failed" || reason == "fread failed" ||
                         reason == "fclose failed";
  return of_system && error != 0 ? reason + ": " + std::generic_category().message(error) : reason;
}

// The library's exit handler would close once more, and crash on, a file that it could not finish
// (seen with 1.10.8 on a full disk). Here every file is closed by its owner; a host that has used
// the library before us keeps the handler.
void leave_exit_alone() {
  static const herr_t once = H5dont_atexit();
  static_cast<void>(once);
}

}  // namespace

LibraryScope::LibraryScope() : lock_(library_mutex()) {
  leave_exit_alone();
  errno = 0;
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLget_loading_state(&plugins_);
  H5PLset_loading_state(0);
}

LibraryScope::~LibraryScope() {
  H5PLset_loading_state(plugins_);
  H5Eset_auto2(H5E_DEFAULT, print_, print_data_);
}

std::string library_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, &reason);
  return reason;
}

void throw_library_error(std::string_view doing) {
  const int error = errno;
  const std::string reason = library_reason();
  std::string message = "HDF5 could not " + std::string(doing);
  if (!reason.empty()) message += ": " + with_system_reason(reason, error);
  throw Error(ErrorCode::output, "hdf5", std::move(message));
}

}  // namespace tensorferry::hdf5
