#include "library.h"

#include <string>

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

// A failed system call is told with time, file name and addresses: only its own words are of use to people.
std::string without_particulars(std::string reason) {
  constexpr std::string_view kMark = "error message = '";
  const std::size_t begin = reason.find(kMark);
  if (begin == std::string::npos) return reason;
  const std::size_t end = reason.find('\'', begin + kMark.size());
  return reason.substr(begin + kMark.size(), end - begin - kMark.size());
}

}  // namespace

LibraryScope::LibraryScope() : lock_(library_mutex()) {
  H5Eget_auto2(H5E_DEFAULT, &print_, &print_data_);
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
}

LibraryScope::~LibraryScope() { H5Eset_auto2(H5E_DEFAULT, print_, print_data_); }

void throw_library_error(std::string_view doing) {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, &reason);
  std::string message = "HDF5 could not " + std::string(doing);
  if (!reason.empty()) message += ": " + without_particulars(std::move(reason));
  throw Error(ErrorCode::output, "hdf5", std::move(message));
}

}  // namespace tensorferry::hdf5
