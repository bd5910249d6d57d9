// The second half of the gate behind a writer whose file a library structures.
#pragma once

#include "io/system.h"
#include "tensorferry/layout.h"
#include "tensorferry/manifest.h"

namespace tensorferry {

/// Offsets and size of the prepared file, `fd`, are known only now: sets the size and checks both.
/// Throws Error(internal), Error(output) when the system fails.
void check_prepared(const Descriptor& fd, Layout& layout, const Manifest& manifest);

}  // namespace tensorferry
