#include "oci/credentials.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "oci/base64.h"
#include "oci/default_registry.h"

namespace kiln::oci {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

TEST(Base64, Rfc4648) {
  const std::pair<const char*, const char*> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [plain, encoded] : cases) {
    EXPECT_EQ(base64_encode(plain), encoded);
    EXPECT_EQ(base64_decode(encoded), plain);
  }
  EXPECT_EQ(base64_decode("Zm8"), "fo");
  EXPECT_EQ(base64_decode("Z"), std::nullopt);
  EXPECT_EQ(base64_decode("Zm 8"), std::nullopt);
  EXPECT_EQ(base64_decode(base64_encode("\xff\xfe\xfd")), "\xff\xfe\xfd");
}

struct Lookup {
  std::string name;
  std::string json;
  std::string reference;
  std::string user;      ///< "" if nothing is to be found
  std::string password;  ///< or token
};

TEST(CredentialFile, Lookups) {
  const std::string index = concat("https://index.", kDefaultDomain, "/v1/");
  const Lookup cases[] = {
      {"Auth", R"({"auths":{"h.example":{"auth":"dTpwOnE="}}})", "h.example/a", "u", "p:q"},
      {"UserAndPassword", R"({"auths":{"h.example":{"username":"u","password":"p"}}})", "h.example/a", "u", "p"},
      {"Padded", R"({"auths":{"h.example":{"auth":"dTpwAAA="}}})", "h.example/a", "u", "p"},
      {"WithPort", R"({"auths":{"h.example:5000":{"auth":"dTpw"}}})", "h.example:5000/a", "u", "p"},
      {"OtherPort", R"({"auths":{"h.example:5000":{"auth":"dTpw"}}})", "h.example/a", "", ""},
      {"OldSpelling", R"({"auths":{"https://h.example/v1/":{"auth":"dTpw"}}})", "h.example/a", "u", "p"},
      {"Default", R"({"auths":{")" + index + R"(":{"auth":"dTpw"}}})", "alpine", "u", "p"},
      {"DefaultPlain", concat(R"({"auths":{")", kDefaultDomain, R"(":{"auth":"dTpw"}}})"), "alpine", "u", "p"},
      {"MostSpecific", R"({"auths":{"h.example":{"auth":"dTpw"},"h.example/team":{"auth":"dTpx"}}})",
       "h.example/team/app", "u", "q"},
      {"OtherTeam", R"({"auths":{"h.example":{"auth":"dTpw"},"h.example/team":{"auth":"dTpx"}}})",
       "h.example/teams/app", "u", "p"},
      {"IdentityToken", R"({"auths":{"h.example":{"auth":"dTo=","identitytoken":"t"}}})", "h.example/a", "u", ""},
      {"Empty", R"({"auths":{"h.example":{}}})", "h.example/a", "", ""},
      {"Null", R"({"auths":{"h.example":null}})", "h.example/a", "", ""},
      {"NoAuths", R"({"HttpHeaders":{}})", "h.example/a", "", ""},
  };
  for (const Lookup& lookup : cases) {
    const auto found = find_in_credential_file(lookup.json, "'f'", Reference::parse(lookup.reference)).credentials;
    ASSERT_EQ(found.has_value(), !lookup.user.empty()) << lookup.name;
    if (!found) continue;
    EXPECT_EQ(found->user, lookup.user) << lookup.name;
    EXPECT_EQ(found->password, lookup.password) << lookup.name;
    EXPECT_EQ(found->origin, "'f'") << lookup.name;
  }
  EXPECT_EQ(
      find_in_credential_file(R"({"auths":{"h.example":{"identitytoken":"t"}}})", "f", Reference::parse("h.example/a"))
          .credentials->identity_token,
      "t");
}

TEST(CredentialFile, Helpers) {
  const std::string json = R"({"credHelpers":{"h.example":"one","h.example/team":"two"},"credsStore":"three"})";
  const std::pair<const char*, const char*> cases[] = {
      {"h.example/a", "one"}, {"h.example/team/a", "two"}, {"other.example/a", "three"}};
  for (const auto& [reference, helper] : cases) {
    EXPECT_EQ(find_in_credential_file(json, "f", Reference::parse(reference)).helper, helper);
  }
}

TEST(CredentialFile, BadOnes) {
  const std::pair<const char*, const char*> cases[] = {
      {"", "'f': it is empty, expected JSON"},
      {"[]", "'f': expected an object, got an array"},
      {R"({"auths":[]})", "'f': auths: expected an object, got an array"},
      {R"({"auths":{"h.example":7}})", "'f': auths.h.example: expected an object, got a number"},
      {R"({"auths":{"h.example":{"auth":"?"}}})", "'f': auths.h.example: 'auth' is not base64 of user:password"},
      {R"({"auths":{"h.example":{"auth":"dXA="}}})", "'f': auths.h.example: 'auth' is not base64 of user:password"},
      {R"({"credHelpers":{"h.example":7}})", "'f': credHelpers['h.example']: expected a string, got a number"},
  };
  for (const auto& [json, message] : cases) {
    EXPECT_THAT([&] { find_in_credential_file(json, "'f'", Reference::parse("h.example/a")); },
                ThrowsMessage<Error>(message));
  }
}

/// Puts helper programs in PATH for its life.
class CredentialHelper : public testing::Test {
 protected:
  void SetUp() override { ::setenv("PATH", concat(directory_.path().native(), ":", path_).c_str(), 1); }
  void TearDown() override { ::setenv("PATH", path_.c_str(), 1); }

  void add_helper(const std::string& name, const std::string& script) {
    const auto file = directory_.path() / ("docker-credential-" + name);
    write_file(file, "#!/bin/sh\n" + script);
    ::chmod(file.c_str(), 0755);
  }
  std::optional<Credentials> find(const std::string& json) {
    write_file(file_, json);
    return find_credentials({directory_.path() / "absent.json", file_}, Reference::parse("h.example/a")).found;
  }

  TempDir directory_;
  std::string path_ = std::getenv("PATH");
  std::filesystem::path file_ = directory_.path() / "config.json";
};

TEST_F(CredentialHelper, GetsTheServerAndAnswersJson) {
  add_helper("x", R"sh(test "$1" = get && printf '{"ServerURL":"s","Username":"u","Secret":"%s"}' "$(cat)")sh");
  const auto found = find(R"({"credsStore":"x"})");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->user, "u");
  EXPECT_EQ(found->password, "h.example");
  EXPECT_EQ(found->origin, quote(file_.native()) + " (docker-credential-x)");
}

