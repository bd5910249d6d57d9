// What this project's writer says under a key of its own, given back.
#pragma once

#include "tensorferry/manifest.h"

namespace tensorferry::tensorflow {

/// Takes the entries under kMetadataKey out of the manifest, whose names are the keys, and applies
/// them. What is there but no such entries stays a tensor, labelled bookkeeping, with a note.
Manifest apply_own_metadata(Manifest manifest, const Limits& limits);

}  // namespace tensorferry::tensorflow
