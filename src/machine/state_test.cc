#include "machine/state.h"

#include <gtest/gtest.h>

#include <fcntl.h>

#include <regex>

#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

TEST(State, AddressesAreMadeOnceAndKept) {
  TempDir directory;
  const std::filesystem::path path = directory.path() / "os-state";
  State first{path};
  const std::string mac = first.mac();
  const std::string uuid = first.uuid();
  EXPECT_TRUE(std::regex_match(mac, std::regex{"[0-9a-f][26ae](:[0-9a-f]{2}){5}"})) << mac;
  EXPECT_TRUE(std::regex_match(uuid, std::regex{"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"}))
      << uuid;
  State second{path};
  EXPECT_EQ(second.mac(), mac);
  EXPECT_EQ(second.uuid(), uuid);
  EXPECT_NE(State{directory.path() / "other"}.mac(), mac);
}

TEST(State, ADamagedAddressIsReplaced) {
  TempDir directory;
  write_file(directory.path() / "mac-addr", "02:00:00:00:00:0,romfile=/etc/passwd");
  State state{directory.path()};
  EXPECT_EQ(state.mac().size(), 17U);
}

TEST(State, RefusesTheDirectoryOfARunningMachine) {
  TempDir directory;
  write_file(directory.path() / "qemu.pid", "4711\n");
  State{directory.path()};  // a pidfile left behind is no machine
  UniqueFd qemu{::open((directory.path() / "qemu.pid").c_str(), O_RDWR)};
  struct flock lock = {};
  lock.l_type = F_WRLCK;
  lock.l_whence = SEEK_SET;
  ASSERT_EQ(::fcntl(qemu.get(), F_OFD_SETLK, &lock), 0);
  try {
    State{directory.path()};
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.message(), "a machine is running in " + quote(directory.path().native()) + ", process '4711'");
  }
}

}  // namespace
}  // namespace kiln::machine
