# What cmake --install puts where. Components: runtime (program, shared library, manual page, completions) and
# development (headers, static library, find_package and pkg-config files). Included by src/api/CMakeLists.txt, which
# sets `libraries`: what the static library needs.
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/tensorferry)
install(DIRECTORY ${PROJECT_SOURCE_DIR}/include/tensorferry DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_SOURCE_DIR}/LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT runtime)
install(TARGETS tensorferry EXPORT tensorferry-static
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)
install(EXPORT tensorferry-static NAMESPACE tensorferry:: DESTINATION ${package_dir} COMPONENT development)
if(TENSORFERRY_SHARED)
  install(TARGETS tensorferry_shared EXPORT tensorferry-shared
          LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development)
  install(EXPORT tensorferry-shared NAMESPACE tensorferry:: DESTINATION ${package_dir} COMPONENT development)
endif()

tensorferry_flat_libraries(TENSORFERRY_NEEDED ${libraries})
# What a program in C has to name as well.
set(TENSORFERRY_CXX_RUNTIME ${CMAKE_CXX_IMPLICIT_LINK_LIBRARIES})
list(FILTER TENSORFERRY_CXX_RUNTIME INCLUDE REGEX "^(stdc\\+\\+|c\\+\\+|c\\+\\+abi|m)$")
list(REMOVE_DUPLICATES TENSORFERRY_CXX_RUNTIME)
configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/tensorferry-config.cmake.in
                              ${CMAKE_CURRENT_BINARY_DIR}/tensorferry-config.cmake
                              INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# As ${TENSORFERRY_ABI}: before 1.0 minor versions do not replace each other.
if(PROJECT_VERSION_MAJOR EQUAL 0)
  set(compatibility SameMinorVersion)
else()
  set(compatibility SameMajorVersion)
endif()
write_basic_package_version_file(${CMAKE_CURRENT_BINARY_DIR}/tensorferry-config-version.cmake
                                 COMPATIBILITY ${compatibility})
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tensorferry-config.cmake
              ${CMAKE_CURRENT_BINARY_DIR}/tensorferry-config-version.cmake
        DESTINATION ${package_dir} COMPONENT development)

# pkg-config: relative to the .pc file, so that the installed tree can be moved.
tensorferry_linker_flags(needed_flags ${TENSORFERRY_NEEDED})
list(TRANSFORM TENSORFERRY_CXX_RUNTIME PREPEND -l OUTPUT_VARIABLE runtime_flags)
list(JOIN runtime_flags " " runtime_flags)
string(APPEND needed_flags " ${runtime_flags} -pthread")
set(TENSORFERRY_PC_LIBS "")
set(TENSORFERRY_PC_LIBS_PRIVATE "${needed_flags}")
if(NOT TENSORFERRY_SHARED)
  set(TENSORFERRY_PC_LIBS "${needed_flags}")
  set(TENSORFERRY_PC_LIBS_PRIVATE "")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}" OR IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(TENSORFERRY_PC_PREFIX "${CMAKE_INSTALL_PREFIX}")
  set(TENSORFERRY_PC_LIBDIR "${CMAKE_INSTALL_FULL_LIBDIR}")
  set(TENSORFERRY_PC_INCLUDEDIR "${CMAKE_INSTALL_FULL_INCLUDEDIR}")
else()
  file(RELATIVE_PATH up "/prefix/${CMAKE_INSTALL_LIBDIR}/pkgconfig" "/prefix")
  string(REGEX REPLACE "/$" "" up "${up}")
  set(TENSORFERRY_PC_PREFIX "\${pcfiledir}/${up}")
  set(TENSORFERRY_PC_LIBDIR "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
  set(TENSORFERRY_PC_INCLUDEDIR "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/tensorferry.pc.in ${CMAKE_CURRENT_BINARY_DIR}/tensorferry.pc @ONLY)
install(FILES ${CMAKE_CURRENT_BINARY_DIR}/tensorferry.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig
        COMPONENT development)
