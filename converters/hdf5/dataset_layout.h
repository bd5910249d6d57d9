// Where the elements of a dataset lie.
#pragma once

#include <string>
#include <vector>

#include "datatype_message.h"
#include "description.h"
#include "file_driver.h"
#include "object_header.h"

namespace tensorferry::hdf5 {

/// A dataset as its object header has it.
struct DatasetHeader {
  hid_t dataset = -1;
  haddr_t address = 0;
  /// Where the addresses of its file count from.
  std::uint64_t base = 0;
  std::vector<HeaderMessage> messages;
  Datatype type;

  /// Throws Error for a header without a type that can be read.
  DatasetHeader(hid_t dataset, haddr_t address);
};

/// Throws Error for a fill value that the library would read out of a heap unchecked, which it does
/// whenever it is asked for the creation properties; to be called before that.
void check_fill_value(const DatasetHeader& header);

/// Throws Error(unsafe) for elements that lie outside the file, which may not be looked at further;
/// to be called before anything but the creation properties of the dataset is touched.
void refuse_foreign_storage(hid_t creation);

struct StoredElements {
  Elements where;
  /// What was never written, with its verb: "3 of its 10 chunks were"; else empty.
  std::string never_written;
  /// It reads as the fill value, which is 0 where none was set; otherwise as 0 in want of any.
  bool has_fill = true;
};

/// `shape` is that of the dataset, and has elements. Elements of variable length are the references
/// (global_heap.h) that are stored in their place. Throws Error.
StoredElements elements_of(const DatasetHeader& header, const Shape& shape);

}  // namespace tensorferry::hdf5
