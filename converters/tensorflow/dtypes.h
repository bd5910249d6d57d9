// DataType numbers of TensorFlow (framework/types.proto).
#pragma once

#include <cstdint>

#include "tensorferry/dtype.h"

namespace tensorferry::tensorflow {

/// The logical dtype of a number; a number above 100 is a reference to the type 100 below.
/// DType::unknown for others.
DType dtype_of_code(std::int32_t code);

/// The number of a logical dtype; 0 where there is none.
std::int32_t code_of_dtype(DType dtype);

}  // namespace tensorferry::tensorflow
