# SPDX-FileCopyrightText: The Quiesce Authors
# SPDX-License-Identifier: Apache-2.0

# cmake -P: copies libcr, if it was built, to where the module libcr-java takes its resources from.
set(library ${CMAKE_CURRENT_LIST_DIR}/../build/release/stage/lib/libcr.so.0)
if(EXISTS ${library})
  configure_file(${library} ${CMAKE_CURRENT_LIST_DIR}/../target/jar/linux-x86-64/libcr.so COPYONLY)
else()
  message(STATUS "no libcr.so.0 was built; the jar goes without it")
endif()
