// The parts of the safetensors format. Facts: the README and the Rust code of the safetensors
// project, version 0.8.
#pragma once

#include <memory>

#include "tensorferry/format.h"

namespace tensorferry {

std::shared_ptr<const Reader> make_safetensors_reader();
std::shared_ptr<const Writer> make_safetensors_writer();

}  // namespace tensorferry
