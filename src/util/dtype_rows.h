// Tables with a row for each of some dtypes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "tensorferry/dtype.h"

namespace tensorferry {

/// Finds the row of a dtype, the member `dtype` of a Row, in constant time.
template <typename Row, std::size_t count>
class DTypeRows {
 public:
  /// Keeps a reference. Of several rows of a dtype the first one counts.
  constexpr explicit DTypeRows(const std::array<Row, count>& rows) : rows_(rows) {
    static_assert(count < 255);
    for (std::size_t i = count; i-- > 0;)
      places_[static_cast<std::size_t>(rows[i].dtype)] = static_cast<std::uint8_t>(i + 1);
  }

  /// Null when there is none, and for DType::unknown.
  const Row* find(DType dtype) const {
    const auto index = static_cast<std::size_t>(dtype);
    const std::size_t place = index < places_.size() ? places_[index] : 0;
    return place == 0 || dtype == DType::unknown ? nullptr : &rows_[place - 1];
  }

 private:
  const std::array<Row, count>& rows_;
  std::array<std::uint8_t, static_cast<std::size_t>(DType::unknown) + 1> places_ = {};  // row + 1
};

}  // namespace tensorferry
