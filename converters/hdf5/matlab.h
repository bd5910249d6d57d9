// MATLAB's empty arrays, version 7.3 of its files: a dataset cannot say 0 x 3 there, so it holds
// the extents as its elements, and the attribute MATLAB_empty is 1 (the attributes are described in
// MathWorks's MAT-file documentation and in hdf5storage).
#pragma once

#include "tensorferry/manifest.h"

namespace tensorferry::hdf5 {

/// Turns `tensor`, described as its dataset says, into the empty array that it stands for: the
/// shape is what its elements say, the dtype what MATLAB_class says where that is a dtype. Nothing
/// happens to any other tensor. Throws Error(corrupt.matlab) for what cannot be extents.
void restore_matlab_empty(Tensor& tensor);

}  // namespace tensorferry::hdf5
