#include "cli/boot_source.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>

#include "cli/context.h"
#include "cli/system_build.h"
#include "cli/yaml_input.h"

namespace kiln::cli {

void add_boot_source(CLI::App& command, BootSource& source) {
  command
      .add_option("SYSTEM", source.words,
                  "PREFIX of the files that 'kiln build' wrote (PREFIX-kernel …), or YAML files to build")
      ->type_name("PREFIX|FILE…");
  command.add_option("--compression", source.compression, "Of the initramfs, when a YAML file is built")
      ->type_name("HOW");
  command.add_flag("--pull", source.pull, "When a YAML file is built: ask the registries for newer images");
}

publish::BootParts load_boot_source(Context& context, const BootSource& source, const std::string& architecture) {
  if (std::all_of(source.words.begin(), source.words.end(), is_yaml)) {
    const oci::Platform platform = architecture.empty() ? oci::Platform::of_host() : oci::Platform::parse(architecture);
    return publish::parts_of_build(build_boot_set(context, {source.words, platform, source.compression, source.pull}));
  }
  if (source.words.size() > 1) {
    throw Error{"expected one prefix or YAML files, got ", quote(source.words[0]), " and ", quote(source.words[1])};
  }
  return publish::parts_of_prefix(source.words.front());
}

std::string name_of(const BootSource& source) {
  if (is_yaml(source.words.back())) return default_name(source.words);
  return std::filesystem::path{source.words.back()}.filename();
}

}  // namespace kiln::cli