TEST_F(CredentialHelper, Tokens) {
  add_helper("x", R"(printf '{"Username":"<token>","Secret":"t"}')");
  EXPECT_EQ(find(R"({"credsStore":"x"})")->identity_token, "t");
}

TEST_F(CredentialHelper, ThatKnowsNothingLeavesItToTheFile) {
  add_helper("x", "echo credentials not found in native keychain; exit 1");
  EXPECT_EQ(find(R"({"credsStore":"x","auths":{"h.example":{"auth":"dTpw"}}})")->user, "u");
  EXPECT_FALSE(find(R"({"credsStore":"x"})"));
}

TEST_F(CredentialHelper, Failures) {
  add_helper("bad", "echo locked; exit 3");
  add_helper("garbled", "echo '{'");
  EXPECT_THAT([&] { find(R"({"credsStore":"bad"})"); },
              ThrowsMessage<Error>(HasSubstr("'docker-credential-bad' failed with status 3: 'locked")));
  EXPECT_THAT([&] { find(R"({"credsStore":"garbled"})"); },
              ThrowsMessage<Error>(HasSubstr("output of 'docker-credential-garbled': it is not valid JSON")));
  EXPECT_THAT([&] { find(R"({"credsStore":"../../bin/sh"})"); },
              ThrowsMessage<Error>(HasSubstr("'../../bin/sh' is not the name of a credential helper")));
  EXPECT_THAT([&] { find(R"({"credsStore":"absent"})"); },
              ThrowsMessage<Error>(HasSubstr("starting 'docker-credential-absent': No such file")));
}

}  // namespace
}  // namespace kiln::oci
