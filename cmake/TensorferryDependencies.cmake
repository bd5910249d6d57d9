# What the core needs. A format's own libraries are named in its folder (converters/NAME/dependencies.cmake).
find_package(Threads REQUIRED)

find_package(nlohmann_json 3.10 QUIET)
if(NOT nlohmann_json_FOUND)
  message(FATAL_ERROR "nlohmann-json is missing (it parses manifests): install nlohmann-json3-dev")
endif()

if(TENSORFERRY_STATIC_DEPENDENCIES)
  set(OPENSSL_USE_STATIC_LIBS ON)
endif()
find_package(OpenSSL 3 QUIET COMPONENTS Crypto)
if(NOT OPENSSL_CRYPTO_LIBRARY)
  message(FATAL_ERROR "libcrypto is missing (it computes SHA-256): install libssl-dev")
endif()

# Only a static library or only a shared one may be there.
set(ZLIB_USE_STATIC_LIBS ${TENSORFERRY_STATIC_DEPENDENCIES})
find_package(ZLIB QUIET)
if(NOT ZLIB_FOUND AND TENSORFERRY_STATIC_DEPENDENCIES)
  set(ZLIB_USE_STATIC_LIBS OFF)
  find_package(ZLIB QUIET)
endif()
if(NOT ZLIB_FOUND)
  message(FATAL_ERROR "zlib is missing (it inflates the members of zip archives): install zlib1g-dev")
endif()

# Two to three times as fast as zlib at compressing whole blocks, which it does where it is there.
find_path(TENSORFERRY_LIBDEFLATE_INCLUDE_DIR libdeflate.h)
if(TENSORFERRY_STATIC_DEPENDENCIES)
  find_library(TENSORFERRY_LIBDEFLATE_LIBRARY NAMES libdeflate.a deflate)
else()
  find_library(TENSORFERRY_LIBDEFLATE_LIBRARY NAMES deflate)
endif()
mark_as_advanced(TENSORFERRY_LIBDEFLATE_INCLUDE_DIR TENSORFERRY_LIBDEFLATE_LIBRARY)
