// An .npz whose members are deflated: their sizes are known when they are written, one behind the
// other.
#pragma once

#include <string>

#include "metadata.h"
#include "tensorferry/layout.h"

namespace tensorferry::npz {

/// Fills `layout`: every tensor goes through a Sink. `metadata` goes to the comment, or to a member
/// where it is too long.
void lay_out_deflated(const Manifest& manifest, const Names& names, std::string metadata, int level,
                      Layout& layout);

}  // namespace tensorferry::npz
