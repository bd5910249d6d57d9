// The raw format: files of bytes, and a manifest.json that says what they mean.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

Format make_raw_format();
std::shared_ptr<const Reader> make_raw_reader();
std::shared_ptr<const Writer> make_raw_writer();

}  // namespace tensorferry
