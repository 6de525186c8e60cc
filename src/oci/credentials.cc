#include "oci/credentials.h"

#include <unistd.h>

#include <cstdlib>
#include <nlohmann/json.hpp>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/base64.h"
#include "oci/default_registry.h"
#include "oci/json.h"

namespace kiln::oci {
namespace {

namespace fs = std::filesystem;

/// What docker calls the default registry in its files.
std::string default_registry_key() { return concat("https://index.", kDefaultDomain, "/v1/"); }

/// A key of "auths" without scheme and API version.
std::string normalise(std::string_view key) {
  for (std::string_view scheme : {"https://", "http://"}) {
    if (key.starts_with(scheme)) key.remove_prefix(scheme.size());
  }
  while (key.ends_with('/')) key.remove_suffix(1);
  for (std::string_view version : {"/v1", "/v2"}) {
    if (key.ends_with(version)) key.remove_suffix(version.size());
  }
  const std::string index = concat("index.", kDefaultDomain);
  return key == index ? std::string{kDefaultDomain} : std::string{key};
}

/// "host/team/app", "host/team", "host".
std::vector<std::string> keys_for(const Reference& reference) {
  std::vector<std::string> out;
  for (std::string key = reference.locator();; key.erase(key.rfind('/'))) {
    out.push_back(key);
    if (key.find('/') == std::string::npos) return out;
  }
}

std::optional<Credentials> parse_auth(const JsonView& entry, std::string_view origin) {
  Credentials out;
  out.origin = origin;
  out.user = entry.text("username");
  out.password = entry.text("password");
  out.identity_token = entry.text("identitytoken");
  out.registry_token = entry.text("registrytoken");
  if (const std::string auth = entry.text("auth"); !auth.empty()) {
    const auto decoded = base64_decode(auth);
    const std::size_t colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) entry.fail("'auth' is not base64 of user:password");
    out.user = decoded->substr(0, colon);
    out.password = decoded->substr(colon + 1);
    while (out.password.ends_with('\0')) out.password.pop_back();  // docker pads it
  }
  const bool empty = out.user.empty() && out.identity_token.empty() && out.registry_token.empty();
  return empty ? std::nullopt : std::optional{std::move(out)};
}

/// The helper for the most specific key; or the one for all.
std::string find_helper(const JsonView& file, const std::vector<std::string>& keys) {
  const auto helpers = file.text_map("credHelpers");
  for (const std::string& key : keys) {
    for (const auto& [name, helper] : helpers) {
      if (normalise(name) == key) return helper;
    }
  }
  return file.text("credsStore");
}

bool is_plain_name(std::string_view text) {
  return !text.empty() && text.find_first_of("/\\ \t\n") == std::string_view::npos && text.front() != '-';
}

/// The protocol of docker's credential helpers: the server on standard input, JSON on standard output.
std::optional<Credentials> ask_helper(const std::string& helper, const Reference& reference, std::string_view file) {
  if (!is_plain_name(helper)) throw Error{file, ": ", quote(helper), " is not the name of a credential helper"};
  const std::string program = concat("docker-credential-", helper);
  const std::string server = reference.domain() == kDefaultDomain ? default_registry_key() : reference.domain();
  const CommandResult result = run({{program, "get"}, {}, "", server});
  if (result.status != 0) {
    // The only way the protocol has to say "none": a sentence, on either output.
    if ((result.output + result.errors).find("credentials not found") != std::string::npos) return std::nullopt;
    throw Error{
        file, ": ", quote(program), " failed with status ", result.status, ": ", quote(result.output.substr(0, 300))};
  }
  const std::string name = concat("output of ", quote(program));
  const nlohmann::json parsed = parse_json(result.output, name);
  const JsonView view{parsed, name};
  Credentials out;
  out.origin = concat(file, " (", program, ")");
  out.user = view.text("Username");
  out.password = view.text("Secret");
  if (out.user.empty() && out.password.empty()) return std::nullopt;
  if (out.user == "<token>") out.identity_token = std::exchange(out.password, {});
  return out;
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

}  // namespace

CredentialEntry find_in_credential_file(std::string_view json, std::string_view name, const Reference& reference) {
  const nlohmann::json parsed = parse_json(json, name);
  const JsonView file{parsed, name};
  const std::vector<std::string> keys = keys_for(reference);
  CredentialEntry out;
  out.helper = find_helper(file, keys);
  const auto auths = file.member("auths");
  if (!auths) return out;
  for (const std::string& key : keys) {
    for (const std::string& spelling : auths->keys()) {
      if (normalise(spelling) != key) continue;
      const auto entry = auths->member(spelling.c_str());
      if (entry) out.credentials = parse_auth(*entry, name);
      if (out.credentials) return out;
    }
  }
  return out;
}

std::vector<fs::path> credential_files() {
  std::vector<fs::path> out;
  const char* home = environment("HOME");
  if (const char* file = environment("REGISTRY_AUTH_FILE")) out.emplace_back(file);
  if (const char* directory = environment("DOCKER_CONFIG")) {
    out.push_back(fs::path{directory} / "config.json");
  } else if (home != nullptr) {
    out.push_back(fs::path{home} / ".docker" / "config.json");
  }
  if (const char* directory = environment("XDG_RUNTIME_DIR")) {
    out.push_back(fs::path{directory} / "containers" / "auth.json");
  } else {
    out.push_back(fs::path{"/run/containers"} / std::to_string(::getuid()) / "auth.json");
  }
  if (const char* directory = environment("XDG_CONFIG_HOME")) {
    out.push_back(fs::path{directory} / "containers" / "auth.json");
  } else if (home != nullptr) {
    out.push_back(fs::path{home} / ".config" / "containers" / "auth.json");
  }
  return out;
}

CredentialSearch find_credentials(const std::vector<fs::path>& files, const Reference& reference) {
  CredentialSearch search;
  for (const fs::path& path : files) {
    const std::string name = quote(path.native());
    std::error_code ignored;
    if (!fs::exists(path, ignored)) {
      search.passed.push_back(name + " (does not exist)");
      continue;
    }
    CredentialEntry entry = find_in_credential_file(read_file(path, 4 << 20), name, reference);
    if (!entry.helper.empty()) search.found = ask_helper(entry.helper, reference, name);
    if (!search.found) search.found = std::move(entry.credentials);
    if (search.found) break;
    search.passed.push_back(concat(
        name, " (has none", entry.helper.empty() ? "" : concat(", nor has docker-credential-", entry.helper), ")"));
  }
  return search;
}

}  // namespace kiln::oci
