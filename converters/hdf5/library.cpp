#include "library.h"

#include <string>

namespace tensorferry::hdf5 {
namespace {

// Called for the innermost function first: its reason is the cause.
herr_t take_reason(unsigned depth, const H5E_error2_t* error, void* data) {
  if (depth == 0 && error->desc != nullptr) *static_cast<std::string*>(data) = error->desc;
  return 0;
}

}  // namespace

// It leaves nothing open, so its exit handler is not wanted; a host that has used the library
// before us keeps it.
void start_library() {
  static const herr_t once = H5dont_atexit() < 0 ? -1 : H5open();
  static_cast<void>(once);
}

void prepare_library() {
  H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  H5PLset_loading_state(0);
}

std::string library_reason() {
  std::string reason;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_reason, &reason);
  return reason;
}

}  // namespace tensorferry::hdf5
