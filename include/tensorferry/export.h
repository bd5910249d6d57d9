// What the shared library offers: what public headers declare, and nothing else. C and C++.
#pragma once

/// Stands before the name of the namespace in each public header, and before each C function.
#ifdef __cplusplus
#define TENSORFERRY_API [[gnu::visibility("default")]]
#else
#define TENSORFERRY_API __attribute__((visibility("default")))
#endif
