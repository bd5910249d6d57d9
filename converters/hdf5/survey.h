// What HDF5's library finds in a file: the half of reading that may crash, loop or take all memory,
// since the library (1.10) trusts much of what it reads. It runs in a process of its own
// (util/apart.h) and tells of datasets, attributes and Keras's layout in a parcel.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "dataset_reader.h"
#include "util/apart.h"

namespace tensorferry::hdf5 {

struct SurveyOptions {
  DatasetOptions datasets;
  /// Whether layouts of Keras are looked for.
  bool keras = true;
  /// Groups whose names are looked up in a layout of Keras, too.
  std::vector<std::string> keras_groups;
  /// Paths that are not to be looked at, and the problems that stand in their place.
  std::map<std::string, Error> deadly;
};

/// The parcel is a row of these, each a number with what it tells.
enum class Finding : std::uint8_t {
  dataset,     ///< path, DescribedDataset
  alias,       ///< path, which of the datasets told before it is
  problem,     ///< path, Error
  note,        ///< Note
  attributes,  ///< of the root group, under their stored names
  keras,       ///< KerasLayout
};

/// Tells `report` all of it. Throws Error when the file cannot be read at all.
void survey(const std::shared_ptr<const File>& file, const SurveyOptions& options,
            ApartReport& report);

}  // namespace tensorferry::hdf5
