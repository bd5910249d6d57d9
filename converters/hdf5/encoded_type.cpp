#include "encoded_type.h"

#include "tensorferry/error.h"

namespace tensorferry::hdf5 {

Datatype encoded_type(hid_t type) {
  constexpr std::size_t kFront = 2;  // | number of the message: u8 | version of the encoding: u8 |
  constexpr std::string_view kReading = "read a type";
  std::size_t bytes = 0;
  readable(H5Tencode(type, nullptr, &bytes), kReading);
  std::string encoded(bytes, '\0');
  readable(H5Tencode(type, encoded.data(), &bytes), kReading);
  if (bytes <= kFront) throw Error(ErrorCode::corrupt, "hdf5", "its type cannot be read");
  return parse_datatype(std::string_view(encoded).substr(kFront));
}

}  // namespace tensorferry::hdf5
