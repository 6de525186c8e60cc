#include "oci/endpoints.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"
#include "oci/default_registry.h"

namespace kiln::oci {
namespace {

using testing::ElementsAre;
using testing::ThrowsMessage;

std::string text_of(const Endpoint& endpoint) {
  return concat(endpoint.scheme, endpoint.scheme.empty() ? "" : "://", endpoint.repository.canonical(),
                endpoint.insecure ? " insecure" : "", endpoint.is_mirror ? " mirror" : "");
}

struct Reading {
  const char* name;
  std::vector<std::string> mirrors;
  const char* conf;
  std::string reference;
  std::vector<std::string> endpoints;
};

constexpr char kDigest[] = "sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

TEST(Endpoints, ForReading) {
  const std::string hub{kDefaultDomain};
  const Reading cases[] = {
      {"Nothing", {}, "", "h.example/a:1", {"h.example/a:1"}},
      {"AnyMirror", {"https://m.example"}, "", "h.example/a:1", {"https://m.example/a:1 mirror", "h.example/a:1"}},
      {"PlainMirror", {"http://m:5000"}, "", "h.example/a", {"http://m:5000/a:latest insecure mirror", "h.example/a"}},
      {"MirrorWithPath",
       {"https://m.example/hub/"},
       "",
       "alpine:3",
       {"https://m.example/hub/library/alpine:3 mirror", hub + "/library/alpine:3"}},
      {"MirrorByDigest",
       {"https://m.example"},
       "",
       concat("h.example/a@", kDigest),
       {concat("https://m.example/a@", kDigest, " mirror"), concat("h.example/a@", kDigest)}},
      {"OwnMirrorExcludesAny",
       {"https://any.example", "h.example=https://own.example"},
       "",
       "h.example/a:1",
       {"https://own.example/a:1 mirror", "h.example/a:1"}},
      {"OtherMirror", {"g.example=https://own.example"}, "", "h.example/a:1", {"h.example/a:1"}},
      {"HubAlias",
       {concat("registry-1.", hub, "=https://m.example")},
       "",
       "alpine:3",
       {"https://m.example/library/alpine:3 mirror", hub + "/library/alpine:3"}},
      {"InOrder",
       {"https://one.example", "https://two.example"},
       "",
       "h.example/a:1",
       {"https://one.example/a:1 mirror", "https://two.example/a:1 mirror", "h.example/a:1"}},
      {"HostInConf",
       {},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'm.example'\n",
       "h.example/a:1",
       {"m.example/a:1 mirror", "h.example/a:1"}},
      {"OtherPort",
       {},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'm.example'\n",
       "h.example:5000/a:1",
       {"h.example:5000/a:1"}},
      {"Relocated",
       {},
       "[[registry]]\nprefix = 'h.example/foo'\nlocation = 'in.example/bar'\n",
       "h.example/foo/a:1",
       {"in.example/bar/a:1"}},
      {"NotAtABoundary",
       {},
       "[[registry]]\nprefix = 'h.example/foo'\nlocation = 'in.example/bar'\n",
       "h.example/food/a:1",
       {"h.example/food/a:1"}},
      {"LongestPrefix",
       {},
       "[[registry]]\nprefix = 'h.example'\nlocation = 'one.example'\n"
       "[[registry]]\nprefix = 'h.example/team'\nlocation = 'two.example'\n",
       "h.example/team/a:1",
       {"two.example/a:1"}},
      {"OneTag",
       {},
       "[[registry]]\nprefix = 'h.example/a:1'\nlocation = 'two.example/b:2'\n",
       "h.example/a:1",
       {"two.example/b:2"}},
      {"LatestIsATag",
       {},
       "[[registry]]\nprefix = 'h.example/a:latest'\nlocation = 'two.example/b:2'\n",
       "h.example/a",
       {"two.example/b:2"}},
      {"Wildcard",
       {},
       "[[registry]]\nprefix = '*.example'\ninsecure = true\n",
       "a.b.example:5000/x:1",
       {"a.b.example:5000/x:1 insecure"}},
      {"WildcardNeedsASubdomain",
       {},
       "[[registry]]\nprefix = '*.example.org'\ninsecure = true\n",
       "example.org/x:1",
       {"example.org/x:1"}},
      {"WildcardRelocated",
       {},
       "[[registry]]\nprefix = '*.example'\nlocation = 'in.example/all'\n",
       "a.example/x:1",
       {"in.example/all/x:1"}},
      {"HostWithoutDots",
       {},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'mirror/x'\n",
       "h.example/a:1",
       {"mirror/x/a:1 mirror", "h.example/a:1"}},
      {"InsecureMirror",
       {},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'm.example'\ninsecure = true\n",
       "h.example/a:1",
       {"m.example/a:1 insecure mirror", "h.example/a:1"}},
      {"DigestOnlyWithTag",
       {},
       "[[registry]]\nlocation = 'h.example'\nmirror-by-digest-only = true\n[[registry.mirror]]\nlocation = 'm'\n",
       "h.example/a:1",
       {"h.example/a:1"}},
      {"DigestOnlyWithDigest",
       {},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'm'\npull-from-mirror = 'digest-only'\n",
       concat("h.example/a@", kDigest),
       {concat("m/a@", kDigest, " mirror"), concat("h.example/a@", kDigest)}},
      {"TagOnlyWithDigest",
       {},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'm'\npull-from-mirror = 'tag-only'\n",
       concat("h.example/a@", kDigest),
       {concat("h.example/a@", kDigest)}},
      {"CommandLineFirst",
       {"https://flag.example"},
       "[[registry]]\nlocation = 'h.example'\n[[registry.mirror]]\nlocation = 'm.example'\n",
       "h.example/a:1",
       {"https://flag.example/a:1 mirror", "m.example/a:1 mirror", "h.example/a:1"}},
      {"Version1",
       {},
       "[registries.insecure]\nregistries = ['h.example']\n",
       "h.example/a:1",
       {"h.example/a:1 insecure"}},
      {"ShortNamesAreNotOurs",
       {},
       "unqualified-search-registries = ['q.example']\n[aliases]\nalpine = 'q.example/x'\n",
       "alpine:3",
       {hub + "/library/alpine:3"}},
  };
  for (const Reading& reading : cases) {
    std::vector<MirrorSpec> mirrors;
    for (const std::string& mirror : reading.mirrors) mirrors.push_back(MirrorSpec::parse(mirror));
    const EndpointTable table{std::move(mirrors), parse_registries_conf(reading.conf, "f")};
    std::vector<std::string> got;
    for (const Endpoint& endpoint : table.for_reading(Reference::parse(reading.reference))) {
      got.push_back(text_of(endpoint));
    }
    EXPECT_EQ(got, reading.endpoints) << reading.name;
  }
}

TEST(Endpoints, WritingGoesToTheRegistryItself) {
  const EndpointTable table{{MirrorSpec::parse("http://m.example")},
                            parse_registries_conf("[[registry]]\nprefix = 'h.example'\nlocation = 'in.example'\n"
                                                  "insecure = true\n",
                                                  "f")};
  EXPECT_EQ(text_of(table.for_writing(Reference::parse("h.example/a:1"))), "h.example/a:1 insecure");
}

TEST(Endpoints, Blocked) {
  const EndpointTable table{{},
                            parse_registries_conf("[[registry]]\nprefix = 'h.example/bad'\nblocked = true\n", "'f'")};
  EXPECT_THAT([&] { table.for_reading(Reference::parse("h.example/bad/a:1")); },
              ThrowsMessage<Error>("images of 'h.example/bad' are blocked by 'f'"));
  EXPECT_THAT([&] { table.for_writing(Reference::parse("h.example/bad/a:1")); },
              ThrowsMessage<Error>("images of 'h.example/bad' are blocked by 'f'"));
}

TEST(MirrorSpec, Parsed) {
  EXPECT_EQ(MirrorSpec::parse("h.example=https://m.example:5000/p/"),
            (MirrorSpec{"h.example", "https", "m.example:5000/p", "h.example=https://m.example:5000/p/"}));
  EXPECT_THAT(split_mirror_list(" https://a.example,h=http://b  https://c.example,"),
              ElementsAre("https://a.example", "h=http://b", "https://c.example"));
}

TEST(MirrorSpec, BadOnes) {
  const std::pair<const char*, const char*> cases[] = {
      {"m.example", "mirror 'm.example': it has no scheme, expected http:// or https://"},
      {"h=ftp://m", "mirror 'h=ftp://m': its scheme is 'ftp', expected http or https"},
      {"=http://m", "mirror '=http://m': there is no registry before '='"},
      {"http://m/A",
       "mirror 'http://m/A': image reference 'm/A/x': repository component 'A' has upper-case letters; write it in "
       "lower "
       "case"},
      {"http://", "mirror 'http://': image reference '/x': registry '' is not a host name"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT([&] { MirrorSpec::parse(text); }, ThrowsMessage<Error>(message)) << text;
  }
}

TEST(RegistriesConf, BadOnes) {
  const std::pair<const char*, const char*> cases[] = {
      {"[[registry]\n", "'f':1: it is not TOML: "},
      {"[=]\n", "'f': it is not TOML: a table's name is missing"},
      {"u\xef\xb3\xbfx = 1\n", "'f':1: it is not TOML: "},
      {"registry = 'x'\n", "'f':1: registry: expected tables, each under [[registry]]"},
      {"[[registry]]\ninsecure = 'yes'\nlocation = 'h'\n", "'f':2: registry.insecure: expected true or false"},
      {"[[registry]]\nlocation = 7\n", "'f':2: registry.location: expected a string"},
      {"\n[[registry]]\nblocked = true\n", "'f':2: registry: neither 'prefix' nor 'location' is there"},
      {"[[registry]]\nlocation = 'https://h.example/x'\n",
       "'f':2: registry.location: 'https://h.example/x' begins with a scheme; write 'h.example/x'"},
      {"[[registry]]\nprefix = '*.h.example/x'\n",
       "'f':2: registry.prefix: after '*.' there must be a host name and nothing else"},
      {"[[registry]]\nprefix = 'h.example/X'\n", "'f':2: registry.prefix: image reference 'h.example/X': "},
      {"[[registry]]\nlocation = 'h'\n[[registry.mirror]]\ninsecure = true\n",
       "'f':3: registry.mirror: 'location' is missing"},
      {"[[registry]]\nlocation = 'h'\n[[registry.mirror]]\nlocation = 'm'\npull-from-mirror = 'never'\n",
       "'f':5: registry.mirror.pull-from-mirror: 'never' is none of 'all', 'digest-only' and 'tag-only'"},
      {"[[registry]]\nlocation = 'h'\n[[registry]]\nlocation = 'h'\n",
       "'f':3: registry: the prefix 'h' stands in the file twice"},
      {"[registries.block]\nregistries = 'h'\n", "'f':2: registries.block.registries: expected an array of strings"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT([&] { parse_registries_conf(text, "'f'"); }, ThrowsMessage<Error>(testing::StartsWith(message)));
  }
}

TEST(RegistriesConf, DropInsReplaceRulesOfTheSamePrefix) {
  TempDir directory;
  const auto write = [&](const char* name, const std::string& text) {
    write_file(directory.path() / name, text);
    return directory.path() / name;
  };
  const RegistriesConf conf = load_registries_conf(
      {write("a.conf", "[[registry]]\nlocation='h.example'\nblocked=true\n[[registry]]\nlocation='i.example'\n"),
       directory.path() / "absent.conf", write("b.conf", "[[registry]]\nlocation='h.example'\ninsecure=true\n")});
  ASSERT_EQ(conf.rules.size(), 2U);
  EXPECT_FALSE(conf.find("h.example/a:1")->blocked);
  EXPECT_TRUE(conf.find("h.example/a:1")->insecure);
}

}  // namespace
}  // namespace kiln::oci
