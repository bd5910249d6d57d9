#include "library.h"

#include <string>

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

// Every file is closed by its owner. The library's exit handler would close what it takes to be
// left once more, when statics of ours are gone; a host that has used the library before us keeps
// it.
void leave_exit_alone() {
  static const herr_t once = H5dont_atexit();
  static_cast<void>(once);
}

}  // namespace

LibraryScope::LibraryScope() : lock_(library_mutex()) {
  leave_exit_alone();
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

}  // namespace tensorferry::hdf5
