// Where the elements of a dataset lie.
#pragma once

#include "dataset_reader.h"

namespace tensorferry::hdf5 {

/// Throws Error for a fill value that the library would read out of a heap unchecked, which it does
/// whenever it is asked for the creation properties; to be called before that.
void check_fill_value(hid_t dataset, haddr_t address);

/// Throws Error(unsafe) for elements that lie outside the file, which may not be looked at further;
/// to be called before anything but the creation properties of the dataset is touched.
void refuse_foreign_storage(hid_t creation);

/// The bytes of the elements, row-major. `shape` has elements. Throws Error.
FileRange elements_of(const SharedFile& shared, hid_t dataset, hid_t type, haddr_t address,
                      const Shape& shape, std::uint64_t element_bytes,
                      const DatasetOptions& options);

/// The references (global_heap.h) that are stored in place of elements of variable length. Throws
/// Error.
FileRange references_of(const SharedFile& shared, hid_t dataset, haddr_t address,
                        const Shape& shape, const DatasetOptions& options);

}  // namespace tensorferry::hdf5
