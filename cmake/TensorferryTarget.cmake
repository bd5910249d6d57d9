# tensorferry_library(NAME SOURCES...): a static library with the project's language level and warnings.
function(tensorferry_library name)
  add_library(${name} STATIC ${ARGN})
  tensorferry_settings(${name})
endfunction()

# tensorferry_settings(TARGET): language level and warnings, for programs too.
function(tensorferry_settings name)
  target_compile_features(${name} PUBLIC cxx_std_20)
  set_target_properties(${name} PROPERTIES CXX_EXTENSIONS OFF)
  target_compile_options(${name} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                         -Wnon-virtual-dtor
                         # GCC 12 warns of string concatenation: its bug 105651.
                         $<$<CXX_COMPILER_ID:GNU>:-Wno-restrict> $<$<BOOL:${TENSORFERRY_WARNINGS_AS_ERRORS}>:-Werror>)
  target_compile_definitions(${name} PRIVATE _GLIBCXX_ASSERTIONS)
endfunction()
