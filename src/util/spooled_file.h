// A file that is slow to read out of order, copied to disk once.
#pragma once

#include <memory>

#include "tensorferry/input.h"

namespace tensorferry {

/// `source`, read from front to back when it is first read, into an unnamed temporary file (in
/// TMPDIR, /var/tmp or /tmp) that ends with this object; then read from there. For deflated
/// contents of which parts are wanted in another order. Throws Error(resources) when there is no
/// room.
std::shared_ptr<const File> spooled_file(std::shared_ptr<const File> source);

}  // namespace tensorferry
