// Where the chunks of a dataset lie, as the library finds them in any of its indexes.
#pragma once

#include <vector>

#include "description.h"
#include "file_driver.h"

namespace tensorferry::hdf5 {

/// The chunks that were written, by index. Looks for each that could be. Throws Error.
std::vector<ChunkPlace> find_chunks(hid_t dataset, const Shape& shape, const Shape& chunk);

}  // namespace tensorferry::hdf5
