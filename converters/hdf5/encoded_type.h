// A type that the library holds, as it would be stored.
#pragma once

#include "datatype_message.h"
#include "file_driver.h"

namespace tensorferry::hdf5 {

/// Throws Error.
Datatype encoded_type(hid_t type);

}  // namespace tensorferry::hdf5
