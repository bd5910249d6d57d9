# protobuf (lite runtime and protoc) for the messages in schemas/tensorflow, snappy for compressed blocks of the index.
# Libraries are named by path: imported targets are not seen by the folders that link the program.
set(probing v1_files.cpp graph_sniff.cpp)
find_package(Protobuf QUIET)
set(protobuf_lite ${Protobuf_LITE_LIBRARY})
if(TENSORFERRY_STATIC_DEPENDENCIES)
  find_library(TENSORFERRY_PROTOBUF_LITE_STATIC libprotobuf-lite.a)
  mark_as_advanced(TENSORFERRY_PROTOBUF_LITE_STATIC)
  if(TENSORFERRY_PROTOBUF_LITE_STATIC)
    set(protobuf_lite ${TENSORFERRY_PROTOBUF_LITE_STATIC})
  endif()
endif()

find_path(TENSORFERRY_SNAPPY_INCLUDE_DIR snappy.h)
if(TENSORFERRY_STATIC_DEPENDENCIES)
  find_library(TENSORFERRY_SNAPPY_LIBRARY NAMES libsnappy.a snappy)
else()
  find_library(TENSORFERRY_SNAPPY_LIBRARY NAMES snappy)
endif()
mark_as_advanced(TENSORFERRY_SNAPPY_INCLUDE_DIR TENSORFERRY_SNAPPY_LIBRARY)

if(NOT protobuf_lite OR NOT Protobuf_INCLUDE_DIR OR NOT Protobuf_PROTOC_EXECUTABLE)
  set(missing "this build has no protobuf: install libprotobuf-dev and protobuf-compiler and configure again")
elseif(NOT TENSORFERRY_SNAPPY_LIBRARY OR NOT TENSORFERRY_SNAPPY_INCLUDE_DIR)
  set(missing "this build has no snappy: install libsnappy-dev and configure again")
else()
  set(schemas ${PROJECT_SOURCE_DIR}/schemas)
  set(schema_output ${PROJECT_BINARY_DIR}/generated/schemas)
  set(schema_sources "")
  file(MAKE_DIRECTORY ${schema_output})
  file(GLOB schema_files CONFIGURE_DEPENDS RELATIVE ${schemas} ${schemas}/tensorflow/*.proto)
  foreach(schema IN LISTS schema_files)
    string(REGEX REPLACE "\\.proto$" "" stem ${schema})
    list(APPEND schema_sources ${schema_output}/${stem}.pb.cc ${schema_output}/${stem}.pb.h)
  endforeach()
  list(TRANSFORM schema_files PREPEND ${schemas}/ OUTPUT_VARIABLE schema_paths)
  add_custom_command(
    OUTPUT ${schema_sources}
    COMMAND ${Protobuf_PROTOC_EXECUTABLE} --cpp_out=${schema_output} -I${schemas} ${schema_files}
    DEPENDS ${schema_paths}
    COMMENT "Compiling schemas/tensorflow"
    VERBATIM)

  tensorferry_generated_part(tensorferry_tensorflow_schemas ${schema_sources})
  target_include_directories(tensorferry_tensorflow_schemas SYSTEM PUBLIC ${schema_output}
                             ${Protobuf_INCLUDE_DIR} ${TENSORFERRY_SNAPPY_INCLUDE_DIR})
  set(parts tensorferry_tensorflow_schemas)
  set(libraries ${protobuf_lite} ${TENSORFERRY_SNAPPY_LIBRARY})
endif()
