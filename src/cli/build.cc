#include "build/build.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <filesystem>

#include "base/file.h"
#include "base/human.h"
#include "base/thread_pool.h"
#include "build/input_tar.h"
#include "build/sbom.h"
#include "cli/build_steps.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/system_build.h"
#include "cli/verbs.h"
#include "cli/workshop.h"
#include "cli/yaml_input.h"
#include "config/load.h"
#include "config/outputs.h"
#include "format/format.h"
#include "machine/size.h"
#include "oci/store_use.h"
#include "package/build.h"

namespace kiln::cli {
namespace {

struct BuildOptions {
  std::vector<std::string> files;
  std::string name, directory, output, compression, architecture, platform;
  std::vector<std::string> formats;
  bool pull = false;
  bool dry_run = false;
  bool strict = false;
  bool decompress_kernel = false;
  std::string input_tar;
  bool sbom = false, no_sbom = false, sbom_current_time = false;
  std::string sbom_output;
};

oci::Platform platform_of(const BuildOptions& options) {
  if (!options.platform.empty()) return oci::Platform::parse(options.platform);
  if (!options.architecture.empty()) return oci::Platform::parse(options.architecture);
  return oci::Platform::of_host();
}

struct Summary {
  std::vector<format::Output> outputs;
  build::BootSet boot;
  bool has_boot = false;
  std::chrono::milliseconds time{};
};

std::string describe_reuse(const Summary& summary) {
  const build::BootSet& boot = summary.boot;
  const std::size_t reused = boot.segments.size() - boot.segments_rendered;
  std::string text = concat("root tree ", human_size(boot.root_size));
  if (boot.content_size < boot.root_size)
    text += concat(", ", human_size(boot.root_size - boot.content_size), " of it shared");
  text += concat("; ", reused, " of ", boot.segments.size(), " segments from the cache");
  if (boot.segments_rendered > 0) text += concat(", ", human_size(boot.content_rendered), " rendered");
  return text + concat(" (", boot.compression.to_string(), ")\n");
}

/// LinuxKit says so before it writes them; that they are there when it has been said is as good.
void tell_outputs(Context& context, const Summary& summary) {
  context.reporter().info("Create outputs:");
  for (const format::Output& output : summary.outputs) context.reporter().info("  " + output.path.native());
}

void show(Context& context, const Summary& summary) {
  std::string text;
  std::size_t width = 0;
  for (const format::Output& output : summary.outputs) width = std::max(width, output.path.native().size());
  std::vector<Fields> files;
  for (const format::Output& output : summary.outputs) {
    const std::string& path = output.path.native();
    text += concat("  ", path, std::string(width - path.size() + 2, ' '), human_size(output.size),
                   output.kept ? " (unchanged)" : "", "\n");
    files.push_back(Fields{}.add("path", path).add("size", output.size).add("unchanged", output.kept));
  }
  Fields object;
  object.add("outputs", std::move(files));
  if (summary.has_boot) {
    text += "  " + describe_reuse(summary);
    object.add("root_bytes", summary.boot.root_size).add("stored_bytes", summary.boot.content_size);
    object.add("segments", std::uint64_t{summary.boot.segments.size()});
    object.add("segments_rendered", std::uint64_t{summary.boot.segments_rendered});
    object.add("rendered_bytes", summary.boot.content_rendered);
  }
  object.add("milliseconds", static_cast<std::uint64_t>(summary.time.count()));
  if (context.dialect().tells_steps && !context.options.json) return tell_outputs(context, summary);
  if (!context.options.quiet || context.options.json) {
    context.result(concat("built in ", summary.time.count(), " ms\n", text), object);
  }
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
    return config::load({{concat(options.input_tar, ":", metadata), text, "."}}, {});
  };
  auto tar = std::make_unique<build::InputTar>(options.input_tar, context.store().derived_directory("layers"), metadata,
                                               parse);
  if (!tar->system()) {
    context.reporter().warning(concat(quote(options.input_tar), " has no ", quote(metadata), ": all is built anew"));
  }
  return tar;
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
  system.root_files.push_back({path, build::merge_sboms(build::collect_sboms(system, fetch, context.store()),
                                                        options.sbom_current_time ? now : build::kFixedTime)});
}

void check(const BuildOptions& options) {
  if (!options.input_tar.empty() && options.pull) {
    throw Error{"--input-tar takes what is unchanged from a tar: it cannot be given with --pull"};
  }
  std::error_code error;
  if (!options.input_tar.empty() && !options.output.empty() &&
      std::filesystem::equivalent(options.output, options.input_tar, error)) {
    throw Error{"--input-tar and -o are the same file: ", quote(options.output)};
  }
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

/// April 2017: `moby build os` reads os.yml.
void complete_names(std::vector<std::string>& files) {
  for (std::string& file : files) {
    if (!is_yaml(file) && file.find("://") == std::string::npos && !std::filesystem::exists(file)) file += ".yml";
  }
}

int run_build(Context& context, const BuildOptions& options) {
  const auto begin = std::chrono::steady_clock::now();
  check(options);
  std::vector<const format::Format*> formats = formats_of(options);
  const oci::Platform platform = platform_of(options);

  const auto use = oci::use_store(context.store());
  const std::vector<config::Input> inputs = read_inputs(context, options.files);
  const config::System system = config::load(inputs, package_resolver(context, platform));
  if (options.dry_run) {
    context.print(config::to_yaml(system, config::YamlStyle::dry_run) + "\n");
    return 0;
  }
  if (context.dialect().tells_steps) {
    for (const std::string& step : build_steps(system)) context.reporter().info(step);
  }
  if (formats.empty()) formats = formats_of(inputs);
  const build::ImageFetcher fetch = image_fetcher(context, options.pull);
  const std::unique_ptr<build::InputTar> earlier = open_input_tar(context, options, system);
  build::ResolvedSystem resolved =
      build::resolve(system, platform, fetch, context.pool(), earlier.get(), &context.reporter());
  add_sbom(context, options, fetch, resolved);
  build::Build build{resolved, context.store(), build_options(context, options), context.reporter()};
  if (!options.output.empty()) {
    const bool docker = !options.formats.empty() && options.formats[0] == "docker";
    return build_to(build, context, docker ? build::Build::TarKind::docker : build::Build::TarKind::plain,
                    options.output);
  }

  const std::filesystem::path directory = options.directory.empty() ? "." : options.directory;
  const std::string name = options.name.empty() ? default_name(options.files) : options.name;
  const std::filesystem::path base = options.directory.empty() ? std::filesystem::path{name} : directory / name;
  AtomicFile::remove_stale(directory);
  Summary summary;
  format::OutputSet outputs{context.store()};
  for (const format::Format* format : formats) {
    format->write(build, base, outputs);
    if (std::string_view{format->name}.ends_with("kernel+initrd") ||
        format->name == std::string_view{"tar-kernel-initrd"}) {
      summary.boot = build.boot_set();
      summary.has_boot = true;
    }
  }
  outputs.commit();
  summary.outputs = outputs.outputs();
  build.prune();
  summary.time = std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - begin);
  show(context, summary);
  return 0;
}

/// What `moby build` took and what no longer means anything: nothing was ever checked without Docker's trust server,
/// and there is nothing to profile. They go on working in scripts, and are not in the help.
void add_old_options(CLI::App& command) {
  for (const char* name : {"--config", "--cpuprofile", "--memprofile"}) {
    command.add_option_function<std::string>(name, [](const std::string&) {})->group("");
  }
  command.add_flag_callback("--disable-content-trust", [] {})->group("");
}

}  // namespace

