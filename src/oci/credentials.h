#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/reference.h"

namespace kiln::oci {

/// A login at a registry. Either user and password, or one of the tokens.
struct Credentials {
  std::string user, password;
  std::string identity_token;  ///< to be exchanged for access tokens (OAuth2 refresh token)
  std::string registry_token;  ///< an access token as it is
  std::string origin;          ///< where it is from: a file, or a file and its helper
};

/// What one credential file says about a registry: a login, or the program that knows it.
struct CredentialEntry {
  std::optional<Credentials> credentials;
  std::string helper;  ///< docker-credential-HELPER; asked before `credentials` are used
};

/// Reads the text of docker's config.json or of podman's auth.json for `reference`. The most specific key wins
/// ("host/team/app" over "host/team" over "host"); docker's older spellings (https://host/v1/) count as the host.
/// Throws Error if it is not such a file; `name` begins the message.
CredentialEntry find_in_credential_file(std::string_view json, std::string_view name, const Reference& reference);

/// Where credentials are looked for, in this order: $REGISTRY_AUTH_FILE, $DOCKER_CONFIG/config.json or
/// ~/.docker/config.json, $XDG_RUNTIME_DIR/containers/auth.json (without the variable /run/containers/UID/auth.json),
/// ~/.config/containers/auth.json.
std::vector<std::filesystem::path> credential_files();

/// What came of looking for a login.
struct CredentialSearch {
  std::optional<Credentials> found;
  std::vector<std::string> passed;  ///< where there was none before: "'FILE' (does not exist)"
};

/// The first of `files` that has a login for the reference (helpers are asked). Files that do not exist are skipped.
CredentialSearch find_credentials(const std::vector<std::filesystem::path>& files, const Reference& reference);

}  // namespace kiln::oci
