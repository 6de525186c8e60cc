#include <CLI/CLI.hpp>
#include <filesystem>

#include "cli/build_run.h"
#include "cli/context.h"
#include "cli/system_build.h"
#include "cli/verbs.h"
#include "format/format.h"
#include "machine/size.h"

namespace kiln::cli {
namespace {

/// April 2017: `moby build os` reads os.yml.
void complete_names(std::vector<std::string>& files) {
  for (std::string& file : files) {
    if (!is_yaml(file) && file.find("://") == std::string::npos && !std::filesystem::exists(file)) file += ".yml";
  }
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
                   concat("Output formats: ", format::format_names(), "; by default kernel+initrd"))
      ->delimiter(',')
      ->type_name("LIST")
      ->allow_extra_args(false);
  command->add_option("--name", options->name, "Base name of the outputs; by default that of the last FILE");
  command->add_option("--dir", options->directory, "Directory of the outputs; it must exist")->type_name("DIR");
  command->add_option("-o,--o", options->output, "Write the tar to this file, or to standard output (-)")
      ->type_name("PATH");
  command
      ->add_option("--arch", options->architectures,
                   "Architectures: arm64, amd64, riscv64 …; by default this machine's. Several have outputs NAME-ARCH")
      ->delimiter(',')
      ->type_name("LIST")
      ->allow_extra_args(false);
  command->add_option("--platform", options->platforms, "The same as platforms: linux/arm64,linux/amd64")
      ->delimiter(',')
      ->type_name("LIST")
      ->allow_extra_args(false);
  command
      ->add_option(
          "--compression", options->compression,
          "Of the initramfs: none, gzip[:LEVEL], zstd[:LEVEL]; by default zstd if the kernel reads it, else gzip")
      ->type_name("HOW");
  CLI::Option* pull =
      command->add_flag("--pull", options->pull, "Ask the registries for newer images even if the store has them");
  command->add_flag("--docker", options->docker,
                    "Take images from docker or podman if these have them (not with --pull)");
  command->add_flag("--locked", options->locked, "Take what kiln.lock says, and nothing else")->excludes(pull);
  command->add_option("--lock-file", options->lock_file, "The lock; by default kiln.lock beside the first FILE")
      ->type_name("FILE");
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
