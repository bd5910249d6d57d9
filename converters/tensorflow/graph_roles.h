// Which objects of a graph are the state of an optimizer.
#pragma once

#include <vector>

#include "trackable_graph.h"

namespace tensorferry::tensorflow {

/// One flag a node. An optimizer is known by its slot variables or by the names of its children;
/// its state is what is reached only through it, but for the variables that it trains. Linear.
std::vector<bool> optimizer_state(const TrackableGraph& graph);

}  // namespace tensorferry::tensorflow
