#include "oci/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "oci/default_registry.h"

namespace kiln::oci {
namespace {

const std::string kDigest = "sha256:" + std::string(64, '0');
const std::string kDefault{kDefaultDomain};

struct GoodReference {
  std::string text;
  std::string canonical;
};

TEST(Reference, Expansion) {
  const GoodReference cases[] = {
      {"redis", kDefault + "/library/redis"},
      {"redis:7", kDefault + "/library/redis:7"},
      {"linuxkit/init:0123abcd", kDefault + "/linuxkit/init:0123abcd"},
      {"localhost/init", "localhost/init"},
      {"localhost:5000/init:v1", "localhost:5000/init:v1"},
      {"registry.example/init", "registry.example/init"},
      {"a/b/c", "a/b/c"},
      {"127.0.0.1:5000/a/b/c:v1.2_3-4", "127.0.0.1:5000/a/b/c:v1.2_3-4"},
      {"[::1]:5000/a/b", "[::1]:5000/a/b"},
      {"redis@" + kDigest, kDefault + "/library/redis@" + kDigest},
      {"redis:7@" + kDigest, kDefault + "/library/redis@" + kDigest},
      {"Registry.Example:443/a_b/c__d/e-f/g---h/i.j", "Registry.Example:443/a_b/c__d/e-f/g---h/i.j"},
  };
  for (const GoodReference& good : cases) {
    EXPECT_EQ(Reference::parse(good.text).canonical(), good.canonical) << good.text;
    EXPECT_EQ(Reference::parse(good.canonical).canonical(), good.canonical);
  }
}

TEST(Reference, Parts) {
  const Reference reference = Reference::parse("localhost:5000/a/b:v1@" + kDigest);
  EXPECT_EQ(reference.domain(), "localhost:5000");
  EXPECT_EQ(reference.repository(), "a/b");
  EXPECT_EQ(reference.tag(), "v1");
  EXPECT_EQ(reference.digest(), Digest::parse(kDigest));
  EXPECT_EQ(reference.locator(), "localhost:5000/a/b");
}

struct BadReference {
  std::string text;
  std::string complaint;
};

TEST(Reference, BadOnes) {
  const BadReference cases[] = {
      {"", "it has no name"},
      {":7", "it has no name"},
      {"redis:", "the tag after ':' is empty"},
      {"redis:-7", "tag '-7' must be letters, digits, '_', '.' and '-', not starting with '.' or '-'"},
      {"redis:7:8", "tag '7:8' must be letters, digits, '_', '.' and '-', not starting with '.' or '-'"},
      {"redis:" + std::string(129, 'a'), "the tag has 129 characters, at most 128 are allowed"},
      {"Redis", "repository component 'Redis' has upper-case letters; write it in lower case"},
      {"a/../b", "repository component '..' must be lower-case letters and digits, joined by '.', '_', '__' or dashes"},
      {"a..b", "repository component 'a..b' must be lower-case letters and digits, joined by '.', '_', '__' or dashes"},
      {"a___b",
       "repository component 'a___b' must be lower-case letters and digits, joined by '.', '_', '__' or dashes"},
      {"-a", "repository component '-a' must be lower-case letters and digits, joined by '.', '_', '__' or dashes"},
      {"a b", "repository component 'a b' must be lower-case letters and digits, joined by '.', '_', '__' or dashes"},
      {"a//b", "the repository has an empty component"},
      {"a/b/", "the repository has an empty component"},
      {"/a/b", "registry '' is not a host name"},
      {"-x.example/a", "registry '-x.example' is not a host name"},
      {"a..example/b", "registry 'a..example' is not a host name"},
      {"host:0/b", "port '0' of the registry is not a number from 1 to 65535"},
      {"host:65536/b", "port '65536' of the registry is not a number from 1 to 65535"},
      {"host:x/b", "port 'x' of the registry is not a number from 1 to 65535"},
      {"redis@md5:00", "digest 'md5:00': expected sha256:<64 hex digits>, got algorithm 'md5'"},
      {"redis@", "digest '': expected sha256:<64 hex digits>, got no algorithm"},
      {"http://x/y", "port '' of the registry is not a number from 1 to 65535"},
  };
  for (const BadReference& bad : cases) {
    EXPECT_THAT([&] { Reference::parse(bad.text); },
                testing::ThrowsMessage<Error>(concat("image reference ", quote(bad.text), ": ", bad.complaint)));
  }
  EXPECT_THROW(Reference::parse(std::string(300, 'a')), Error);
}

}  // namespace
}  // namespace kiln::oci
