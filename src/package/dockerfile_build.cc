#include <algorithm>
#include <cstdlib>
#include <deque>

#include "base/error.h"
#include "base/file.h"
#include "build/image_contents.h"
#include "oci/pull.h"
#include "package/build_arguments.h"
#include "package/build_context.h"
#include "package/builders.h"
#include "package/dockerfile/built_image.h"
#include "package/dockerfile/dockerfile.h"
#include "package/sbom.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostDockerfile = 1 << 20;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

EngineRequest request_for(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                          const BuildOptions& options) {
  EngineRequest request;
  request.name = package.name;
  request.platform = platform;
  request.host = oci::Platform::of_host();
  request.arguments = build_arguments(package, options.argument_files, workshop.locations);
  for (const char* name : {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy", "HTTP_PROXY",
                           "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"}) {
    if (const std::string value = environment(name); !value.empty()) request.arguments.emplace(name, value);
  }
  request.labels = image_labels(package, workshop);
  request.network = package.recipe.network;
  request.cache = !package.recipe.disable_cache;
  request.ssh = options.ssh;
  request.source_date_epoch = environment("SOURCE_DATE_EPOCH");
  return request;
}

Dockerfile read_dockerfile(const Package& package, const fs::path& context, const EngineRequest& request) {
  const fs::path file = context / package.recipe.dockerfile;
  std::error_code error;
  if (!fs::exists(file, error)) {
    throw Error{"package ", quote(package.directory.string()), ": there is no ", package.recipe.dockerfile}.with_hint(
        "a package has a Dockerfile, or a section 'debian:' in its build.yml; see docs/packages.md");
  }
  return parse_dockerfile(read_file(file, kMostDockerfile), (package.directory / package.recipe.dockerfile).string(),
                          request.arguments, request.platform, request.host);
}

/// Brings the images a Dockerfile names into the store and offers them to the engine, each once.
class Bases {
 public:
  Bases(const Workshop& workshop, const BuildOptions& options, const fs::path& work)
      : workshop_{workshop}, options_{options}, work_{work} {}

  /// The name the engine is to know the image by.
  std::string offer(const ImageUse& use) {
    const oci::Image image = pull(use);
    const auto same = [&](const BaseImage& base) { return layouts_[base.name] == image.descriptor.digest; };
    if (const auto found = std::find_if(bases_.begin(), bases_.end(), same); found != bases_.end()) return found->name;
    bases_.push_back(offer_base_image(image, bases_.size(), workshop_.store, work_));
    layouts_[bases_.back().name] = image.descriptor.digest;
    return bases_.back().name;
  }

  std::vector<BaseImage> take() { return std::move(bases_); }

 private:
  oci::Image pull(const ImageUse& use) const {
    try {
      oci::PullOptions pull;
      pull.refresh = options_.refresh_bases;
      return oci::pull_image(oci::Reference::parse(use.name), use.platform, workshop_.store, workshop_.registry,
                             workshop_.transfers, workshop_.reporter, nullptr, pull);
    } catch (const Error& error) {
      throw error.within("line ", use.line, " of its Dockerfile");
    }
  }

  const Workshop& workshop_;
  const BuildOptions& options_;
  fs::path work_;
  std::vector<BaseImage> bases_;
  std::map<std::string, oci::Digest> layouts_;
};

/// The Dockerfile with its images named as they are offered; what belongs beside it comes with it.
fs::path write_dockerfile(const Dockerfile& dockerfile, const std::vector<std::string>& names, bool state_platforms,
                          const fs::path& original, const fs::path& work) {
  make_directories(work / "dockerfile");
  const fs::path file = work / "dockerfile" / original.filename();
  write_file(file, dockerfile.with_names(names, state_platforms));
  const fs::path ignore{original.string() + ".dockerignore"};
  if (fs::exists(ignore)) fs::copy_file(ignore, fs::path{file.string() + ".dockerignore"});
  return file;
}

/// What the kernel runs programs of another architecture with.
bool can_run(const oci::Platform& platform) {
  if (platform.architecture == oci::Platform::of_host().architecture) return true;
  const std::map<std::string, std::string> names = {{"amd64", "x86_64"}, {"arm64", "aarch64"}};
  const auto found = names.find(platform.architecture);
  const std::string name = found != names.end() ? found->second : platform.architecture;
  std::error_code error;
  return fs::exists(fs::path{"/proc/sys/fs/binfmt_misc"} / ("qemu-" + name), error);
}

