// What the tensors of a checkpoint are to the program that saved it.
#pragma once

#include "tensorferry/manifest.h"
#include "trackable_graph.h"

namespace tensorferry::tensorflow {

/// Sets Tensor::role of tensors whose names are keys. The optimizers are those of the graph where
/// there is one; else they are found by the keys. A look-alike is not enough: a slot needs the
/// variable that it belongs to, of the same dtype and shape; a hyperparameter needs an optimizer
/// beside it.
void assign_roles(Manifest& manifest, const TrackableGraph* graph);

}  // namespace tensorferry::tensorflow
