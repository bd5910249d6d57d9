// Paths of variables in the files that Keras's saving_lib writes: GROUP/.../vars/NUMBER.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

using Components = std::vector<std::string_view>;

Components split_path(std::string_view path);

/// The first `count` components with slashes in between.
std::string join_path(const Components& parts, std::size_t count);

/// A whole number without a sign and without zeros in front.
bool is_number(std::string_view text);

/// .../vars/N
bool is_variable(const Components& parts);

/// Whether components[at] is the list of a model's layers: `layers`, and until Keras 2.14
/// `_layer_checkpoint_dependencies`.
bool is_layer_list(std::string_view component);

/// What the variables below a path are: of the optimizer, of metrics, or weights.
Role keras_role(const Components& parts);

/// By role, then by components, in which runs of digits count by their value: dense_2 before
/// dense_10.
bool path_less(const Components& a, const Components& b);

}  // namespace tensorferry::hdf5
