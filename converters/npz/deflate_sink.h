// An .npz whose members are deflated: their sizes are known when they are written, one behind the
// other.
#pragma once

#include <string>
#include <vector>

#include "tensorferry/layout.h"

namespace tensorferry::npz {

/// Fills `layout`: every tensor goes through a Sink. `names` without extension; `metadata` goes to
/// the comment, or to a member where it is too long.
void lay_out_deflated(const Manifest& manifest, std::vector<std::string> names,
                      std::string metadata, int level, Layout& layout);

}  // namespace tensorferry::npz
