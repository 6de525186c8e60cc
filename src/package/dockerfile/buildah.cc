// buildah and podman, which are one builder with two command lines. No daemon: what they need is root, or user
// namespaces with a range in /etc/subuid. Isolation is "chroot" unless BUILDAH_ISOLATION says otherwise: it works
// without control groups and inside of containers, where buildah's own choice does not.

#include <unistd.h>

#include <cstdlib>

#include "base/error.h"
#include "base/file.h"
#include "package/dockerfile/engine.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;
using Words = std::vector<std::string>;

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

std::string isolation() {
  const std::string chosen = variable("BUILDAH_ISOLATION");
  return chosen.empty() ? "chroot" : chosen;
}

/// Whether the commands of RUN must be kept off the network by a namespace around the whole builder: with chroot
/// isolation it has no other way. It needs none itself, since its base images are here; unless it fetches a URL.
bool needs_namespace(const EngineRequest& request) {
  return !request.network && !request.fetches_urls && isolation() == "chroot";
}

class Buildah final : public Engine {
 public:
  Buildah(std::string name, Words global, std::string verb, fs::path storage)
      : name_{std::move(name)}, global_{std::move(global)}, verb_{std::move(verb)}, storage_{std::move(storage)} {}

  std::string_view name() const override { return name_; }
  bool is_local() const override { return true; }

  void prepare(const EngineRequest&) override {
    if (storage_.empty()) return;
    make_directories(storage_);
    choose_driver();
  }

  Command build(const EngineRequest& request) const override {
    Words words;
    if (needs_namespace(request)) {
      if (::geteuid() != 0) words = {name_, "unshare"};
      append(words, {"unshare", "--net"});
    }
    append(words, program());
    append(words, {verb_, "--isolation", isolation()});
    append(words, {"--format", "oci", "--identity-label=false", "--layers", "--force-rm"});
    if (!request.cache) words.push_back("--no-cache");
    append(words, {"--pull=never", "--platform", request.platform.to_string()});
    if (isolation() != "chroot") append(words, {"--network", request.network ? "host" : "none"});
    // Without these, --platform=$BUILDPLATFORM is the target's.
    append(words, {"--build-arg", concat("BUILDPLATFORM=", request.host.to_string())});
    append(words, {"--build-arg", concat("BUILDOS=", request.host.os)});
    append(words, {"--build-arg", concat("BUILDARCH=", request.host.architecture)});
    for (const auto& [key, value] : request.arguments) append(words, {"--build-arg", concat(key, "=", value)});
    for (const auto& [key, value] : request.labels) append(words, {"--label", concat(key, "=", value)});
    for (const BaseImage& base : request.bases) {
      append(words, {"--build-context", concat(base.name, "=docker-image://oci:", base.layout, ":", kLayoutTag)});
    }
    for (const std::string& agent : request.ssh) append(words, {"--ssh", agent});
    if (!request.source_date_epoch.empty()) append(words, {"--timestamp", request.source_date_epoch});
    append(words, {"--tag", concat("oci:", EngineRequest::kOutput, ":", kLayoutTag)});
    append(words, {"--file", request.dockerfile.string(), request.context.string()});
    return {std::move(words), {}, request.work.string(), {}};
  }

  std::string disk_usage() override {
    if (!storage_.empty() && !fs::exists(storage_)) return "nothing is cached\n";
    choose_driver();
    Words words = program();
    append(words, {"images", "--all"});
    return run_checked({std::move(words), {}, {}, {}});
  }

  std::string prune() override {
    if (!storage_.empty() && !fs::exists(storage_)) return "Reclaimed: nothing\n";
    choose_driver();
    Words words = program();
    // Only what Kiln made: of podman's images, which are the user's, those without a name.
    if (storage_.empty()) {
      append(words, {"image", "prune", "--force"});
      return run_checked({std::move(words), {}, {}, {}});
    }
    append(words, {"rm", "--all"});
    run_checked({std::move(words), {}, {}, {}});
    words = program();
    append(words, {"rmi", "--all", "--force"});
    return run_checked({std::move(words), {}, {}, {}});
  }

 private:
  Words program() const {
    Words words{name_};
    append(words, global_);
    append(words, driver_);
    return words;
  }

  /// overlay is fast but does not work on every file system; vfs does, and copies each layer.
  void choose_driver() {
    if (storage_.empty() || !driver_.empty() || !variable("STORAGE_DRIVER").empty()) return;
    Words words = program();
    words.push_back("info");
    if (run({words, {}, {}, {}}).status != 0) driver_ = {"--storage-driver", "vfs"};
  }

  std::string name_;
  Words global_, driver_;
  std::string verb_;
  fs::path storage_;
};

}  // namespace

std::unique_ptr<Engine> make_buildah(const fs::path& storage) {
  const Words global{"--root", (storage / "layers").string(), "--runroot", (storage / "run").string()};
  return std::make_unique<Buildah>("buildah", global, "bud", storage);
}

std::unique_ptr<Engine> make_podman() { return std::make_unique<Buildah>("podman", Words{}, "build", fs::path{}); }

}  // namespace kiln::package
