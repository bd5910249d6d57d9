// Tests of bounded work ask for the processor's time: it hardly depends on what else runs.
#pragma once

#include <ctime>

/// Of this process, since it began.
inline double cpu_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }
