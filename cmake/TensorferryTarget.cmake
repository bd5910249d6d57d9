# tensorferry_library(NAME SOURCES...): a static library with the project's language level and warnings.
function(tensorferry_library name)
  add_library(${name} STATIC ${ARGN})
  tensorferry_settings(${name})
endfunction()

# tensorferry_part(NAME SOURCES...): compiled once, and a part of the static and of the shared library.
function(tensorferry_part name)
  add_library(${name} OBJECT ${ARGN})
  tensorferry_settings(${name})
  tensorferry_precompile(${name})
  set_property(GLOBAL APPEND PROPERTY TENSORFERRY_PARTS ${name})
endfunction()

# tensorferry_generated_part(NAME SOURCES...): the same of generated code, which is not held to the project's warnings.
function(tensorferry_generated_part name)
  add_library(${name} OBJECT ${ARGN})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_compile_options(${name} PRIVATE -w)
  set_property(GLOBAL APPEND PROPERTY TENSORFERRY_PARTS ${name})
endfunction()

# tensorferry_precompile(TARGET): what nearly all of the library includes is parsed once, when the core is compiled: a
# third of the time. Lint compiles without, so that every file names what it uses.
function(tensorferry_precompile name)
  if(NOT PROJECT_IS_TOP_LEVEL)
    return()
  elseif(name STREQUAL "tensorferry_core")
    set(headers error format input layout manifest stream)
    list(TRANSFORM headers REPLACE "(.+)" "${PROJECT_SOURCE_DIR}/include/tensorferry/\\1.h")
    target_precompile_headers(${name} PRIVATE <algorithm> <cstring> <functional> <map> <memory> <optional> <span> <string>
                              <string_view> <utility> <vector> ${headers})
  else()
    target_precompile_headers(${name} REUSE_FROM tensorferry_core)
  endif()
  # The same bug as below: GCC 12 sees it once strings come from a precompiled header.
  target_compile_options(${name} PRIVATE $<$<CXX_COMPILER_ID:GNU>:-Wno-stringop-overflow>)
endfunction()

# tensorferry_settings(TARGET): language level and warnings, for programs too.
function(tensorferry_settings name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                         $<$<COMPILE_LANGUAGE:CXX>:-Wnon-virtual-dtor>
                         # GCC 12 warns of string concatenation: its bug 105651.
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<BOOL:${TENSORFERRY_WARNINGS_AS_ERRORS}>:-Werror>)
  target_compile_definitions(${name} PRIVATE _GLIBCXX_ASSERTIONS)
endfunction()
