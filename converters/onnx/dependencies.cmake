# The ONNX schema comes from the system (libonnx-dev). It is compiled here under a package and a file name of our own: a
# host program that links ONNX itself would otherwise have every message class twice, with other fields.
# Libraries are named by path: imported targets are not seen by the folders that link the program.
# The reader and the patcher need no library.
set(probing external_data.cpp graph_reader.cpp message.cpp patch_text.cpp patcher.cpp reader.cpp sparse.cpp
    tensor_fields.cpp tensors.cpp types.cpp)
find_package(Protobuf QUIET)
find_file(TENSORFERRY_ONNX_PROTO onnx/onnx.proto)
mark_as_advanced(TENSORFERRY_ONNX_PROTO)

if(NOT Protobuf_PROTOC_EXECUTABLE OR NOT Protobuf_LITE_LIBRARY OR NOT TENSORFERRY_ONNX_PROTO)
  set(missing "this build has no ONNX schema: install libonnx-dev, libprotobuf-dev and protobuf-compiler and configure again")
else()
  set(schema_dir ${CMAKE_CURRENT_BINARY_DIR}/onnx_schema)
  set(schema ${schema_dir}/tensorferry_onnx)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${TENSORFERRY_ONNX_PROTO})
  file(READ ${TENSORFERRY_ONNX_PROTO} schema_text)
  string(REGEX REPLACE "\npackage onnx;" "\npackage tensorferry.onnx_schema;" renamed_text "${schema_text}")
  if(renamed_text STREQUAL schema_text)
    message(FATAL_ERROR "${TENSORFERRY_ONNX_PROTO} has no line \"package onnx;\" to replace")
  endif()
  file(CONFIGURE OUTPUT ${schema}.proto CONTENT "${renamed_text}" @ONLY)
  add_custom_command(
    OUTPUT ${schema}.pb.cc ${schema}.pb.h
    COMMAND ${Protobuf_PROTOC_EXECUTABLE} --proto_path=${schema_dir} --cpp_out=${schema_dir} ${schema}.proto
    DEPENDS ${schema}.proto
    VERBATIM)

  set(protobuf_lite ${Protobuf_LITE_LIBRARY})
  if(TENSORFERRY_STATIC_DEPENDENCIES)
    find_library(TENSORFERRY_PROTOBUF_LITE_STATIC libprotobuf-lite.a)
    mark_as_advanced(TENSORFERRY_PROTOBUF_LITE_STATIC)
    if(TENSORFERRY_PROTOBUF_LITE_STATIC)
      set(protobuf_lite ${TENSORFERRY_PROTOBUF_LITE_STATIC})
    endif()
  endif()

  add_library(tensorferry_onnx_schema STATIC ${schema}.pb.cc)
  target_compile_features(tensorferry_onnx_schema PUBLIC cxx_std_20)
  target_compile_options(tensorferry_onnx_schema PRIVATE -w)
  target_include_directories(tensorferry_onnx_schema SYSTEM PUBLIC ${schema_dir} ${Protobuf_INCLUDE_DIRS})
  target_link_libraries(tensorferry_onnx_schema PUBLIC ${protobuf_lite} Threads::Threads)
  set(libraries tensorferry_onnx_schema)
endif()
