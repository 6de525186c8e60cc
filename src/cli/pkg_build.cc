#include <CLI/CLI.hpp>
#include <algorithm>

#include "base/file.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/pkg.h"
#include "cli/verbs.h"
#include "cli/workshop.h"
#include "oci/pull.h"
#include "oci/push.h"
#include "oci/retag.h"
#include "oci/store_use.h"
#include "package/engine_images.h"
#include "package/git_state.h"

namespace kiln::cli {
namespace {

/// The options of `pkg build` and `pkg push` (spec pkg.md §1.2).
struct PkgBuildOptions : PkgOptions {
  std::vector<std::string> platforms, skipped_platforms, builders;
  package::BuildOptions build;
  std::string release, sbom_scanner, progress = "auto";
  bool force = false, pull = false, push = false, no_build = false, docker = false, dry_run = false;
  bool arch_tags = true;
  bool precache = false;
};

void check(const PkgBuildOptions& options) {
  if (!options.release.empty() && !options.push) throw Error{"--release: only what is pushed is released"};
  if (options.package.hash_commit != "HEAD" && !options.no_build && !options.dry_run) {
    throw Error{"cannot build from commit hash != HEAD"}.with_hint(
        "what is built are the files as they are; --nobuild and show-tag take any commit");
  }
  for (const std::string& platform : options.skipped_platforms) {
    if (oci::Platform::parse(platform).os != "linux")
      throw Error{"--skip-platforms ", platform, ": expected linux/ARCH"};
  }
}

/// LINUX/ARCH=CONTEXT of --builders.
std::map<std::string, std::string> parse_builders(const std::vector<std::string>& texts) {
  std::map<std::string, std::string> contexts;
  for (const std::string& text : texts) {
    const std::size_t equals = text.find('=');
    if (equals == std::string::npos || equals + 1 == text.size()) {
      throw Error{"--builders ", quote(text), ": expected PLATFORM=CONTEXT, for example linux/arm64=far"};
    }
    contexts[oci::Platform::parse(text.substr(0, equals)).to_string()] = text.substr(equals + 1);
  }
  return contexts;
}

/// Builds, pushes and releases one package.
class PackageRun {
 public:
  PackageRun(Context& context, PackageWorkshop& workshop, const PkgBuildOptions& options, package::Package package)
      : context_{context}, workshop_{workshop}, options_{options}, package_{std::move(package)} {}

  void run() {
    if (package_.recipe.arches.empty()) {
      tell("Skipping ", package_.name, " with no architectures to build");
      return;
    }
    const char* what = options_.no_build ? "Pushing" : options_.push ? "Building and pushing" : "Building";
    tell(what, " \"", package_.name, "\"", options_.no_build ? " without building" : "");
    build(missing_platforms());
    if (options_.docker) load_into_engine();
    if (options_.push)
      push();
    else
      tell("Build complete, not pushing, all done.");
  }

  /// What --dry-run says: the builds as lines for a shell.
  std::string commands(const package::Engine& engine) const {
    std::string text;
    for (const oci::Platform& platform : platforms()) {
      if (package_.recipe.debian) {
        text += concat("# ", package_.name, " for ", platform.to_string(), " is a recipe: Kiln builds it itself\n");
      } else {
        text += package::engine_command(package_, platform, workshop_.tools(), engine, options_.build) + "\n";
      }
    }
    return text;
  }

  Fields fields() const {
    Fields out;
    out.add("image", package_.name).add("platforms", platform_names());
    if (!digest_.empty()) out.add("digest", digest_);
    return out;
  }
  const std::string& name() const { return package_.name; }

 private:
  /// LinuxKit's messages are on stdout, where scripts look for them; Kiln has results there.
  template <typename... Parts>
  void tell(const Parts&... parts) {
    if (context_.dialect().packages_on_stdout && !context_.options.json) {
      context_.tell(concat(parts...));
    } else {
      context_.reporter().info(concat(parts...));
    }
  }

