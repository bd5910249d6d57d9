// The version of the library. CMakeLists.txt reads it from here. C and C++.
#pragma once

#define TENSORFERRY_VERSION_MAJOR 0
#define TENSORFERRY_VERSION_MINOR 1
#define TENSORFERRY_VERSION_PATCH 0
