# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# quiesce_layer(NAME context=frozen|restorer|normal DEPENDS layer... SOURCES file...)
# Makes the OBJECT library quiesce_NAME. Its own folder and those of DEPENDS (each named: not transitive) are its include path.
function(quiesce_layer name)
  cmake_parse_arguments(ARG "" "CONTEXT" "DEPENDS;SOURCES" ${ARGN})
  add_library(quiesce_${name} OBJECT ${ARG_SOURCES})
  target_include_directories(quiesce_${name} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR} ${CMAKE_SOURCE_DIR}/include)
  set_property(TARGET quiesce_${name} PROPERTY QUIESCE_CONTEXT ${ARG_CONTEXT})
  set_property(TARGET quiesce_${name} PROPERTY QUIESCE_FOLDER ${CMAKE_CURRENT_SOURCE_DIR})
  set_property(TARGET quiesce_${name} PROPERTY QUIESCE_OBJECTS $<TARGET_OBJECTS:quiesce_${name}>)
  foreach(layer ${ARG_DEPENDS})
    get_property(folder TARGET quiesce_${layer} PROPERTY QUIESCE_FOLDER)
    target_include_directories(quiesce_${name} PRIVATE ${folder})
    if(layer STREQUAL proto)
      target_include_directories(quiesce_${name} PRIVATE ${CMAKE_BINARY_DIR}/src/proto ${NANOPB_INCLUDE})
      add_dependencies(quiesce_${name} quiesce_proto)
    endif()
  endforeach()
  if(ARG_CONTEXT STREQUAL frozen)
    # A frozen function runs while other threads may hold any lock: no lazy binding, no stack protector call into libc.
    # Nor loops that the compiler turns into calls of strlen, which is an indirect function of libc.
    target_compile_options(quiesce_${name} PRIVATE -fno-stack-protector -fno-plt $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns>)
  elseif(ARG_CONTEXT STREQUAL restorer)
    target_compile_options(quiesce_${name} PRIVATE -ffreestanding -fno-stack-protector -fno-builtin
        $<$<C_COMPILER_ID:GNU>:-fno-tree-loop-distribute-patterns> -mno-red-zone)
  endif()
endfunction()

# quiesce_add_layers(TARGET layer...): the objects of these layers, and their folders as include path.
function(quiesce_add_layers target)
  foreach(layer ${ARGN})
    get_property(folder TARGET quiesce_${layer} PROPERTY QUIESCE_FOLDER)
    target_include_directories(${target} PRIVATE ${folder})
    target_sources(${target} PRIVATE $<TARGET_OBJECTS:quiesce_${layer}>)
  endforeach()
endfunction()

# quiesce_test(NAME SOURCES file... LAYERS layer... [LIBRARIES lib...]): one TAP program; exit status 77 means skipped.
function(quiesce_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "SOURCES;LAYERS;LIBRARIES;LABELS" ${ARGN})
  add_executable(${name} ${ARG_SOURCES})
  quiesce_add_layers(${name} ${ARG_LAYERS})
  target_include_directories(${name} PRIVATE ${CMAKE_SOURCE_DIR}/include ${CMAKE_SOURCE_DIR}/tests/support
      ${CMAKE_BINARY_DIR}/src/proto ${NANOPB_INCLUDE})
  target_link_libraries(${name} PRIVATE ${ARG_LIBRARIES} ${NANOPB_LIBRARY})
  add_test(NAME ${name} COMMAND ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 60)
  endif()
  set_tests_properties(${name} PROPERTIES SKIP_RETURN_CODE 77 TIMEOUT ${ARG_TIMEOUT} LABELS "${ARG_LABELS}")
endfunction()
