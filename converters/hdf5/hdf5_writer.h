// The parts of the HDF5 format. (Not hdf5.h: that is the library's own header.)
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

/// One dataset for each tensor, groups from slashes. README.md beside this file tells the
/// conventions.
std::shared_ptr<const Writer> make_hdf5_writer();

}  // namespace tensorferry