  /// The platforms asked for; by default all of the package.
  std::vector<oci::Platform> platforms() const {
    std::vector<oci::Platform> out;
    const std::vector<std::string>& names = options_.platforms.empty() ? package_.recipe.arches : options_.platforms;
    for (const std::string& name : names) {
      const oci::Platform platform = oci::Platform::parse(name);
      const bool skipped =
          std::any_of(options_.skipped_platforms.begin(), options_.skipped_platforms.end(),
                      [&](const std::string& text) { return oci::Platform::parse(text).matches(platform); });
      if (!skipped) out.push_back(platform);
    }
    return out;
  }

  std::string reference() const { return package_.reference.canonical(); }

  std::vector<std::string> platform_names() const {
    std::vector<std::string> out;
    for (const oci::Platform& platform : platforms()) out.push_back(platform.to_string());
    return out;
  }

  /// Those that are to be built (spec pkg.md §4).
  std::vector<oci::Platform> missing_platforms() {
    if (options_.no_build) return {};
    if (options_.force) return platforms();
    tell("checking for ", reference(), " in local cache...");
    std::vector<oci::Platform> missing;
    for (const oci::Platform& platform : platforms()) {
      if (needs_building(platform)) missing.push_back(platform);
    }
    return missing;
  }

  /// Recipes are made without asking a registry: it costs less, and needs none.
  bool needs_building(const oci::Platform& platform) {
    if (oci::find_image(context_.store(), package_.reference, platform)) {
      tell("found ", reference(), " in local cache, skipping build");
      return false;
    }
    const bool there = !package_.recipe.debian &&
                       (options_.pull || options_.docker ? can_be_pulled(platform) : is_in_registry(platform));
    if (!there) tell(reference(), " ", platform.architecture, " not found, will build");
    return !there;
  }

  bool is_in_registry(const oci::Platform& platform) {
    tell(reference(), " ", platform.architecture, " not found in local cache, checking registry");
    // What only a mirror has would be missing from what is pushed.
    oci::Registry& registry = options_.push ? workshop_.registry() : workshop_.tools().registry;
    if (!package::registry_has(package_, platform, registry)) return false;
    tell(reference(), " ", platform.architecture, " found on registry");
    return true;
  }

  bool can_be_pulled(const oci::Platform& platform) {
    tell(reference(), " ", platform.architecture, " not found in local cache, trying to pull");
    try {
      oci::pull_image(package_.reference, platform, context_.store(), workshop_.tools().registry, workshop_.transfers(),
                      context_.reporter());
      tell(reference(), " pulled");
      return true;
    } catch (const Error&) {
      return false;  // spec pkg.md §4: what cannot be pulled is built
    }
  }

  void build(const std::vector<oci::Platform>& platforms) {
    if (platforms.empty()) return;
    std::string names;
    for (const oci::Platform& platform : platforms) names += concat(names.empty() ? "" : ",", platform.architecture);
    tell("building ", reference(), " for arches: ", names);
    for (const oci::Platform& platform : platforms) {
      tell("Building for arch ", platform.architecture, " as ", reference(), "-", platform.architecture);
      package::build_package(package_, platform, workshop_.tools(), options_.build, options_.force);
    }
  }

  void push() {
    if (package_.dirty) {
      throw Error{"build complete, refusing to push dirty package"}.with_hint(
          concat("commit the changes in ", quote(package_.directory.string()), " first"));
    }
    const std::vector<std::string> releases = release_tags();
    const bool here = context_.store().find(package_.reference.canonical()).has_value();
    if (here) {
      oci::PushOptions push;
      push.merge = true;
      push.arch_tags = options_.arch_tags;
      digest_ = oci::push_image(context_.store(), package_.reference, package_.reference, workshop_.registry(),
                                workshop_.transfers(), context_.reporter(), push)
                    .digest.to_string();
    } else {
      tell("No new platforms to push, skipping.");
    }
    for (const std::string& tag : releases) release(tag, here);
    if (releases.empty() && here) tell("Build and push complete, not releasing, all done.");
  }

  /// `--release`; otherwise the tags of HEAD. LinuxKit makes one name of several tags.
  std::vector<std::string> release_tags() const {
    if (!options_.release.empty()) return {options_.release};
    return package_.shipped ? std::vector<std::string>{} : package::git_head_tags(package_.directory);
  }

