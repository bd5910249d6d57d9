# tensorferry_library(NAME SOURCES...): a static library with the project's language level and warnings.
function(tensorferry_library name)
  add_library(${name} STATIC ${ARGN})
  tensorferry_settings(${name})
endfunction()

# tensorferry_part(NAME SOURCES...): compiled once, and a part of the static and of the shared library.
function(tensorferry_part name)
  add_library(${name} OBJECT ${ARGN})
  tensorferry_settings(${name})
  set_property(GLOBAL APPEND PROPERTY TENSORFERRY_PARTS ${name})
endfunction()

# tensorferry_generated_part(NAME SOURCES...): the same of generated code, which is not held to the project's warnings.
function(tensorferry_generated_part name)
  add_library(${name} OBJECT ${ARGN})
  target_compile_features(${name} PUBLIC cxx_std_20)
  target_compile_options(${name} PRIVATE -w)
  set_property(GLOBAL APPEND PROPERTY TENSORFERRY_PARTS ${name})
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
