#include "cli/system_build.h"

#include <unistd.h>

#include <filesystem>

#include "base/file.h"
#include "base/thread_pool.h"
#include "cli/context.h"
#include "cli/images.h"

namespace kiln::cli {

config::Input read_input(const std::string& file) {
  constexpr std::size_t kMost = std::size_t{16} << 20;
  if (file == "-") {
    FdSource input{STDIN_FILENO, "standard input"};
    return {"-", read_text(input, kMost, "standard input"), "."};
  }
  const std::filesystem::path directory = std::filesystem::path{file}.parent_path();
  return {file, read_file(file, kMost), directory.empty() ? "." : directory.native()};
}

build::BootSet build_boot_set(Context& context, const SystemSource& source) {
  build::Options options;
  options.threads = context.options.jobs;
  if (!source.compression.empty()) options.compression = build::Compression::parse(source.compression);
  std::vector<config::Input> inputs;
  for (const std::string& file : source.files) inputs.push_back(read_input(file));
  const config::System system = config::load(
      inputs, package::make_resolver(package_locations(context), source.platform, context.store(), context.reporter()));
  const build::ResolvedSystem resolved =
      build::resolve(system, source.platform, image_fetcher(context, source.pull), context.pool());
  build::Build build{resolved, context.store(), options, context.reporter()};
  build::BootSet set = build.boot_set();
  build.prune();
  return set;
}

std::string default_name(const std::vector<std::string>& files) {
  const std::string& last = files.back();
  return last == "-" ? "moby" : std::filesystem::path{last}.stem().native();
}

bool is_yaml(const std::string& word) { return word == "-" || word.ends_with(".yml") || word.ends_with(".yaml"); }

}  // namespace kiln::cli
