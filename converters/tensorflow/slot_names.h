// Which names are those of an optimizer's variables, where no object graph tells.
//
//   V/Adam  V/Adam_1  S/V/Momentum   slots of V by TensorFlow 1, S the scope of the training code
//   beta1_power  S/beta2_power_1     of its Adam
//   S/Adam/V/m  S/Adam/m/V           slots of V by Keras; S/Adam/iter and so on beside them
//   P/_variables/3  P/_iterations    of an optimizer P of Keras, as keys of an object graph
//   P/iter  P/learning_rate          of an older one
//
// Slots are named by TensorFlow's python/training/slot_creator.py and by Keras's optimizers.
#pragma once

#include <vector>

#include "tensorferry/manifest.h"
#include "util/name_index.h"

namespace tensorferry::tensorflow {

/// One flag a tensor, by names that are keys, which `places` finds.
std::vector<bool> optimizer_variables(const std::vector<Tensor>& tensors, const NameIndex& places);

}  // namespace tensorferry::tensorflow
