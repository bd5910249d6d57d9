// The one way in which this library lists folders.
#pragma once

#include <string>
#include <vector>

#include "tensorferry/error.h"

namespace tensorferry {

struct ListedEntry {
  std::string name;
  unsigned char type;  ///< DT_REG, DT_DIR, ...; DT_UNKNOWN where the file system does not say
};

/// Error(CODE.listing), unless the system says something more special, such as "permission".
Error listing_error(ErrorCode code, const char* operation, int error, const std::string& shown);

/// Every entry of the folder `directory` but "." and "..", in no order. Throws Error(code) when the
/// system fails at any point: a listing is whole or an error, never a shorter one.
std::vector<ListedEntry> list_directory(int directory, ErrorCode code, const std::string& shown);

}  // namespace tensorferry
