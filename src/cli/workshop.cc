#include "cli/workshop.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/version.h"
#include "oci/base64.h"

namespace kiln::cli {
namespace {

constexpr unsigned kTransfers = 4;

/// The logins as a credential file, which nobody else can read.
std::string login_file(const std::vector<std::string>& logins) {
  nlohmann::json auths = nlohmann::json::object();
  for (const std::string& login : logins) {
    const std::size_t equals = login.find('=');
    if (equals == 0 || equals == std::string::npos) {
      // Not quoted: it may be a password with its registry forgotten.
      throw Error{"--registry-creds: expected REGISTRY=USER:PASSWORD or REGISTRY=TOKEN"};
    }
    const std::string secret = login.substr(equals + 1);
    nlohmann::json& entry = auths[login.substr(0, equals)];
    if (secret.find(':') != std::string::npos) {
      entry["auth"] = oci::base64_encode(secret);
    } else {
      entry["registrytoken"] = secret;
    }
  }
  return nlohmann::json{{"auths", auths}}.dump();
}

}  // namespace

struct PackageWorkshop::Parts {
  std::optional<TempDir> secrets;
  std::optional<oci::HttpRegistry> images, registry;
  ThreadPool transfers{kTransfers};
  std::optional<package::Workshop> tools;
};

PackageWorkshop::PackageWorkshop(Context& context, const std::vector<std::string>& logins)
    : parts_{std::make_unique<Parts>()} {
  oci::RegistryOptions options = registry_options(context);
  if (!logins.empty()) {
    const auto path = parts_->secrets.emplace().path() / "auth.json";
    AtomicFile file{path, AtomicFile::Durability::process, 0600};
    file.sink().write(as_bytes(login_file(logins)));
    file.commit();
    options.credential_files.insert(options.credential_files.begin(), path);
  }
  parts_->images.emplace(options);
  options.use_mirrors = false;
  parts_->registry.emplace(std::move(options));
  parts_->tools.emplace(package::Workshop{package_locations(context), context.store(), *parts_->images,
                                          parts_->transfers, context.reporter(), version(), commit()});
}

PackageWorkshop::~PackageWorkshop() = default;

const package::Workshop& PackageWorkshop::tools() const { return *parts_->tools; }
oci::Registry& PackageWorkshop::registry() { return *parts_->registry; }
ThreadPool& PackageWorkshop::transfers() { return parts_->transfers; }

std::function<std::string(std::string_view, std::string_view, std::string_view)> package_resolver(
    Context& context, const oci::Platform& platform) {
  const auto workshop = std::make_shared<std::unique_ptr<PackageWorkshop>>();
  return [&context, platform, workshop](std::string_view scheme, std::string_view rest, std::string_view directory) {
    if (!*workshop) *workshop = std::make_unique<PackageWorkshop>(context);
    return package::make_resolver((*workshop)->tools(), platform)(scheme, rest, directory);
  };
}

}  // namespace kiln::cli
