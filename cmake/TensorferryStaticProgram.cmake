# tensorferry_static_program(TARGET SOURCE): links the program fully statically, at a random address all the same, where
# that works: a dynamic loader would take a quarter of the time of a small conversion. SOURCE stands in for dlopen() then.
include(CheckCXXSourceRuns)

# Relative relocations, exceptions and threads.
set(static_probe "#include <stdexcept>
#include <string>
#include <thread>
const char* const words[] = {\"a\", \"b\"};
int main(int argc, char**) {
  int caught = 0;
  std::thread([&] {
    try { throw std::runtime_error(words[argc % 2]); } catch (const std::exception& e) { caught = e.what()[0] == 'b'; }
  }).join();
  return caught == 1 ? 0 : 1;
}")

function(tensorferry_static_program target source)
  if(NOT TENSORFERRY_STATIC_DEPENDENCIES)
    return()
  endif()
  get_property(libraries GLOBAL PROPERTY TENSORFERRY_LIBRARIES)
  tensorferry_flat_libraries(needed ${libraries} ${TENSORFERRY_CORE_LIBRARIES})
  set(CMAKE_REQUIRED_LIBRARIES Threads::Threads)
  set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie)
  if(NOT CMAKE_CROSSCOMPILING OR CMAKE_CROSSCOMPILING_EMULATOR)
    check_cxx_source_runs("${static_probe}" TENSORFERRY_STATIC_PIE)
    set(CMAKE_REQUIRED_LINK_OPTIONS -static-pie LINKER:-z,pack-relative-relocs)
    check_cxx_source_runs("${static_probe}" TENSORFERRY_STATIC_PIE_RELR)
  endif()
  if(TENSORFERRY_STATIC_PIE AND NOT needed MATCHES "\\.so")
    target_sources(${target} PRIVATE ${source})
    target_link_options(${target} PRIVATE -static-pie LINKER:--wrap=dlopen)
    if(TENSORFERRY_STATIC_PIE_RELR)
      target_link_options(${target} PRIVATE LINKER:-z,pack-relative-relocs)
    endif()
  else()
    target_link_options(${target} PRIVATE -static-libstdc++ -static-libgcc)
  endif()
  target_link_options(${target} PRIVATE LINKER:--gc-sections)
endfunction()
