// What the configuration of a model says of the names of its layers.
//
// Keras numbers the groups of a model's layers by class: a list of layers [Dense "a", Conv2D "b",
// Dense "c"] becomes the groups dense, conv2d, dense_1. So the entries of a class in config.json
// and the groups of that class are two sequences in the same order. They do not always have the
// same length:
//
//   Keras 3        counts every layer; one without variables, or one that was saved before at
//                  another place (inside a wrapper, in another model), leaves its number out
//   2.14 and later does not count what was saved before
//   2.12, 2.13     counts layers with weights twice: dense, dense_2, dense_4
//
// In Keras 3 the number is the place. Before that the sequences are matched in order, and only when
// they have the same length after what has certainly no group has been taken away; else the groups
// of that class have no names: rather no name than that of another layer.
#pragma once

#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "keras.h"
#include "keras_paths.h"
#include "util/json.h"

namespace tensorferry::hdf5 {

class LayerNames {
 public:
  struct Found {
    /// Names of the layers that lead to the variable, from the outermost on.
    std::vector<std::string> names;
    /// How many components of the path these stand for.
    std::size_t components = 0;
    /// Places of the layers in the lists of their models.
    std::vector<std::size_t> places;
  };

  /// `config` is JSON; when it is not understood, nothing is ever found. `version` is that of
  /// Keras. `layout` and `shapes` (of tensors, by path) stay the caller's.
  LayerNames(const std::string& config, const std::string& version, const KerasLayout& layout,
             const std::map<std::string, const Shape*>& shapes, const Limits& limits);

  Found find(const Components& parts);

 private:
  struct Member {
    const Json* layer = nullptr;
    std::size_t place = 0;
  };
  using Members = std::map<std::string, Member, std::less<>>;
  struct Class;

  void find_repeated(const Json& value);
  const Members& members_of(const std::string& list, const Json& layers);
  Members match(const std::string& list, const Json& layers) const;
  std::map<std::string, Class> classes_of(const Json& layers) const;
  Members match_class(const std::string& list, const Class& one) const;
  bool has_only(const std::string& list) const;
  bool fits(const Json& layer, const std::string& group) const;

  Json root_;
  bool counts_all_;  // Keras 3
  const KerasLayout& layout_;
  const std::map<std::string, const Shape*>& shapes_;
  /// Groups of weights, by the path of the group that they lie in.
  std::map<std::string, std::set<std::string>> present_;
  std::map<std::string, Members> matched_;
  /// Layers of which an earlier entry is the same object.
  std::set<const Json*> repeated_;
  std::set<std::pair<std::string, std::string>> seen_;
};

}  // namespace tensorferry::hdf5
