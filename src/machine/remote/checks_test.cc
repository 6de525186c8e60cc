#include "machine/remote/checks.h"

#include <gtest/gtest.h>

#include "base/file.h"
#include "machine/remote/secret.h"
#include "machine/remote/testing.h"

namespace kiln::machine {
namespace {

using testing_::FakeTransport;
using testing_::message_of;
using testing_::reply;

constexpr std::uint64_t kMebibyte = 1 << 20;

TEST(CheckSuits, AcceptsWhatFitsAndWhatIsNotKnown) {
  check_suits({"web", "arm64", 100 * kMebibyte}, {"system 1", "arm64", 1024 * kMebibyte});
  check_suits({"web", "", 0}, {"system 1", "arm64", 1024 * kMebibyte});
  check_suits({"web", "arm64", 100 * kMebibyte}, {"system 1", "", 0});
}

TEST(CheckSuits, RefusesAnotherArchitecture) {
  EXPECT_EQ(message_of([] {
              check_suits({"web", "amd64", 0}, {"system 1", "arm64", 0});
            }),
            "'web' is for amd64, and system 1 is a machine of arm64\n"
            "hint: build it for the machine: kiln build --arch arm64");
}

TEST(CheckSuits, RefusesAnInitramfsLargerThanMemory) {
  EXPECT_EQ(
      message_of([] {
        check_suits({"web", "arm64", 500 * kMebibyte}, {"system 1", "arm64", 512 * kMebibyte});
      }),
      "the initramfs of 'web' is 524 MB, and system 1 has 537 MB of memory, of which the kernel needs 67.1 MB itself\n"
      "hint: leave out what it does not need, or take a machine with more memory");
}

TEST(CheckUrl, AsksWithHead) {
  FakeTransport transport{[](const auto&) { return reply(200, "", {{"content-length", "4096"}}); }};
  EXPECT_EQ(check_url(transport, "http://files/boot.efi", "--boot-url"), 4096U);
  EXPECT_EQ(transport.requests, (std::vector<std::string>{"HEAD /boot.efi"}));
}

TEST(CheckUrl, SaysWhatIsWrong) {
  FakeTransport missing{[](const auto&) { return reply(404); }};
  EXPECT_EQ(message_of([&] { check_url(missing, "http://files/boot.efi", "--boot-url"); }),
            "--boot-url 'http://files/boot.efi': the server answers 404\n"
            "hint: the machine would not find it either; is the address right, and the file there?");
}

TEST(Exchange, ExplainsCertificates) {
  FakeTransport transport{[](const auto&) -> http::Reply {
    throw http::TransportError{http::TransportError::Kind::permanent,
                               "'bmc': SSL certificate problem: self-signed certificate"};
  }};
  http::ClientRequest request;
  request.url = "https://bmc/redfish/v1/";
  EXPECT_EQ(
      message_of([&] { exchange(transport, request, "the BMC"); }),
      "the BMC: 'bmc': SSL certificate problem: self-signed certificate\n"
      "hint: give the certificate authority it is signed by with --ca-file, or do without verifying it: --insecure");
}

TEST(ApiUrl, IsEncryptedOrLocalOrAllowed) {
  check_api_url("https://10.0.0.2", false, "--bmc");
  check_api_url("http://127.0.0.1:8000", false, "--bmc");
  check_api_url("http://10.0.0.2", true, "--bmc");
  EXPECT_EQ(message_of([] { check_api_url("http://10.0.0.2", false, "--bmc"); }),
            "--bmc 'http://10.0.0.2': what is sent there would not be encrypted\n"
            "hint: use https://, or allow it with --insecure");
  EXPECT_EQ(message_of([] { check_api_url("ftp://10.0.0.2", false, "--bmc"); }),
            "--bmc 'ftp://10.0.0.2': expected a URL like https://10.0.0.2");
}

TEST(Secret, IsTheFirstLineOfTheFileOrAVariable) {
  TempDir directory;
  const std::string file = directory.path() / "password";
  write_file(file, "s3cret\nmore\n");
  EXPECT_EQ(read_secret({"password", file, {"KILN_TEST_SECRET"}, "--password-file"}), "s3cret");
  ::setenv("KILN_TEST_SECRET", "other", 1);
  EXPECT_EQ(read_secret({"password", "", {"KILN_TEST_UNSET", "KILN_TEST_SECRET"}, "--password-file"}), "other");
  write_file(file, "\n");
  EXPECT_EQ(message_of([&] {
              read_secret({"password", file, {}, "--password-file"});
            }),
            "--password-file " + quote(file) + ": its first line is empty");
}

TEST(WaitUntil, EndsWhenItIsSoOrInTime) {
  testing_::FakeWaiter waiter;
  int asked = 0;
  EXPECT_TRUE(wait_until(waiter, std::chrono::seconds{60}, std::chrono::seconds{2}, [&] { return ++asked == 3; }));
  EXPECT_EQ(waiter.now(), std::chrono::seconds{4});
  EXPECT_FALSE(wait_until(waiter, std::chrono::seconds{5}, std::chrono::seconds{2}, [] { return false; }));
  EXPECT_EQ(waiter.now(), std::chrono::seconds{9});
}

}  // namespace
}  // namespace kiln::machine
