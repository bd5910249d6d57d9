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
