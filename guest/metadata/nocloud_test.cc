#include "metadata/nocloud.h"

#include <gtest/gtest.h>

#include "metadata/results.h"

namespace guest {
namespace {

using Files = std::vector<std::pair<std::string, std::string>>;

TEST(NoCloud, MetaDataOfEveryForm) {
  const char* kForms[] = {
      "instance-id: i-1\nlocal-hostname: node1\npublic-keys:\n  - ssh-ed25519 A\n  - \"ssh-rsa B\"\n",
      "# a comment\ninstance-id: 'i-1'\r\nhostname: \"node1\" \r\npublic-keys:\r\n- ssh-ed25519 A\r\n- ssh-rsa B # "
      "x\r\n",
      R"({"instance-id": "i-1", "local-hostname": "node1", "public-keys": ["ssh-ed25519 A", "ssh-rsa B"]})",
      R"({"hostname": "other", "local-hostname": "node1", "instance-id": "i-1", "public_keys": {"a": "ssh-ed25519 A", "b": "ssh-rsa B"}})",
      "instance-id: i-1\nlocal-hostname: node1\nhostname: other\npublic_keys:\n- ssh-ed25519 A\n- ssh-rsa "
      "B\nnetwork:\n  hostname: no\n",
  };
  for (const char* text : kForms) {
    Metadata found;
    parse_meta_data(text, found);
    EXPECT_EQ(found.hostname, "node1") << text;
    EXPECT_EQ(found.ssh_keys, "ssh-ed25519 A\nssh-rsa B\n") << text;
    EXPECT_EQ(found.files, (Files{{"instance_id", "i-1"}})) << text;
  }
}

TEST(NoCloud, Cmdline) {
  CmdlineMetadata found = read_cmdline_metadata(
      Cmdline{"quiet kiln.metadata=http://a/b kiln.hostname=n \"kiln.ssh_key=ssh-rsa A me\" kiln.ssh_key=k2"});
  EXPECT_EQ(found.url, "http://a/b");
  EXPECT_EQ(found.hostname, "n");
  EXPECT_EQ(found.ssh_keys, "ssh-rsa A me\nk2\n");
  found = read_cmdline_metadata(Cmdline{"ds=nocloud-net;s=http://a/b/;h=n;i=x"});
  EXPECT_EQ(found.url, "http://a/b/");
  EXPECT_EQ(found.hostname, "n");
  EXPECT_EQ(found.instance_id, "x");
  found = read_cmdline_metadata(Cmdline{"\"ds=nocloud;seedfrom=http://c/;local-hostname=m\""});
  EXPECT_EQ(found.url, "http://c/");
  EXPECT_EQ(found.hostname, "m");
}

std::string iso(const std::string& label) {
  std::string disk(kLabelBytes, '\0');
  disk.replace(32768, 6,
               "\x01"
               "CD001");
  disk.replace(32768 + 40, 32, label + std::string(32 - label.size(), ' '));
  return disk;
}

std::string fat(std::size_t at, const std::string& label) {
  std::string disk(kLabelBytes, '\0');
  disk.replace(510, 2, "\x55\xaa");
  disk.replace(at, 3, "FAT");
  disk.replace(at - 11, 11, label + std::string(11 - label.size(), ' '));
  return disk;
}

TEST(NoCloud, Labels) {
  std::string type;
  EXPECT_EQ(filesystem_label(iso("cidata"), type), "cidata");
  EXPECT_EQ(type, "iso9660");
  EXPECT_EQ(filesystem_label(fat(54, "CIDATA"), type), "CIDATA");
  EXPECT_EQ(type, "vfat");
  EXPECT_EQ(filesystem_label(fat(82, "CIDATA"), type), "CIDATA");
  for (const std::string& other :
       {std::string{}, std::string(512, '\0'), std::string(kLabelBytes, '\0'), iso("x").substr(0, 32768 + 100)})
    EXPECT_EQ(filesystem_label(other, type), "");
}

TEST(NoCloud, HostNames) {
  EXPECT_EQ(clean_hostname("node1\n"), "node1");
  EXPECT_EQ(clean_hostname(" node1.example \r\nmore"), "node1.example");
  for (const std::string& bad :
       {std::string{"a b"}, std::string{"a/b"}, std::string(65, 'x'), std::string{"a\x1b"}, std::string{}})
    EXPECT_EQ(clean_hostname(bad), "") << bad;
}

}  // namespace
}  // namespace guest
