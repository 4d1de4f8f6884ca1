# find_package(mimalloc): the targets `mimalloc` and `mimalloc-static`.

get_filename_component(MIMALLOC_PREFIX "${CMAKE_CURRENT_LIST_DIR}/../../.." ABSOLUTE)
set(MIMALLOC_INCLUDE_DIR "${MIMALLOC_PREFIX}/include")
set(MIMALLOC_LIBRARY_DIR "${MIMALLOC_PREFIX}/lib")

include(CMakeFindDependencyMacro)
find_dependency(Threads)

# A C++ library that becomes a part of the program has the function that new fails with only if something asks for it. Older
# versions cannot tell C++ from C, where nobody has it.
if(NOT CMAKE_VERSION VERSION_LESS 3.18)
  set(MIMALLOC_LINK_OPTIONS "$<$<LINK_LANGUAGE:CXX>:-Wl,-u,_ZSt17__throw_bad_allocv>")
endif()

if(NOT TARGET mimalloc)
  add_library(mimalloc SHARED IMPORTED)
  set_target_properties(mimalloc PROPERTIES
    IMPORTED_LOCATION "${MIMALLOC_LIBRARY_DIR}/libmimalloc_rs.so"
    IMPORTED_SONAME "libmimalloc_rs.so.0"
    INTERFACE_INCLUDE_DIRECTORIES "${MIMALLOC_INCLUDE_DIR}"
    INTERFACE_LINK_OPTIONS "${MIMALLOC_LINK_OPTIONS}")
endif()

if(NOT TARGET mimalloc-static)
  add_library(mimalloc-static STATIC IMPORTED)
  set_target_properties(mimalloc-static PROPERTIES
    IMPORTED_LOCATION "${MIMALLOC_LIBRARY_DIR}/libmimalloc_rs.a"
    INTERFACE_INCLUDE_DIRECTORIES "${MIMALLOC_INCLUDE_DIR}"
    INTERFACE_LINK_OPTIONS "${MIMALLOC_LINK_OPTIONS}"
    INTERFACE_LINK_LIBRARIES "Threads::Threads;${CMAKE_DL_LIBS};m")
endif()

set(mimalloc_FOUND TRUE)
