// Bundles that belong together and were not merged.
#pragma once

#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// All tensors of the parts, sorted by name; one that several have in slices gets those of all. One
/// that several have otherwise gets a problem.
Manifest join_parts(std::vector<Manifest> parts);

}  // namespace tensorferry::tensorflow
