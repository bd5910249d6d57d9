// One dataset as the library sees it, described.
#pragma once

#include <optional>

#include "description.h"
#include "read_attributes.h"

namespace tensorferry::hdf5 {

struct DatasetOptions {
  std::optional<DType> opaque;  ///< what opaque elements of that size are
  Limits limits;
};

/// The dataset, under the name that its tag or else `path` gives. What cannot be read becomes
/// DescribedDataset::problem. `notes` gets what a person should know. Throws Error(resources).
DescribedDataset describe_dataset(hid_t dataset, haddr_t address, const std::string& path,
                                  const DatasetOptions& options, AttributeBudget& budget,
                                  std::vector<Note>& notes);

}  // namespace tensorferry::hdf5
