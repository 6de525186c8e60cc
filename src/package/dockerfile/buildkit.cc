// BuildKit: by docker's buildx, in a builder of its own as LinuxKit has one (spec pkg.md §6), or by buildctl, somewhere
// else. Both are given Dockerfile, context and base images from here and return an OCI layout.

#include "base/error.h"
#include "package/dockerfile/engine.h"

namespace kiln::package {
namespace {

using Words = std::vector<std::string>;

void append(Words& words, const Words& more) { words.insert(words.end(), more.begin(), more.end()); }

std::string output() { return concat("type=oci,tar=false,dest=", EngineRequest::kOutput); }

class Docker final : public Engine {
 public:
  explicit Docker(BuilderOptions builder) : builder_{std::move(builder)} {}

  std::string_view name() const override { return "docker"; }
  bool is_local() const override { return false; }

  /// The builder: made if it is not there, made anew if it has to be.
  void prepare(const EngineRequest& request) override {
    find_context(request.platform);
    const std::string context = context_for(request.platform);
    const std::string name = builder_name(context);
    bool exists = run({docker(context, {"buildx", "inspect", name}), {}, {}, {}}).status == 0;
    if (exists && builder_.restart) {
      run_checked({docker(context, {"buildx", "rm", "--keep-state", name}), {}, {}, {}});
      exists = false;
    }
    if (exists) return;
    Words words = docker(context, {"buildx", "create", "--name", name, "--driver", "docker-container"});
    append(words, {"--driver-opt", concat("image=", builder_.image)});
    if (!builder_.config.empty()) append(words, {"--config", builder_.config});
    if (!context.empty()) words.push_back(context);
    run_checked({std::move(words), {}, {}, {}});
  }

  Command build(const EngineRequest& request) const override {
    const std::string context = context_for(request.platform);
    Words words = docker(context, {"buildx", "build", "--builder", builder_name(context)});
    append(words, {"--platform", request.platform.to_string(), "--progress", "plain"});
    append(words, {"--provenance=false", "--sbom=false"});
    append(words, {"--network", request.network ? "default" : "none"});
    if (!request.cache) words.push_back("--no-cache");
    for (const auto& [key, value] : request.arguments) append(words, {"--build-arg", concat(key, "=", value)});
    for (const auto& [key, value] : request.labels) append(words, {"--label", concat(key, "=", value)});
    for (const BaseImage& base : request.bases) {
      const std::string layout = (request.work / base.layout).string();
      append(words, {"--build-context",
                     concat(base.name, "=oci-layout://", layout, ":", kLayoutTag, "@", base.digest.to_string())});
    }
    for (const std::string& agent : request.ssh) append(words, {"--ssh", agent});
    if (!request.source_date_epoch.empty()) {
      append(words, {"--build-arg", concat("SOURCE_DATE_EPOCH=", request.source_date_epoch)});
    }
    append(words, {"--output", output(), "--file", request.dockerfile.string(), request.context.string()});
    return {std::move(words), {}, request.work.string(), {}};
  }

  std::string disk_usage() override {
    return run_checked({{"docker", "buildx", "du", "--builder", builder_.name}, {}, {}, {}});
  }
  std::string prune() override {
    return run_checked({{"docker", "buildx", "prune", "--force", "--builder", builder_.name}, {}, {}, {}});
  }

 private:
  static Words docker(const std::string& context, const Words& more) {
    Words words{"docker"};
    if (!context.empty()) append(words, {"--context", context});
    append(words, more);
    return words;
  }

  /// buildx's builders are the user's and not a context's, so each context has one of its own.
  std::string builder_name(const std::string& context) const {
    return context.empty() ? builder_.name : concat(builder_.name, "-", context);
  }

  /// The context named for the platform, or the default one, "".
  std::string context_for(const oci::Platform& platform) const {
    const auto found = builder_.contexts.find(platform.to_string());
    return found != builder_.contexts.end() ? found->second : "";
  }

  /// One called linuxkit-linux-ARCH is the platform's, unless another was named.
  void find_context(const oci::Platform& platform) {
    const std::string own = concat("linuxkit-", platform.os, "-", platform.architecture);
    if (builder_.contexts.contains(platform.to_string())) return;
    if (run({{"docker", "context", "inspect", own}, {}, {}, {}}).status == 0)
      builder_.contexts[platform.to_string()] = own;
  }

  BuilderOptions builder_;
};

class Buildctl final : public Engine {
 public:
  std::string_view name() const override { return "buildctl"; }
  bool is_local() const override { return false; }

  Command build(const EngineRequest& request) const override {
    Words words{"buildctl", "build", "--progress", "plain", "--frontend", "dockerfile.v0"};
    append(words, {"--local", concat("context=", request.context.string())});
    append(words, {"--local", concat("dockerfile=", request.dockerfile.parent_path().string())});
    const auto option = [&](const std::string& key, const std::string& value) {
      append(words, {"--opt", concat(key, "=", value)});
    };
    option("filename", request.dockerfile.filename());
    option("platform", request.platform.to_string());
    option("force-network-mode", request.network ? "sandbox" : "none");
    if (!request.cache) words.push_back("--no-cache");
    for (const auto& [key, value] : request.arguments) option("build-arg:" + key, value);
    for (const auto& [key, value] : request.labels) option("label:" + key, value);
    if (!request.source_date_epoch.empty()) option("build-arg:SOURCE_DATE_EPOCH", request.source_date_epoch);
    for (const BaseImage& base : request.bases) {
      append(words, {"--oci-layout", concat(base.name, "=", (request.work / base.layout).string())});
      option("context:" + base.name, concat("oci-layout://", base.name, "@", base.digest.to_string()));
    }
    for (const std::string& agent : request.ssh) append(words, {"--ssh", agent});
    append(words, {"--output", output()});
    return {std::move(words), {}, request.work.string(), {}};
  }

  std::string disk_usage() override { return run_checked({{"buildctl", "du"}, {}, {}, {}}); }
  std::string prune() override { return run_checked({{"buildctl", "prune"}, {}, {}, {}}); }
};

}  // namespace

std::unique_ptr<Engine> make_docker(const BuilderOptions& builder) { return std::make_unique<Docker>(builder); }
std::unique_ptr<Engine> make_buildctl() { return std::make_unique<Buildctl>(); }

}  // namespace kiln::package