/// The last lines an engine printed.
std::string last_lines(const std::deque<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += concat(text.empty() ? "" : "\n  ", line);
  return text;
}

void run_engine(const Engine& engine, const EngineRequest& request, const Dockerfile& dockerfile, bool show_output,
                Reporter& reporter) {
  constexpr std::size_t kLinesOfError = 12;
  std::deque<std::string> last;
  const CommandResult result = run(engine.build(request), [&](std::string_view line) {
    if (line.empty()) return;
    show_output ? reporter.info(line) : reporter.detail(line);
    last.emplace_back(line);
    if (last.size() > kLinesOfError) last.pop_front();
  });
  if (result.status == 0) return;
  Error error{engine.name(), " ended with status ", result.status, ":\n  ", last_lines(last)};
  for (const oci::Platform& platform : dockerfile.runs_on) {
    if (!engine.is_local() || can_run(platform)) continue;
    throw std::move(error).with_hint(concat("the Dockerfile runs commands for ", platform.to_string(),
                                            ", and this machine cannot: install qemu-user-static and binfmt-support, "
                                            "or use an engine that has such machines"));
  }
  if (!request.network && !request.fetches_urls && !dockerfile.runs_on.empty()) {
    throw std::move(error).with_hint(
        "commands have no network unless build.yml says 'network: true' (or --network is given)");
  }
  throw error;
}

/// What is to be built, complete but for the base images.
struct Prepared {
  EngineRequest request;
  Dockerfile dockerfile;
};

Prepared prepare(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                 const BuildOptions& options, const fs::path& work) {
  Prepared prepared;
  EngineRequest& request = prepared.request;
  request = request_for(package, platform, workshop, options);
  request.work = work;
  request.context = make_build_context(package, platform, workshop, work);
  prepared.dockerfile = read_dockerfile(package, request.context, request);
  request.fetches_urls = prepared.dockerfile.fetches_urls;
  return prepared;
}

/// An SBOM of what the base images and the Dockerfile's commands have installed.
oci::Descriptor attest(const oci::Descriptor& descriptor, const Package& package, const Workshop& workshop) {
  oci::Image image{package.reference, descriptor, {}, {}};
  image.manifest = oci::parse_manifest(workshop.store.read(descriptor), concat("manifest of ", package.name));
  try {
    const std::string spdx =
        inventory::spdx_document(build::read_contents(image, package.name, workshop.store, workshop.reporter));
    return store_attestation(spdx, package.name, descriptor, workshop.store);
  } catch (const Error& error) {
    throw error.within("making its SBOM").with_hint("'--sbom-scanner false' builds it without one");
  }
}

}  // namespace

BuiltImage build_dockerfile(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                            const BuildOptions& options) {
  EngineOptions engine_options = options.engine;
  engine_options.storage = engine_storage(workshop.store);
  const std::unique_ptr<Engine> engine = make_engine(engine_options);
  const TempDir work{workshop.store.derived_directory("packages"), "build"};
  Prepared prepared = prepare(package, platform, workshop, options, work.path());
  EngineRequest& request = prepared.request;
  Bases bases{workshop, options, work.path()};
  std::vector<std::string> names;
  for (const ImageUse& use : prepared.dockerfile.images) names.push_back(bases.offer(use));
  request.bases = bases.take();
  request.dockerfile = write_dockerfile(prepared.dockerfile, names, engine->is_local(),
                                        request.context / package.recipe.dockerfile, work.path());
  if (!request.network && request.fetches_urls && engine->is_local()) {
    workshop.reporter.warning(concat(package.name,
                                     ": its Dockerfile adds a URL, so its commands have the network too, though "
                                     "build.yml does not say so"));
  }
  engine->prepare(request);
  run_engine(*engine, request, prepared.dockerfile, options.show_output, workshop.reporter);
  const oci::Descriptor image =
      take_built_image(work.path() / EngineRequest::kOutput, platform, request.bases, workshop.store);
  if (!options.sbom) return {image, std::nullopt};
  return {image, attest(image, package, workshop)};
}

std::string engine_command(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                           const Engine& engine, const BuildOptions& options) {
  EngineRequest request = request_for(package, platform, workshop, options);
  request.context = package.directory;
  request.dockerfile = package.directory / package.recipe.dockerfile;
  return shell_line(engine.build(request).arguments);
}

}  // namespace kiln::package
