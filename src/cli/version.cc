#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/verbs.h"

namespace kiln::cli {

namespace {

struct VersionOptions {
  bool only_number = false, only_commit = false;
};

std::string version_text(const Dialect& dialect, const VersionOptions& options) {
  if (options.only_number) return KILN_VERSION "\n";
  if (options.only_commit) return KILN_COMMIT "\n";
  return concat(dialect.version, KILN_VERSION "\ncommit: " KILN_COMMIT "\n");
}

}  // namespace

void add_version(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("version", "Print the version");
  auto options = std::make_shared<VersionOptions>();
  command->add_flag("--short", options->only_number, "Print the number alone");
  command->add_flag("--commit", options->only_commit, "Print the commit it was built from alone");
  on_run(*command, [&context, options] {
    context.result(version_text(context.dialect(), *options),
                   Fields{}.add("version", KILN_VERSION).add("commit", KILN_COMMIT));
    return 0;
  });
}

}  // namespace kiln::cli
