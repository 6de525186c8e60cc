#include "cli/build_run.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <filesystem>
#include <optional>

#include "base/file.h"
#include "base/thread_pool.h"
#include "build/build.h"
#include "build/image_contents.h"
#include "build/input_tar.h"
#include "build/sbom.h"
#include "cli/build_steps.h"
#include "cli/build_summary.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/locking.h"
#include "cli/workshop.h"
#include "cli/yaml_input.h"
#include "config/load.h"
#include "config/outputs.h"
#include "format/format.h"
#include "oci/store_use.h"
#include "runtime/check.h"

namespace kiln::cli {
namespace {

/// Each once, in the order given.
std::vector<oci::Platform> platforms_of(const BuildOptions& options) {
  std::vector<oci::Platform> out;
  for (const auto* list : {&options.platforms, &options.architectures}) {
    for (const std::string& text : *list) {
      const oci::Platform platform = oci::Platform::parse(text);
      if (std::find(out.begin(), out.end(), platform) == out.end()) out.push_back(platform);
    }
  }
  if (out.empty()) out.push_back(oci::Platform::of_host());
  return out;
}

/// What tells a platform's outputs from the others': "arm64", "arm-v7".
std::string file_name_of(const oci::Platform& platform) {
  return platform.architecture + (platform.variant.empty() ? "" : "-" + platform.variant);
}

/// `-o -`: the tar goes to standard output and nothing else does.
int build_to(build::Build& build, Context& context, build::Build::TarKind kind, const std::string& output) {
  if (output == "-") {
    context.end_progress();
    FdSink sink{STDOUT_FILENO, "standard output"};
    build.write_tar(kind, sink);
  } else {
    AtomicFile file{output};
    build.write_tar(kind, file.sink());
    file.commit();
  }
  return 0;
}

/// Where in the root tree the configuration is written: the last element of `files:` that does it (layout.md §12).
std::string metadata_path(const config::System& system) {
  for (auto file = system.files.rbegin(); file != system.files.rend(); ++file) {
    if (file->kind == config::File::Kind::metadata) return file->path;
  }
  return {};
}

/// The tar of an earlier build, if there is one that is of use.
std::unique_ptr<build::InputTar> open_input_tar(Context& context, const BuildOptions& options,
                                                const config::System& system) {
  if (options.input_tar.empty()) return nullptr;
  const std::string metadata = metadata_path(system);
  if (metadata.empty()) {
    context.reporter().warning(
        concat("--input-tar is ignored: no element of 'files' has 'metadata', which would tell what ",
               quote(options.input_tar), " was made of"));
    return nullptr;
  }
  const auto parse = [&](const std::string& text) {
    return config::load_shown({concat(options.input_tar, ":", metadata), text, "."});
  };
  auto tar = std::make_unique<build::InputTar>(options.input_tar, context.store().derived_directory("layers"), metadata,
                                               parse);
  if (!tar->system()) {
    context.reporter().warning(concat(quote(options.input_tar), " has no ", quote(metadata), ": all is built anew"));
  }
  return tar;
}

/// What the package databases of an image say that brings no SBOM along. LinuxKit's SBOM has nothing of such images.
build::SbomMaker sbom_maker(Context& context) {
  if (context.dialect().strict_tar) return {};
  return [&context](const oci::Image& image) -> std::optional<std::string> {
    try {
      const inventory::ImageContents contents =
          build::read_contents(image, image.reference.canonical(), context.store(), context.reporter());
      return contents.packages.empty() ? std::nullopt : std::optional{inventory::spdx_document(contents)};
    } catch (const Error& error) {
      throw Error{error}.with_hint("the build does without an SBOM: --no-sbom");
    }
  };
}

/// As LinuxKit there is an SBOM unless told otherwise; as Kiln when asked.
void add_sbom(Context& context, const BuildOptions& options, const build::ImageFetcher& fetch,
              build::ResolvedSystem& system) {
  const bool asked =
      options.sbom || options.sbom_current_time || !options.sbom_output.empty() || context.dialect().strict_tar;
  if (options.no_sbom || !asked) return;
  const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::string path = options.sbom_output.empty() ? "sbom.spdx.json" : options.sbom_output;
  if (path.starts_with('/')) path.erase(0, 1);
  const std::vector<build::ImageSbom> sboms = build::collect_sboms(system, fetch, context.store(), sbom_maker(context));
  system.root_files.push_back({path, build::merge_sboms(sboms, options.sbom_current_time ? now : build::kFixedTime)});
}

void check_input_tar(const BuildOptions& options) {
  if (options.input_tar.empty()) return;
  const auto excludes = [&](bool given, const char* option) {
    if (given) throw Error{"--input-tar takes what is unchanged from a tar: it cannot be given with ", option};
  };
  excludes(options.pull, "--pull");
  excludes(options.locked, "--locked");
  std::error_code error;
  if (!options.output.empty() && std::filesystem::equivalent(options.output, options.input_tar, error)) {
    throw Error{"--input-tar and -o are the same file: ", quote(options.output)};
  }
}

/// Of what is written where.
void check_outputs(const BuildOptions& options) {
  if (!options.directory.empty() && !std::filesystem::is_directory(options.directory)) {
    throw Error{"output directory ", quote(options.directory), " does not exist"}.with_hint(
        concat("create it first: mkdir -p ", quote(options.directory)));
  }
  if (options.output.empty()) return;
  if (!options.name.empty() || !options.directory.empty())
    throw Error{"-o names the output: --name and --dir cannot be given too"};
  const std::string format = options.formats.empty() ? "tar" : options.formats[0];
  if (options.formats.size() > 1 || (format != "tar" && format != "docker")) {
    throw Error{"-o writes a stream: the only format it can have is tar or docker"};
  }
}

void check(const BuildOptions& options, std::size_t platforms) {
  if (options.locked && options.docker) {
    throw Error{"--docker takes whatever docker has under a name: it cannot be given with --locked"};
  }
  check_input_tar(options);
  check_outputs(options);
  if (platforms == 1) return;
  if (!options.output.empty()) {
    throw Error{"-o writes one stream: there are ", platforms, " platforms"}.with_hint(
        "leave -o out, and each platform gets a file of its own");
  }
  if (!options.input_tar.empty()) {
    throw Error{"--input-tar is the tar of one platform: there are ", platforms}.with_hint("build one after the other");
  }
}

std::vector<const format::Format*> formats_of(const BuildOptions& options) {
  std::vector<const format::Format*> formats;
  for (const std::string& name : options.formats) formats.push_back(&format::format_by_name(name));
  return formats;
}

/// What a YAML of before May 2017 asks for itself; otherwise the default.
std::vector<const format::Format*> formats_of(const std::vector<config::Input>& inputs) {
  std::vector<const format::Format*> formats;
  for (const config::OutputFormat& output : config::output_formats(inputs)) {
    try {
      const format::Format* format = &format::format_by_name(output.name);
      if (std::find(formats.begin(), formats.end(), format) == formats.end()) formats.push_back(format);
    } catch (const Error& error) {
      throw error.within(output.where.to_string()).with_hint("say --format, and what 'outputs' names does not matter");
    }
  }
  if (formats.empty()) formats.push_back(&format::format_by_name("kernel+initrd"));
  return formats;
}

build::Options build_options(const Context& context, const BuildOptions& options) {
  build::Options out;
  out.threads = context.options.jobs;
  out.decompress_kernel = options.decompress_kernel;
  out.linuxkit_tar = options.strict || context.dialect().strict_tar;
  const std::string compression =
      options.compression.empty() ? std::string{context.dialect().compression} : options.compression;
  if (!compression.empty()) out.compression = build::Compression::parse(compression);
  return out;
}

/// What stays the same for every platform of one command.
struct Job {
  std::vector<config::Input> inputs;
  std::vector<const format::Format*> formats;  ///< none: what the inputs ask for, or the default
  build::Options build;
  std::optional<package::Lock> lock;
  std::string lock_name;
};

Job make_job(Context& context, const BuildOptions& options) {
  Job job;
  job.formats = formats_of(options);
  job.build = build_options(context, options);
  if (options.locked) {
    const std::filesystem::path path = lock_path(options.lock_file, options.files);
    job.lock = read_lock(path);
    job.lock_name = path.native();
  }
  job.inputs = read_inputs(context, options.files);
  return job;
}

/// Where names come from: a lock, or else the store and the registries.
class Names {
 public:
  Names(Context& context, const Job& job, const BuildOptions& options) : context_{context}, dry_run_{options.dry_run} {
    if (job.lock) locked_.emplace(context, *job.lock, job.lock_name);
    fetch_ = locked_ ? locked_->fetcher() : image_fetcher(context, options.pull);
    if (options.docker && !options.pull) fetch_ = docker_fetcher(context, std::move(fetch_));
  }

