#include "metadata/cloud.h"

#include <gtest/gtest.h>

#include <map>

#include "metadata/nocloud.h"

namespace guest {
namespace {

/// A metadata service: answers from a table, and records what it was asked.
class FakeWeb : public Web {
 public:
  explicit FakeWeb(std::map<std::string, std::string> pages) : pages_(std::move(pages)) {}

  bool fetch(const Request& request, std::string& body) override {
    std::string line = std::string{request.method} + " " + request.url.text();
    for (const std::string& header : request.headers) line += " [" + header + "]";
    if (request.privileged_port) line += " [privileged]";
    asked_.push_back(line);
    auto found = pages_.find(std::string{request.method} + " " + request.url.text());
    if (found != pages_.end()) body = found->second;
    return found != pages_.end();
  }
  bool reached() const override { return true; }

  std::map<std::string, std::string> pages_;
  std::vector<std::string> asked_;
};

using Files = std::vector<std::pair<std::string, std::string>>;

TEST(Cloud, AwsWithAToken) {
  const std::string base = "http://169.254.169.254/latest/";
  FakeWeb web{{{"PUT " + base + "api/token", "abc\n"},
               {"GET " + base + "meta-data/hostname", "node1"},
               {"GET " + base + "meta-data/instance-id", "i-1"},
               {"GET " + base + "meta-data/public-keys/0/openssh-key", "ssh-ed25519 AAAA me"},
               {"GET " + base + "user-data", "#!/bin/sh"}}};
  Metadata found;
  ASSERT_TRUE(ask_cloud(*find_cloud("aws"), web, found));
  EXPECT_EQ(found.provider, "AWS");
  EXPECT_EQ(found.hostname, "node1");
  EXPECT_EQ(found.ssh_keys, "ssh-ed25519 AAAA me\n");
  EXPECT_EQ(found.files, (Files{{"instance_id", "i-1"}}));
  EXPECT_EQ(found.user_data, "#!/bin/sh");
  EXPECT_EQ(web.asked_[0], "PUT " + base + "api/token [X-aws-ec2-metadata-token-ttl-seconds: 300]");
  EXPECT_EQ(web.asked_[1], "GET " + base + "meta-data/hostname [X-aws-ec2-metadata-token: abc]");
}

TEST(Cloud, ATokenCannotAddHeaders) {
  FakeWeb web{{{"PUT http://169.254.169.254/latest/api/token", "abc\r\nEvil: 1"}}};
  Metadata found;
  EXPECT_FALSE(ask_cloud(*find_cloud("aws"), web, found));
  EXPECT_EQ(web.asked_[1], "GET http://169.254.169.254/latest/meta-data/hostname");
}

TEST(Cloud, ByTheTable) {
  struct Case {
    const char* name;
    std::map<std::string, std::string> pages;
    Metadata expected;
  };
  const std::string link = "GET http://169.254.169.254";
  const std::string google = "GET http://metadata.google.internal/computeMetadata/v1/";
  const Case kCases[] = {
      {"hetzner",
       {{link + "/latest/meta-data/hostname", "h"}, {link + "/latest/meta-data/public-keys", "[\"k1\",\"k2\"]"}},
       {"Hetzner", "h", "k1\nk2\n", std::nullopt, {}}},
      {"gcp",
       {{google + "instance/hostname", "g"},
        {google + "project/attributes/ssh-keys", "me:k1\nyou:k2\nnonsense\n"},
        {google + "instance/attributes/user-data", "u"}},
       {"GCP", "g", "k1\nk2\n", "u", {}}},
      {"digitalocean",
       {{link + "/metadata/v1/", "id\n"},
        {link + "/metadata/v1/hostname", "d"},
        {link + "/metadata/v1/region", "fra1"},
        {link + "/metadata/v1/user-data", "u"}},
       {"DigitalOcean", "d", "", "u", {{"region", "fra1"}}}},
      {"vultr",
       {{link + "/v1/", "x"}, {link + "/v1/hostname", "v"}, {link + "/v1/region/regioncode", "AMS"}},
       {"Vultr", "v", "", std::nullopt, {{"region_code", "AMS"}}}},
      {"metaldata",
       {{"GET http://metaldata/get/meta/hostname", "m"}, {"GET http://metaldata/get/user", "u"}},
       {"metaldata", "m", "", "u", {}}},
  };
  for (const Case& row : kCases) {
    FakeWeb web{row.pages};
    Metadata found;
    ASSERT_TRUE(ask_cloud(*find_cloud(row.name), web, found)) << row.name;
    EXPECT_EQ(found.provider, row.expected.provider);
    EXPECT_EQ(found.hostname, row.expected.hostname) << row.name;
    EXPECT_EQ(found.ssh_keys, row.expected.ssh_keys) << row.name;
    EXPECT_EQ(found.user_data, row.expected.user_data) << row.name;
    EXPECT_EQ(found.files, row.expected.files) << row.name;
    FakeWeb empty{{}};
    EXPECT_FALSE(ask_cloud(*find_cloud(row.name), empty, found)) << row.name;
  }
}

TEST(Cloud, GoogleWantsItsHeader) {
  FakeWeb web{{}};
  Metadata found;
  ask_cloud(*find_cloud("gcp"), web, found);
  EXPECT_EQ(web.asked_,
            (std::vector<std::string>{
                "GET http://metadata.google.internal/computeMetadata/v1/instance/hostname [Metadata-Flavor: Google]"}));
}

TEST(Cloud, Scaleway) {
  FakeWeb web{{{"GET http://169.254.42.42/conf",
                "ID=1-2\nHOSTNAME='sc'\nSSH_PUBLIC_KEYS=2\nSSH_PUBLIC_KEYS_0_KEY='ssh-rsa A B'\n"
                "SSH_PUBLIC_KEYS_1_KEY=k2\nPRIVATE_IP=10.0.0.1\n"},
               {"GET http://169.254.42.42/user_data/cloud-init", "u"}}};
  Metadata found;
  ASSERT_TRUE(ask_scaleway(web, found));
  EXPECT_EQ(found.hostname, "sc");
  EXPECT_EQ(found.ssh_keys, "ssh-rsa A B\nk2\n");
  EXPECT_EQ(found.files, (Files{{"instance_id", "1-2"}, {"private_ip", "10.0.0.1"}}));
  EXPECT_EQ(found.user_data, "u");
  EXPECT_EQ(web.asked_[1], "GET http://169.254.42.42/user_data/cloud-init [privileged]");
  EXPECT_FALSE(parse_scaleway_conf("<html>not found</html>", found));
}

TEST(Cloud, Vendors) {
  EXPECT_TRUE(is_vendor(*find_cloud("hetzner"), "Hetzner vServer"));
  EXPECT_TRUE(is_vendor(*find_cloud("gcp"), "Google Google Compute Engine"));
  EXPECT_FALSE(is_vendor(*find_cloud("aws"), "QEMU Standard PC"));
  EXPECT_FALSE(is_vendor(*find_cloud("metaldata"), "metaldata"));
  EXPECT_EQ(find_cloud("azure"), nullptr);
}

TEST(NoCloud, OverHttp) {
  FakeWeb web{{{"GET http://boot:8080/x/user-data", "u"}}};
  Metadata found;
  EXPECT_TRUE(ask_nocloud({"boot", 8080, "/x"}, web, found));
  EXPECT_EQ(found.user_data, "u");
  FakeWeb both{{{"GET http://boot/meta-data", "local-hostname: n\n"}}};
  EXPECT_TRUE(ask_nocloud({"boot", 80, "/"}, both, found));
  EXPECT_EQ(found.hostname, "n");
  EXPECT_EQ(found.user_data, std::nullopt);
  FakeWeb empty{{}};
  EXPECT_FALSE(ask_nocloud({"boot", 80, "/"}, empty, found));
}

}  // namespace
}  // namespace guest
