// A tensor of what the library has said of a dataset.
#pragma once

#include "dataset_files.h"

namespace tensorferry::hdf5 {

/// What cannot be read becomes Tensor::problem. `notes` gets what a person should know.
Tensor tensor_of(const SharedFile& shared, DescribedDataset described, const Limits& limits,
                 std::vector<Note>& notes);

}  // namespace tensorferry::hdf5
