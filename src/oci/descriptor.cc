#include "oci/descriptor.h"

#include <sys/utsname.h>

#include <algorithm>
#include <array>

#include "base/error.h"

namespace kiln::oci {
namespace {

struct Alias {
  std::string_view name;
  std::string_view architecture;
  std::string_view variant;
};

/// What the kernel and other tools call Go's architectures.
constexpr std::array kAliases = {
    Alias{"x86_64", "amd64", ""},
    Alias{"x86-64", "amd64", ""},
    Alias{"aarch64", "arm64", ""},
    Alias{"armv8l", "arm", "v8"},
    Alias{"armv7l", "arm", "v7"},
    Alias{"armhf", "arm", "v7"},
    Alias{"armv6l", "arm", "v6"},
    Alias{"i386", "386", ""},
    Alias{"i486", "386", ""},
    Alias{"i586", "386", ""},
    Alias{"i686", "386", ""},
    Alias{"ppc64el", "ppc64le", ""},
    Alias{"loongarch64", "loong64", ""},
};

Platform with_go_name(Platform platform) {
  for (const Alias& alias : kAliases) {
    if (platform.architecture != alias.name) continue;
    platform.architecture = alias.architecture;
    if (platform.variant.empty()) platform.variant = alias.variant;
    return platform;
  }
  return platform;
}

bool is_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.';
  });
}

}  // namespace

std::string Platform::to_string() const {
  return variant.empty() ? concat(os, "/", architecture) : concat(os, "/", architecture, "/", variant);
}

Platform Platform::parse(std::string_view text) {
  std::array<std::string_view, 3> parts{};
  std::size_t count = 0;
  for (std::string_view rest = text;; ++count) {
    const std::size_t slash = rest.find('/');
    if (count == parts.size() || !is_word(rest.substr(0, slash))) {
      throw Error{"platform ", quote(text),
                  ": expected os/architecture[/variant] or an architecture, like linux/arm64"};
    }
    parts[count] = rest.substr(0, slash);
    if (slash == std::string_view::npos) break;
    rest.remove_prefix(slash + 1);
  }
  if (count == 0) return with_go_name({"linux", std::string{parts[0]}, ""});
  return with_go_name({std::string{parts[0]}, std::string{parts[1]}, std::string{parts[2]}});
}

Platform Platform::of_host() {
  utsname names{};
  ::uname(&names);  // fails only for a bad pointer
  return with_go_name({"linux", names.machine, ""});
}

std::optional<std::string> attestation_target(const Descriptor& entry) {
  const auto type = entry.annotations.find(annotation::kReferenceType);
  const auto digest = entry.annotations.find(annotation::kReferenceDigest);
  if (type == entry.annotations.end() || type->second != "attestation-manifest") return std::nullopt;
  return digest == entry.annotations.end() ? std::string{} : digest->second;
}

bool is_index(std::string_view media_type) {
  return media_type == media_type::kIndex || media_type == media_type::kDockerIndex;
}

bool is_manifest(std::string_view media_type) {
  return media_type == media_type::kManifest || media_type == media_type::kDockerManifest;
}

}  // namespace kiln::oci
