#include <CLI/CLI.hpp>
#include <filesystem>

#include "base/human.h"
#include "cli/context.h"
#include "cli/os_registry.h"
#include "cli/verbs.h"

namespace kiln::cli {
namespace {

struct PullOciOptions {
  std::string reference, architecture, name, directory;
};

int run_pull_oci(Context& context, const PullOciOptions& options) {
  const publish::BootParts parts = pull_os(context, options.reference, options.architecture);
  const std::string name = options.name.empty() ? os_name(options.reference) : options.name;
  const std::string base =
      options.directory.empty() ? name : (std::filesystem::path{options.directory} / name).native();
  std::string text;
  std::vector<Fields> files;
  for (const publish::FilePart& file : publish::write_boot_files(parts, base)) {
    text += concat(file.path.native(), "  ", human_size(file.size), "\n");
    files.push_back(Fields{}.add("path", file.path.native()).add("size", file.size));
  }
  context.result(text, Fields{}.add("architecture", parts.architecture).add("outputs", std::move(files)));
  return 0;
}

}  // namespace

void add_pull_oci(CLI::App& pull, Context& context) {
  CLI::App* command = pull.add_subcommand("oci", "Fetch an operating system that 'kiln push oci' stored");
  auto options = std::make_shared<PullOciOptions>();
  command->add_option("REFERENCE", options->reference, "Where it is: registry.example.org/team/os:1")->required();
  command->add_option("--arch", options->architecture, "Which architecture, if there are several")->type_name("ARCH");
  command->add_option("--name", options->name, "Base name of the files; by default the last part of the repository");
  command->add_option("--dir", options->directory, "Directory of the files; it must exist")->type_name("DIR");
  on_run(*command, [&context, options] { return run_pull_oci(context, *options); });
}

}  // namespace kiln::cli
