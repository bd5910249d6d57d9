// Bundles that belong together and were not merged.
#pragma once

#include <string>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// All tensors of the parts, sorted by name; one that several have in slices gets those of all. One
/// that several have otherwise gets a problem, and so does one whose rest may be in a part that is
/// `missing`, which stand as tensors without type.
Manifest join_parts(std::vector<Manifest> parts, const std::vector<std::string>& missing);

}  // namespace tensorferry::tensorflow
