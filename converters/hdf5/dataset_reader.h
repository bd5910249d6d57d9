// One dataset as a tensor.
#pragma once

#include <optional>

#include "dataset_files.h"
#include "read_attributes.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

struct DatasetOptions {
  std::optional<DType> opaque;  ///< what opaque elements of that size are
  Limits limits;
};

/// The dataset, under the name that its tag or else `path` gives. What cannot be read becomes
/// Tensor::problem. `notes` gets what a person should know. To be called in a ReadScope.
Tensor read_dataset(const SharedFile& shared, hid_t dataset, haddr_t address,
                    const std::string& path, const DatasetOptions& options, AttributeBudget& budget,
                    std::vector<Note>& notes);

}  // namespace tensorferry::hdf5
