// Where the elements of a dataset lie.
#pragma once

#include "dataset_reader.h"

namespace tensorferry::hdf5 {

/// Throws Error(unsafe) for elements that lie outside the file, which may not be looked at further;
/// to be called before anything but the creation properties of the dataset is touched.
void refuse_foreign_storage(hid_t creation);

/// The bytes of the elements, row-major. `shape` has elements. Throws Error.
FileRange elements_of(const SharedFile& shared, hid_t dataset, hid_t type, haddr_t address,
                      const Shape& shape, std::uint64_t element_bytes,
                      const DatasetOptions& options);

/// Throws Error when the elements of a dataset of rows are not all there, or filtered in a way that
/// is not handled.
void check_rows(hid_t dataset, const Shape& shape, const DatasetOptions& options);

}  // namespace tensorferry::hdf5
