// A model as Keras 3 saves it, `.keras`: a zip archive, all members stored.
//
//   metadata.json      {"keras_version": ..., "date_saved": ...}
//   config.json        the layers
//   model.weights.h5   the weights
//   assets/...         whatever layers keep besides
//
// Facts: the sources of Keras 2.12 to 3.15 (saving_lib.py).
#pragma once

#include <memory>

#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

/// The attribute of a file, whether archive or HDF5, that holds the model's configuration.
inline constexpr const char* keras_config = "model_config";
/// The same of the release that wrote it.
inline constexpr const char* keras_version = "keras_version";
inline constexpr const char* keras_weights_member = "model.weights.h5";

struct KerasArchive {
  std::shared_ptr<const File> file;     ///< the HDF5 file
  std::shared_ptr<const File> payload;  ///< the same, which compares its CRC-32 before it is read
  Attributes attributes;                ///< what stands beside it
};

bool is_zip(const File& file);

/// Throws Error(corrupt), Error(unsafe), and Error(unsupported.keras) for an archive of another
/// kind.
KerasArchive open_keras_archive(const std::shared_ptr<const File>& file, const Limits& limits);

}  // namespace tensorferry::hdf5
