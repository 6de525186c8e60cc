# The guest's program (guest/, a CMake project of its own: other compiler, no exceptions, static) for every target
# architecture whose compiler is found. It lands in guest/ARCH/kiln-guest and, through the link, where an installed Kiln
# has it (cli/locations.h). BUILD_ALWAYS: only the guest's own build knows whether its sources changed.

include(ExternalProject)
include(GNUInstallDirs)

set(KILN_GUEST_COMPILERS
    "amd64=x86_64-linux-gnu-g++" "arm64=aarch64-linux-gnu-g++" "riscv64=riscv64-linux-gnu-g++")

file(MAKE_DIRECTORY ${CMAKE_BINARY_DIR}/guest ${CMAKE_BINARY_DIR}/libexec/kiln)
file(CREATE_LINK ${CMAKE_BINARY_DIR}/guest ${CMAKE_BINARY_DIR}/libexec/kiln/guest SYMBOLIC)

# kiln_guest(ARCH COMPILER): target guest_ARCH. The compiler for the host's own architecture has its long name too.
function(kiln_guest architecture compiler)
  string(REPLACE "-g++" "" triplet ${compiler})
  find_program(KILN_GUEST_CXX_${architecture} ${compiler})
  set(cxx ${KILN_GUEST_CXX_${architecture}})
  if(NOT cxx)
    message(STATUS "guest: no ${compiler}, so no guest for ${architecture}")
    return()
  endif()
  string(REGEX REPLACE "-linux-gnu.*" "" processor ${triplet})
  ExternalProject_Add(guest_${architecture}
    SOURCE_DIR ${CMAKE_SOURCE_DIR}/guest
    BINARY_DIR ${CMAKE_BINARY_DIR}/guest-build/${architecture}
    PREFIX ${CMAKE_BINARY_DIR}/guest-build/${architecture}-steps
    CMAKE_ARGS -G Ninja
               -DCMAKE_SYSTEM_NAME=Linux
               -DCMAKE_SYSTEM_PROCESSOR=${processor}
               -DCMAKE_CXX_COMPILER=${cxx}
               -DCMAKE_BUILD_TYPE=Release
               -DKILN_GUEST_TESTS=OFF
    BUILD_COMMAND ${CMAKE_COMMAND} --build <BINARY_DIR> --target kiln-guest
    BUILD_ALWAYS ON
    INSTALL_COMMAND ${CMAKE_COMMAND} -E make_directory ${CMAKE_BINARY_DIR}/guest/${architecture}
    COMMAND ${CMAKE_COMMAND} -E copy_if_different <BINARY_DIR>/kiln-guest ${CMAKE_BINARY_DIR}/guest/${architecture}/kiln-guest
    BUILD_BYPRODUCTS ${CMAKE_BINARY_DIR}/guest/${architecture}/kiln-guest)
  install(PROGRAMS ${CMAKE_BINARY_DIR}/guest/${architecture}/kiln-guest
          DESTINATION ${CMAKE_INSTALL_LIBEXECDIR}/kiln/guest/${architecture})
endfunction()

if(EXISTS ${CMAKE_SOURCE_DIR}/guest/CMakeLists.txt)
  foreach(pair ${KILN_GUEST_COMPILERS})
    string(REPLACE "=" ";" pair ${pair})
    kiln_guest(${pair})
  endforeach()
endif()