void add_build(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("build", "Build an operating system from YAML files");
  auto options = std::make_shared<BuildOptions>();
  command->add_option("FILE", options->files, "YAML files or their URLs, merged in this order; - is standard input")
      ->required();
  command
      ->add_option("-f,--format", options->formats,
                   "Output formats: kernel+initrd (default), docker, tar, tar-kernel-initrd")
      ->delimiter(',')
      ->type_name("LIST")
      ->allow_extra_args(false);
  command->add_option("--name", options->name, "Base name of the outputs; by default that of the last FILE");
  command->add_option("--dir", options->directory, "Directory of the outputs; it must exist")->type_name("DIR");
  command->add_option("-o,--o", options->output, "Write the tar to this file, or to standard output (-)")
      ->type_name("PATH");
  command->add_option("--arch", options->architecture,
                      "Architecture: arm64, amd64, riscv64 …; by default this machine's");
  command->add_option("--platform", options->platform, "The same as a platform: linux/arm64")->type_name("OS/ARCH");
  command
      ->add_option(
          "--compression", options->compression,
          "Of the initramfs: none, gzip[:LEVEL], zstd[:LEVEL]; by default zstd if the kernel reads it, else gzip")
      ->type_name("HOW");
  command->add_flag("--pull", options->pull, "Ask the registries for newer images even if the store has them");
  command
      ->add_option("--input-tar", options->input_tar,
                   "Take what is unchanged from this tar of an earlier build (LinuxKit's, or made with --strict)")
      ->type_name("TAR");
  command->add_flag("--sbom", options->sbom, "Put an SPDX document of all images into the root, as LinuxKit does");
  command->add_flag("--no-sbom", options->no_sbom, "Do not");
  command->add_option("--sbom-output", options->sbom_output, "Its name; by default sbom.spdx.json")->type_name("PATH");
  command->add_flag("--sbom-current-time", options->sbom_current_time,
                    "It is of now, not of the time all generated files have: builds then differ");
  command->add_flag("--decompress-kernel", options->decompress_kernel,
                    "The kernel proper instead of the compressed file it comes in");
  command->add_flag("--strict", options->strict,
                    "Write the tar as LinuxKit does, entry for entry, with paths that occur again");
  command->add_flag("--dry-run", options->dry_run, "Print the merged configuration and stop");
  // Of disks for clouds, which there are none of yet; LinuxKit's other formats pay no heed to it either.
  command
      ->add_option_function<std::string>(
          "--size", [](const std::string& size) { machine::parse_mebibytes(size, 1024, "--size"); })
      ->group("");
  if (context.dialect().old_build_options) {
    add_old_options(program);
    add_old_options(*command);
  }
  on_run(*command, [&context, options] {
    if (context.dialect().adds_yml) complete_names(options->files);
    return run_build(context, *options);
  });
}

}  // namespace kiln::cli
