// Whether a file is a graph. Neither kind has a magic number, so the structure must be right.
#pragma once

#include <cstdint>

#include "tensorferry/input.h"

namespace tensorferry::tensorflow {

/// A GraphDef: only its fields, the first of them a node with a name and an op. Reads little.
bool looks_like_graph(const File& file);

/// A MetaGraphDef: only its fields, a graph among them.
bool looks_like_meta_graph(const File& file);

}  // namespace tensorferry::tensorflow