  config::System load(const std::vector<config::Input>& inputs, const oci::Platform& platform) {
    // What --dry-run prints is judged by the schema alone, as LinuxKit does.
    return config::load(inputs, locked_ ? locked_->resolver(platform) : package_resolver(context_, platform),
                        dry_run_ ? config::OptionsCheck{} : runtime::check_options);
  }
  const build::ImageFetcher& fetch() const { return fetch_; }
  build::ImageFetcher fetch_attestations() { return locked_ ? locked_->attestation_fetcher() : fetch_; }

 private:
  Context& context_;
  bool dry_run_;
  std::optional<LockedNames> locked_;
  build::ImageFetcher fetch_;
};

build::ResolvedSystem resolve(Context& context, const BuildOptions& options, const config::System& system,
                              const oci::Platform& platform, Names& names) {
  if (context.dialect().tells_steps) {
    for (const std::string& step : build_steps(system)) context.reporter().info(step);
  }
  const std::unique_ptr<build::InputTar> earlier = open_input_tar(context, options, system);
  build::ResolvedSystem resolved =
      build::resolve(system, platform, names.fetch(), context.pool(), earlier.get(), &context.reporter());
  add_sbom(context, options, names.fetch_attestations(), resolved);
  return resolved;
}

bool makes_boot_set(const format::Format& format) {
  return std::string_view{format.name}.ends_with("kernel+initrd") ||
         format.name == std::string_view{"tar-kernel-initrd"};
}

/// The outputs of one platform, below `base`.
BuiltPlatform write_outputs(Context& context, const Job& job, const build::ResolvedSystem& system,
                            const std::filesystem::path& base, format::OutputSet& outputs) {
  BuiltPlatform built{system.platform.to_string(), {}, false};
  build::Build build{system, context.store(), job.build, context.reporter()};
  for (const format::Format* format : job.formats) {
    format->write(build, base, outputs);
    if (!makes_boot_set(*format)) continue;
    built.boot = build.boot_set();
    built.has_boot = true;
  }
  build.prune();
  return built;
}

}  // namespace

int run_build(Context& context, const BuildOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  const std::vector<oci::Platform> platforms = platforms_of(options);
  check(options, platforms.size());
  const auto use = oci::use_store(context.store());
  Job job = make_job(context, options);
  Names names{context, job, options};
  if (options.dry_run) {
    context.print(config::to_yaml(names.load(job.inputs, platforms[0]), config::YamlStyle::dry_run) + "\n");
    return 0;
  }
  if (job.formats.empty()) job.formats = formats_of(job.inputs);
  // Everything of all platforms is there before the first is built: what is missing is found out at once.
  std::deque<build::ResolvedSystem> systems;
  for (const oci::Platform& platform : platforms) {
    systems.push_back(resolve(context, options, names.load(job.inputs, platform), platform, names));
  }
  if (!options.output.empty()) {
    build::Build build{systems[0], context.store(), job.build, context.reporter()};
    const bool docker = !options.formats.empty() && options.formats[0] == "docker";
    return build_to(build, context, docker ? build::Build::TarKind::docker : build::Build::TarKind::plain,
                    options.output);
  }

  const std::filesystem::path directory = options.directory.empty() ? "." : options.directory;
  const std::string name = options.name.empty() ? default_name(options.files) : options.name;
  AtomicFile::remove_stale(directory);
  std::vector<BuiltPlatform> built;
  format::OutputSet outputs{context.store()};  // of all platforms: they appear together or not at all
  for (const build::ResolvedSystem& system : systems) {
    const std::string its_name = systems.size() == 1 ? name : concat(name, "-", file_name_of(system.platform));
    const auto base = options.directory.empty() ? std::filesystem::path{its_name} : directory / its_name;
    built.push_back(write_outputs(context, job, system, base, outputs));
  }
  outputs.commit();
  show_build(context, built, outputs.outputs(),
             std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin));
  return 0;
}

}  // namespace kiln::cli
