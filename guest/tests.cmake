# The unit tests of the guest's logic, and its fuzz targets where the compiler has libFuzzer.
find_package(GTest REQUIRED)
enable_testing()

add_executable(guest_tests
  applets/applets_test.cc
  applets/flags_test.cc
  base/json_test.cc
  base/text_test.cc
  boot/cmdline_test.cc
  boot/memory_test.cc
  boot/xattrs_test.cc
  container/mount_options_test.cc
  container/spec_test.cc
  container/zygote_test.cc
  disk/block_devices_test.cc
  disk/probe_test.cc
  metadata/cloud_test.cc
  metadata/nocloud_test.cc
  metadata/user_data_test.cc
  modules/index_test.cc
  modules/pattern_test.cc
  net/address_test.cc
  net/dns_message_test.cc
  net/http_client_test.cc
  net/http_message_test.cc
  net/url_test.cc
  supervise/call_home_test.cc
  supervise/control_test.cc
  supervise/deaf_test.cc
  supervise/log_file_test.cc
  supervise/service_state_test.cc
)
target_link_libraries(guest_tests PRIVATE guest GTest::gtest_main)
include(GoogleTest)
gtest_discover_tests(guest_tests TEST_PREFIX "guest.")

# libFuzzer comes with clang. Elsewhere each target runs over its seeds, which keeps it compiling and the seeds good.
function(add_guest_fuzz name source)
  add_executable(${name}_fuzz ${source})
  target_link_libraries(${name}_fuzz PRIVATE guest)
  if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
    target_link_options(${name}_fuzz PRIVATE -fsanitize=fuzzer)
    add_test(NAME guest.fuzz.${name}
      COMMAND ${name}_fuzz -runs=20000 ${CMAKE_CURRENT_BINARY_DIR}/corpus-${name} ${CMAKE_CURRENT_SOURCE_DIR}/testdata/fuzz/${name})
    file(MAKE_DIRECTORY ${CMAKE_CURRENT_BINARY_DIR}/corpus-${name})
  else()
    target_sources(${name}_fuzz PRIVATE tests/replay.cc)
    add_test(NAME guest.fuzz.${name} COMMAND ${name}_fuzz ${CMAKE_CURRENT_SOURCE_DIR}/testdata/fuzz/${name})
  endif()
endfunction()

if(CMAKE_CXX_COMPILER_ID MATCHES Clang)
  target_compile_options(guest PUBLIC -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined)
  target_link_options(guest PUBLIC -fsanitize=address,undefined)
endif()
add_guest_fuzz(json base/json_fuzz.cc)
add_guest_fuzz(probe disk/probe_fuzz.cc)
add_guest_fuzz(modules modules/modules_fuzz.cc)
add_guest_fuzz(xattrs boot/xattrs_fuzz.cc)
add_guest_fuzz(cmdline boot/cmdline_fuzz.cc)
add_guest_fuzz(http_message net/http_message_fuzz.cc)
add_guest_fuzz(dns_message net/dns_message_fuzz.cc)
add_guest_fuzz(metadata metadata/metadata_fuzz.cc)
add_guest_fuzz(user_data metadata/user_data_fuzz.cc)