  /// An existing release is left alone.
  void release(const std::string& tag, bool here) {
    const oci::Reference name = oci::Reference::parse(concat(package_.repository(), ":", tag));
    if (!here) {
      if (workshop_.registry().manifest_descriptor(name)) {
        tell(name.canonical(), " is there already, and left alone");
        return;
      }
      const TempDir work;
      oci::retag(package_.reference, name, workshop_.registry(), context_.reporter(), work.path());
    } else {
      context_.store().set(name.canonical(), *context_.store().find(package_.reference.canonical()));
      oci::PushOptions push;
      push.merge = true;
      push.override_tag = false;
      push.arch_tags = options_.arch_tags;
      oci::push_image(context_.store(), name, name, workshop_.registry(), workshop_.transfers(), context_.reporter(),
                      push);
    }
    if (options_.docker) tag_in_engine(name);
    tell("Build, push and release of \"", tag, "\" complete, all done.");
  }

  /// As REF-ARCH and, for this machine's architecture, REF.
  void load_into_engine() {
    std::vector<package::ArchivedImage> images;
    for (const oci::Platform& platform : platforms()) {
      const auto image = oci::find_image(context_.store(), package_.reference, platform);
      if (image) images.push_back({*image, names_in_engine(package_.reference, platform)});
    }
    package::EngineImages::find("--docker").load(images, context_.store());
  }

  void tag_in_engine(const oci::Reference& release) const {
    const package::EngineImages engine = package::EngineImages::find("--docker");
    for (const oci::Platform& platform : platforms()) {
      if (!oci::find_image(context_.store(), package_.reference, platform)) continue;
      const std::string name = names_in_engine(package_.reference, platform).front();
      for (const std::string& tag : names_in_engine(release, platform)) engine.tag(name, tag);
    }
  }

  static std::vector<std::string> names_in_engine(const oci::Reference& reference, const oci::Platform& platform) {
    std::vector<std::string> names{concat(reference.canonical(), "-", platform.architecture)};
    if (platform.matches(oci::Platform::of_host())) names.push_back(reference.canonical());
    return names;
  }

