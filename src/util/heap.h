// The C library's heap.
#pragma once

#include <cstdint>

namespace tensorferry {

/// Tells the heap that about `bytes` will be allocated in small parts, so that the system may give
/// them in large pages: each page costs a fault at its first touch, and a model of many small
/// tensors is mostly descriptions. A hint: no effect where there is little to gain, or where the
/// system has no such pages.
void expect_allocations(std::uint64_t bytes);

}  // namespace tensorferry
