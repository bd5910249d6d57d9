# tensorferry_format(NAME): the format in the folder NAME beside the caller.
#
# format.cpp is always compiled: it declares name, extensions, options and probe. The other sources need the
# libraries that dependencies.cmake finds: it sets `libraries` (targets to link) and `generated` (sources made at build
# time), or `missing` (how to get what is not there); then the format is detected and listed, and says so. `probing`
# names sources that the probe uses, without libraries; `parts` targets of generated code.
function(tensorferry_format name)
  set(folder ${CMAKE_CURRENT_SOURCE_DIR}/${name})
  set(libraries "")
  set(generated "")
  set(missing "")
  set(probing "")
  set(parts "")
  if(EXISTS ${folder}/dependencies.cmake)
    include(${folder}/dependencies.cmake)
  endif()
  set(target tensorferry_format_${name})
  if(missing)
    message(STATUS "Format ${name}: not available. ${missing}")
    list(TRANSFORM probing PREPEND ${folder}/)
    tensorferry_part(${target} ${folder}/format.cpp ${probing})
    target_compile_definitions(${target} PRIVATE TENSORFERRY_UNAVAILABLE="${missing}")
  else()
    file(GLOB sources CONFIGURE_DEPENDS ${folder}/*.cpp)
    tensorferry_part(${target} ${sources} ${generated})
    target_link_libraries(${target} PRIVATE ${parts} ${libraries} nlohmann_json::nlohmann_json)
    set_property(GLOBAL APPEND PROPERTY TENSORFERRY_LIBRARIES ${libraries})
  endif()
  target_link_libraries(${target} PRIVATE tensorferry_core)
  target_include_directories(${target} PRIVATE ${folder} ${PROJECT_SOURCE_DIR}/src)
  set_property(GLOBAL APPEND PROPERTY TENSORFERRY_FORMATS ${name})
endfunction()

# Writes the C++ side of the list: builtin_formats() calls make_NAME_format() of each.
function(tensorferry_generate_registry output)
  get_property(formats GLOBAL PROPERTY TENSORFERRY_FORMATS)
  set(declarations "")
  set(calls "")
  foreach(name IN LISTS formats)
    string(APPEND declarations "Format make_${name}_format();\n")
    string(APPEND calls "  formats.push_back(make_${name}_format());\n")
  endforeach()
  configure_file(${PROJECT_SOURCE_DIR}/cmake/builtin_formats.cpp.in ${output} @ONLY)
endfunction()
