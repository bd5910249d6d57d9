// Under which keys the tensors of a manifest are written.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bundle_contents.h"

namespace tensorferry::tensorflow {

/// The name that a key or a path in a graph is made from.
std::string shown_name(const Tensor& tensor, const WriteOptions& options);

/// The object graph that came with the manifest: its tensor of that key, or its attribute.
std::optional<std::string> carried_graph(const Manifest& manifest, const Limits& limits);

/// A key for each tensor: its own in the graph that is carried, the path in a graph that is made,
/// otherwise its name. Throws Error(unsupported.name) for keys that a bundle cannot hold,
/// Error(unsupported.name_taken) for keys of several tensors, Error(unsupported.rank); each lists
/// all of them.
std::vector<std::string> keys_of(const Manifest& manifest, const WriteOptions& options);

/// Throws Error(unsupported.name) listing the tensors that need an entry under kMetadataKey and
/// whose keys are not UTF-8, as names there are.
void refuse_untaggable(const Manifest& manifest);

}  // namespace tensorferry::tensorflow
