# How every folder of src/ becomes a library, its tests a ctest program and its fuzz targets executables.

set(KILN_WARNINGS -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Werror)

# GCC 12 warns of overlapping copies where std::string's operator+ is inlined (GCC bug 105651); there are none.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  list(APPEND KILN_WARNINGS -Wno-restrict)
endif()

# Optimised with assertions: slow paths stay visible in tests, and a violated assumption aborts.
set(CMAKE_CXX_FLAGS_RELWITHASSERTS "-O2 -g1" CACHE STRING "" FORCE)
set(CMAKE_C_FLAGS_RELWITHASSERTS "-O2 -g1" CACHE STRING "" FORCE)

# -O3 makes nothing here faster that counts (libraries compress, hash and inflate), and the program larger.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG" CACHE STRING "" FORCE)

add_library(kiln_options INTERFACE)
target_compile_options(kiln_options INTERFACE ${KILN_WARNINGS})
target_include_directories(kiln_options INTERFACE ${CMAKE_SOURCE_DIR}/src)
if(KILN_SANITIZE)
  target_compile_options(kiln_options INTERFACE -fsanitize=${KILN_SANITIZE} -fno-omit-frame-pointer)
  target_link_options(kiln_options INTERFACE -fsanitize=${KILN_SANITIZE})
endif()
if(KILN_FUZZ)
  target_compile_options(kiln_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
  target_link_options(kiln_options INTERFACE -fsanitize=fuzzer-no-link,address,undefined)
endif()

# A fuzz target NAME_fuzz.cc and its ctest: a short run from the seeds in testdata/fuzz/NAME. What it finds on the way is
# kept in the build directory, so that later runs start where this one ended.
set(KILN_FUZZ_SECONDS 10 CACHE STRING "How long ctest runs each fuzz target")
function(kiln_fuzz_target library source)
  get_filename_component(target ${source} NAME_WE)
  string(REGEX REPLACE "_fuzz$" "" subject ${target})
  add_executable(${target} ${source})
  target_link_libraries(${target} PRIVATE kiln_${library})
  target_link_options(${target} PRIVATE -fsanitize=fuzzer)
  set(corpus ${CMAKE_BINARY_DIR}/corpus/${library}-${subject})
  file(MAKE_DIRECTORY ${corpus})
  set(seeds ${CMAKE_CURRENT_SOURCE_DIR}/testdata/fuzz/${subject})
  if(NOT IS_DIRECTORY ${seeds})
    set(seeds)
  endif()
  add_test(NAME fuzz.${library}.${subject}
    COMMAND ${target} -max_total_time=${KILN_FUZZ_SECONDS} -timeout=10 -rss_limit_mb=2048 -print_final_stats=1
            -artifact_prefix=${corpus}/ ${corpus} ${seeds})
  set_tests_properties(fuzz.${library}.${subject} PROPERTIES LABELS fuzz TIMEOUT 300)
endfunction()

# kiln_library(NAME SOURCES … [LINK …] [TESTS …] [FUZZ …])
#   Library kiln_NAME; its tests are one program NAME_test; each FUZZ source a program of its own (preset "fuzz").
function(kiln_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINK;TESTS;FUZZ" ${ARGN})
  add_library(kiln_${name} STATIC ${arg_SOURCES})
  target_link_libraries(kiln_${name} PUBLIC kiln_options ${arg_LINK})
  if(KILN_TESTS AND arg_TESTS)
    add_executable(${name}_test ${arg_TESTS})
    target_link_libraries(${name}_test PRIVATE kiln_${name} GTest::gtest GTest::gmock GTest::gtest_main)
    target_compile_definitions(${name}_test PRIVATE KILN_TESTDATA="${CMAKE_CURRENT_SOURCE_DIR}/testdata")
    gtest_discover_tests(${name}_test TEST_PREFIX "${name}." PROPERTIES LABELS unit TIMEOUT 120 DISCOVERY_TIMEOUT 60)
  endif()
  if(KILN_FUZZ)
    foreach(source ${arg_FUZZ})
      kiln_fuzz_target(${name} ${source})
    endforeach()
  endif()
endfunction()
