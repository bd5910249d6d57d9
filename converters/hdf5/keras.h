// What Keras keeps in HDF5 files: which weights there are, in which order, and what it calls them.
//
//   legacy   /                    layer_names = [LAYER, ...], also split: layer_names0, ...
//            /LAYER               weight_names = [NAME, ...] (or an empty array of any type)
//            /LAYER/NAME          a dataset
//            a whole model has that below /model_weights, and /optimizer_weights with weight_names
//   weights  .../vars/0, 1, ...   the variables of one object, by number; since Keras 3.6 its name
//                                 is the attribute `name` of vars
//            /layers/L/vars       a layer: L is its class, and a number that counts the class in
//                                 the model; layers nest. Not its name (keras_config.h)
//            /optimizer/vars
//
// Facts: the sources of Keras 2.0.5, 2.12 to 2.15, tf_keras 2.21 and Keras 3.0 to 3.15
// (legacy_h5_format.py, saving_lib.py).
//
// What needs the HDF5 library comes first (keras_layout), names are made of its result alone.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "file_driver.h"
#include "read_attributes.h"
#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

struct KerasWeight {
  /// Of the dataset, without a leading slash.
  std::string path;
  /// As Keras means it. Of a `weights` layout it is empty until name_weights().
  std::string name;
  Role role = Role::weight;
};

struct KerasLayout {
  enum class Kind : std::uint8_t { legacy, weights } kind;
  /// In Keras's order; of a `weights` layout in any order until name_weights(). A legacy file may
  /// list what it does not have.
  std::vector<KerasWeight> weights;
  /// Of a `weights` layout: names that the file gives, by the path of the group that has `vars`.
  std::map<std::string, std::string> group_names;

  /// Takes in the other layout, of another part of the same weights.
  void add(KerasLayout other);
};

/// The layout of an open file whose datasets have `paths`; nothing when it is not Keras's. The
/// names of `other_groups` are looked up, too. Throws Error(corrupt) when it is, and damaged.
std::optional<KerasLayout> keras_layout(OpenFile& file, const std::vector<std::string>& paths,
                                        const std::vector<std::string>& other_groups,
                                        AttributeBudget& budget);

/// Of the legacy files, and of the weights files: the two kinds of it.
std::optional<KerasLayout> keras_legacy(OpenFile& file, AttributeBudget& budget);
std::optional<KerasLayout> keras_weights(OpenFile& file, const std::vector<std::string>& paths,
                                         const std::vector<std::string>& other_groups,
                                         AttributeBudget& budget);

/// What was read of one HDF5 file, or of several that are one model.
struct Contents {
  Manifest manifest = {};
  /// Of the datasets, in the order of the tensors.
  std::vector<std::string> paths = {};
  std::optional<KerasLayout> keras = {};
};

/// The tensors in Keras's order, what it does not name last, with their roles. With `rename` they
/// have its names, and the paths are the attribute `hdf5.path`; else its names are the attribute
/// `keras.name`. A name that would not be unique, or is not certain, stays a path. What a legacy
/// file lists and does not have becomes a tensor with a problem.
/// \pre contents.keras
Manifest apply_keras(Contents contents, bool rename, const Limits& limits);

/// Names the weights of contents.keras, a `weights` layout, and puts them into the order of the
/// model, as far as the file and the model's configuration say both. The others keep their paths;
/// the note says how many, and why.
std::optional<Note> name_weights(Contents& contents, const Limits& limits);

}  // namespace tensorferry::hdf5
