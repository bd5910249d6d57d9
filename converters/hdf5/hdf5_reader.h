// The reader's side of the HDF5 format. (Not hdf5.h: that is the library's own header.)
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

/// Any HDF5 file, and what Keras keeps in them. README.md beside this file tells the conventions.
std::shared_ptr<const Reader> make_hdf5_reader();

}  // namespace tensorferry
