// What the object graph and the keys say about tensors: names and roles.
#pragma once

#include "names.h"
#include "tensorferry/format.h"
#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// The option `names`: automatic without one.
NameStyle name_style(const Options& options);

/// Gives the tensors of a checkpoint, whose names are keys, their roles, and the names of the
/// style. Reads the object graph, if there is one, unless the style is raw. Of a graph that cannot
/// be read, or is larger than limits.header_bytes, a note is made, and names stay keys.
void describe(Manifest& manifest, NameStyle style, const Limits& limits);

}  // namespace tensorferry::tensorflow