  Context& context_;
  PackageWorkshop& workshop_;
  const PkgBuildOptions& options_;
  package::Package package_;
  std::string digest_;
};

std::vector<PackageRun> open_all(Context& context, PackageWorkshop& workshop, const PkgBuildOptions& options) {
  std::vector<PackageRun> runs;
  for (const std::string& directory : options.directories) {
    runs.emplace_back(context, workshop, options, open_package(directory, workshop.tools().locations, options));
  }
  return runs;
}

/// LinuxKit says what `docker buildx` would do; who names an engine is told what that would.
int run_dry(Context& context, std::vector<PackageRun>& runs, const PkgBuildOptions& options) {
  package::EngineOptions engine = options.build.engine;
  engine.storage = package::engine_storage(context.store());
  const auto chosen = engine.name.empty() ? package::make_docker(engine.builder) : package::make_engine(engine);
  std::string text;
  for (const PackageRun& run : runs) text += run.commands(*chosen);
  context.result(text, Fields{}.add("commands", text));
  return 0;
}

int run_build(Context& context, PkgBuildOptions options) {
  const auto use = oci::use_store(context.store());
  check(options);
  options.build.engine.builder.contexts = parse_builders(options.builders);
  options.build.show_output = options.progress == "plain";
  options.build.sbom = options.sbom_scanner != "false";
  PackageWorkshop workshop{context, options.logins};
  std::vector<PackageRun> runs = open_all(context, workshop, options);
  if (options.dry_run) return run_dry(context, runs, options);
  std::string text;
  std::vector<Fields> objects;
  for (PackageRun& run : runs) {
    run.run();
    if (!context.dialect().packages_on_stdout) text += run.name() + "\n";
    objects.push_back(run.fields());
  }
  context.result(text, Fields{}.add("packages", std::move(objects)));
  return 0;
}

void add_platform_options(CLI::App& command, PkgBuildOptions& options) {
  CLI::Option* platforms =
      command.add_option("--platforms", options.platforms, "For which platforms; by default all the package lists")
          ->delimiter(',')
          ->type_name("LIST")
          ->allow_extra_args(false);
  command.add_option("--skip-platforms", options.skipped_platforms, "For which not")
      ->delimiter(',')
      ->type_name("LIST")
      ->allow_extra_args(false)
      ->excludes(platforms);
}

void add_engine_options(CLI::App& command, PkgBuildOptions& options) {
  package::EngineOptions& engine = options.build.engine;
  command.add_option("--engine", engine.name, "What builds Dockerfiles: buildah, podman, docker or buildctl")
      ->envname("KILN_ENGINE");
  command.add_option("--builders", options.builders, "Docker contexts by platform: linux/arm64=CONTEXT")
      ->delimiter(',')
      ->envname("LINUXKIT_BUILDERS")
      ->allow_extra_args(false);
  command.add_option("--builder-name", engine.builder.name, "Of docker's builder")
      ->envname("LINUXKIT_BUILDER_NAME")
      ->capture_default_str();
  command.add_option("--builder-image", engine.builder.image, "Of docker's builder")
      ->envname("LINUXKIT_BUILDER_IMAGE")
      ->capture_default_str();
  command.add_option("--builder-config", engine.builder.config, "buildkitd.toml for docker's builder")
      ->envname("LINUXKIT_BUILDER_CONFIG");
  command.add_flag("--builder-restart", engine.builder.restart, "Make docker's builder anew");
  command.add_option("--progress", options.progress, "plain: show what the engine prints")
      ->check(CLI::IsMember({"auto", "plain", "tty"}))
      ->capture_default_str();
  command.add_option("--ssh", options.build.ssh, "An SSH agent or key for RUN --mount=type=ssh; repeatable")
      ->allow_extra_args(false);
  command.add_flag("--ignore-cached", options.build.refresh_bases, "Ask registries for base images that are here");
  command.add_flag("--precache-images", options.precache, "Is always done: base images are pulled into the cache");
  command.add_option("--sbom-scanner", options.sbom_scanner,
                     "false: no SBOM for images of Dockerfiles; Kiln reads their package databases itself");
}

void add_build_verb(CLI::App& pkg, Context& context, const char* name, const char* help, bool push) {
  CLI::App* command = pkg.add_subcommand(name, help);
  auto options = std::make_shared<PkgBuildOptions>();
  options->push = push;
  add_package_options(*command, *options);
  add_platform_options(*command, *options);
  CLI::Option* force = command->add_flag("--force", options->force, "Build again what is there");
  command->add_flag("--pull", options->pull, "Pull what a registry has, instead of leaving it there")->excludes(force);
  command->add_flag("--push", options->push, "Push what was built");
  command->add_flag("--nobuild", options->no_build, "Build nothing: push what the cache has")->excludes(force);
  command->add_option("--release", options->release, "Also push it under this tag; by default those of HEAD");
  command->add_flag("--manifest,!--no-manifest", options->arch_tags, "Push TAG-ARCH for each architecture too")
      ->capture_default_str();
  command->add_flag("--docker", options->docker, "Load it into docker or podman");
  command->add_option("--dockerfile", options->package.dockerfile, "Instead of build.yml's; relative to the package");
  command->add_option("--build-arg-file", options->build.argument_files, "Lines KEY=VALUE; repeatable")
      ->allow_extra_args(false);
  command->add_flag("--dry-run", options->dry_run, "Print a command for each architecture that would build it");
  add_engine_options(*command, *options);
  on_run(*command, [&context, options, push] {
    if (push && context.dialect().packages_on_stdout) {
      context.print_error("Command \"push\" is deprecated, use 'pkg build --push' instead\n");
    }
    return run_build(context, *options);
  });
}

}  // namespace

void add_pkg_build(CLI::App& pkg, Context& context) {
  add_build_verb(pkg, context, "build", "Build packages into the cache, unless they are there", false);
  add_build_verb(pkg, context, "push", "Build packages and push them (the same as build --push)", true);
}

}  // namespace kiln::cli
