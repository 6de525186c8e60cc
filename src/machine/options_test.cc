// The small languages of options: sizes, disks, ports, networks, each with the message for what it refuses.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>

#include <fstream>

#include "base/error.h"
#include "base/file.h"
#include "machine/arguments.h"
#include "machine/disk.h"
#include "machine/publish.h"
#include "machine/size.h"

namespace kiln::machine {
namespace {

template <typename Function>
std::string message_of(Function&& function) {
  try {
    function();
  } catch (const Error& error) {
    return error.message();
  }
  return "no error";
}

TEST(Size, ParsesMebibytes) {
  const std::pair<const char*, std::uint64_t> kCases[] = {
      {"512", 512}, {"512M", 512}, {"2G", 2048}, {"2GiB", 2048}, {"1MB", 1},
  };
  for (const auto& [text, mebibytes] : kCases) EXPECT_EQ(parse_mebibytes(text, 1, "--mem"), mebibytes) << text;
  EXPECT_EQ(parse_mebibytes("3", 1024, "size"), 3072U);
}

TEST(Size, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "--mem '': expected a number with M or G after it, like 512M or 2G"},
      {"lots", "--mem 'lots': expected a number with M or G after it, like 512M or 2G"},
      {"5K", "--mem '5K': expected a number with M or G after it, like 512M or 2G"},
      {"-5M", "--mem '-5M': expected a number with M or G after it, like 512M or 2G"},
      {"0", "--mem '0': expected more than nothing"},
      {"99999999999999999999", "--mem '99999999999999999999': expected at most 16777216G"},
      {"99999999999G", "--mem '99999999999G': expected at most 16777216G"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_EQ(message_of([text = text] { parse_mebibytes(text, 1, "--mem"); }), message);
  }
}

TEST(Disk, ParsesItsParts) {
  const std::pair<const char*, DiskRequest> kCases[] = {
      {"data.img", {"data.img", {}, ""}},
      {"size=1G", {"", 1024, ""}},
      {"size=2", {"", 2048, ""}},
      {"file=a=b,size=512M,format=raw", {"a=b", 512, "raw"}},
      {"data.qcow2,format=qcow2", {"data.qcow2", {}, "qcow2"}},
  };
  for (const auto& [text, disk] : kCases) EXPECT_EQ(parse_disk(text), disk) << text;
}

TEST(Disk, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "--disk '': expected file=PATH, size=S or both"},
      {"format=raw", "--disk 'format=raw': expected file=PATH, size=S or both"},
      {"speed=9", "--disk 'speed=9': unknown disk config 'speed': expected file, size or format"},
      {"size=", "--disk 'size=': 'size=' has no value"},
      {"size=x", "--disk 'size=x': size 'x': expected a number with M or G after it, like 512M or 2G"},
      {"a,format=iso", "--disk 'a,format=iso': format 'iso': expected raw, qcow2, vmdk, vdi, vpc or vhdx"},
  };
  for (const auto& [text, message] : kCases) EXPECT_EQ(message_of([text = text] { parse_disk(text); }), message);
}

TEST(Disk, OneThatIsThereIsKeptAndItsFormatSeen) {
  TempDir directory;
  SilentReporter silent;
  write_file(directory.path() / "a", "QFI\xfb and so on");
  write_file(directory.path() / "b", "raw");
  const std::string a = directory.path() / "a";
  const std::string b = directory.path() / "b";
  EXPECT_EQ(prepare_disk({a, 5, ""}, 0, directory.path(), silent), (Disk{a, "qcow2"}));
  EXPECT_EQ(prepare_disk({b, {}, ""}, 0, directory.path(), silent), (Disk{b, "raw"}));
  EXPECT_EQ(prepare_disk({a, {}, "raw"}, 0, directory.path(), silent), (Disk{a, "raw"}));
}

TEST(Disk, AMissingOneNeedsASize) {
  TempDir directory;
  SilentReporter silent;
  const std::string path = directory.path() / "none";
  EXPECT_EQ(message_of([&] {
              prepare_disk({path, {}, ""}, 0, directory.path(), silent);
            }),
            "disk " + quote(path) + " does not exist");
}

TEST(Publish, ParsesPorts) {
  const std::pair<const char*, PublishedPort> kCases[] = {
      {"8080:80", {"127.0.0.1", 8080, 80, false}},
      {"0:22/tcp", {"127.0.0.1", 0, 22, false}},
      {"5353:53/udp", {"127.0.0.1", 5353, 53, true}},
      {"0.0.0.0:8080:80", {"0.0.0.0", 8080, 80, false}},
  };
  for (const auto& [text, port] : kCases) EXPECT_EQ(parse_published_port(text), port) << text;
}

TEST(Publish, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "--publish '': expected [ADDRESS:]HOST:GUEST[/tcp|/udp], like 8080:80"},
      {"80", "--publish '80': expected [ADDRESS:]HOST:GUEST[/tcp|/udp], like 8080:80"},
      {"80:0", "--publish '80:0': guest port '0': expected a number from 1 to 65535"},
      {"65536:80", "--publish '65536:80': host port '65536': expected a number from 0 to 65535"},
      {"80:80x", "--publish '80:80x': guest port '80x': expected a number from 1 to 65535"},
      {"80:80/sctp", "--publish '80:80/sctp': protocol 'sctp': expected tcp or udp"},
      {"here:80:80", "--publish 'here:80:80': 'here': expected an IPv4 address"},
      {"1:2:3:4", "--publish '1:2:3:4': '1:2': expected an IPv4 address"},
  };
  for (const auto& [text, message] : kCases) {
    EXPECT_EQ(message_of([text = text] { parse_published_port(text); }), message);
  }
}

TEST(Publish, ClaimsAFreePortAndRefusesATakenOne) {
  const PublishedPort free = claim_port({"127.0.0.1", 0, 80, false});
  EXPECT_GT(free.host, 0);
  UniqueFd holder{::socket(AF_INET, SOCK_STREAM, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(free.host);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(holder.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(::listen(holder.get(), 1), 0);
  EXPECT_EQ(message_of([&] { claim_port(free); }),
            "publishing guest port 80 at 127.0.0.1:" + std::to_string(free.host) + ": Address already in use");
}

TEST(Network, ParsesKinds) {
  const std::pair<const char*, Network> kCases[] = {
      {"user", {Network::Kind::user, "", {}}},
      {"default", {Network::Kind::user, "", {}}},
      {"none", {Network::Kind::none, "", {}}},
      {"tap,tap0", {Network::Kind::tap, "tap0", {}}},
      {"bridge,br0", {Network::Kind::bridge, "br0", {}}},
  };
  for (const auto& [text, network] : kCases) EXPECT_EQ(parse_network(text), network) << text;
  for (const char* bad : {"", "tap,", "vmnet"}) {
    EXPECT_EQ(message_of([bad] { parse_network(bad); }),
              "--networking " + quote(bad) + ": expected user, none, tap,INTERFACE or bridge,INTERFACE");
  }
}

}  // namespace
}  // namespace kiln::machine
