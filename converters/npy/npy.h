// NumPy's .npy: one array a file.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

Format make_npy_format();
std::shared_ptr<const Writer> make_npy_writer();

}  // namespace tensorferry
