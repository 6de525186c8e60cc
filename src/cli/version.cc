#include "cli/version.h"

#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/verbs.h"

namespace kiln::cli {
namespace {

struct VersionOptions {
  bool only_number = false, only_commit = false;
};

std::string version_text(const Dialect& dialect, const VersionOptions& options) {
  if (options.only_number) return concat(version(), "\n");
  if (options.only_commit) return concat(commit(), "\n");
  return concat(dialect.version, version(), "\ncommit: ", commit(), "\n");
}

}  // namespace

std::string version() { return KILN_VERSION; }
std::string commit() { return KILN_COMMIT; }

void add_version(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("version", "Print the version");
  auto options = std::make_shared<VersionOptions>();
  command->add_flag("--short", options->only_number, "Print the number alone");
  command->add_flag("--commit", options->only_commit, "Print the commit it was built from alone");
  on_run(*command, [&context, options] {
    context.result(version_text(context.dialect(), *options),
                   Fields{}.add("version", version()).add("commit", commit()));
    return 0;
  });
}

}  // namespace kiln::cli
