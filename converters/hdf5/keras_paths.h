// Paths of variables in the files that Keras's saving_lib writes: GROUP/.../vars/NUMBER.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

using Components = std::vector<std::string_view>;

/// At slashes, and at backslashes, which Keras 2 puts between its groups on Windows.
Components split_path(std::string_view path);

/// With slashes in between.
std::string join_path(std::span<const std::string_view> parts);

/// A whole number without a sign and without zeros in front.
bool is_number(std::string_view text);

/// .../vars/N
bool is_variable(const Components& parts);

/// Whether components[at] is the list of a model's layers: `layers`, and until Keras 2.14
/// `_layer_checkpoint_dependencies`.
bool is_layer_list(std::string_view component);

/// What a variable is: of the optimizer or of metrics, of the model or of one within it, or a
/// weight.
Role keras_role(const Components& parts);

/// How many components lead to the model that an optimizer or metric belongs to; all of them for a
/// weight.
std::size_t components_of_model(const Components& parts);

/// By role, then by components, in which runs of digits count by their value: dense_2 before
/// dense_10.
bool path_less(const Components& a, const Components& b);

}  // namespace tensorferry::hdf5
