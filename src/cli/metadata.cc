#include <CLI/CLI.hpp>

#include "archive/data_iso.h"
#include "base/file.h"
#include "cli/context.h"
#include "cli/verbs.h"

namespace kiln::cli {
namespace {

struct MetadataOptions {
  std::string file, text;
};

int run_create(Context& context, const MetadataOptions& options) {
  const std::string iso = archive::make_data_iso("config", "config", options.text);
  if (options.file == "-") {
    context.print(iso);
    return 0;
  }
  write_file(options.file, iso);
  if (context.options.json) {
    context.result("", Fields{}.add("path", options.file).add("size", std::uint64_t{iso.size()}));
  }
  return 0;
}

}  // namespace

void add_metadata(CLI::App& program, Context& context) {
  CLI::App* metadata = program.add_subcommand("metadata", "Make what tells a machine who it is");
  metadata->require_subcommand(1);
  CLI::App* create = metadata->add_subcommand("create", "Make a disc image with metadata for 'run --disk' or a server");
  auto options = std::make_shared<MetadataOptions>();
  create->add_option("FILE", options->file, "The image to write; - is standard output")->required();
  create->add_option("METADATA", options->text, "The metadata itself")->required();
  on_run(*create, [&context, options] { return run_create(context, *options); });
}

}  // namespace kiln::cli
