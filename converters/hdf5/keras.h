// What Keras keeps in HDF5 files: which weights there are, in which order, and what it calls them.
//
//   legacy   /                    layer_names = [LAYER, ...], also split: layer_names0,
//   layer_names1, ...
//            /LAYER               weight_names = [NAME, ...] (or an empty array of any type)
//            /LAYER/NAME          a dataset
//            a whole model has that below /model_weights, and /optimizer_weights with weight_names
//   weights  .../vars/0, 1, ...   the variables of one object, by number; its name is the attribute
//                                 `name` of vars, where there is one
//            /layers/L/vars       a layer; /optimizer/vars; layers nest
//
// Facts: the sources of Keras 2.0.5, tf_keras 2.21 and Keras 3.15 (legacy_h5_format.py,
// saving_lib.py).
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "file_driver.h"
#include "read_attributes.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

struct KerasWeight {
  std::string path;  ///< of the dataset, without a leading slash
  std::string name;  ///< as Keras means it
  Role role = Role::weight;
};

struct KerasLayout {
  enum class Kind : std::uint8_t { legacy, weights } kind;
  std::vector<KerasWeight> weights;  ///< in Keras's order
};

/// Puts the weights of a `weights` layout into the order that a model's configuration (JSON) gives
/// its layers. Anything that is not understood leaves the order as it is.
void order_by_config(KerasLayout& layout, const std::string& config, const Limits& limits);

/// The layout of an open file whose datasets have `paths`; nothing when it is not Keras's. Throws
/// Error(corrupt.keras) when it is, and damaged. To be called in a ReadScope.
std::optional<KerasLayout> keras_layout(OpenFile& file, const std::vector<std::string>& paths,
                                        AttributeBudget& budget);

/// Of the legacy files, and of the weights files: the two kinds of it.
std::optional<std::vector<KerasWeight>> keras_legacy(OpenFile& file, AttributeBudget& budget);
std::optional<std::vector<KerasWeight>> keras_weights(OpenFile& file,
                                                      const std::vector<std::string>& paths,
                                                      AttributeBudget& budget);

/// Orders the tensors of `manifest` (which have `paths`) as Keras does, what it does not name last,
/// and tells their roles. With `rename` they get its names, and the paths become the attribute
/// `hdf5.path`; else its names become the attribute `keras.name`. A name that would not be unique
/// stays a path.
void apply_keras(Manifest& manifest, const std::vector<std::string>& paths,
                 const KerasLayout& layout, bool rename);

}  // namespace tensorferry::hdf5
