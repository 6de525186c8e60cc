#include <CLI/CLI.hpp>

#include "cli/context.h"
#include "cli/verbs.h"

namespace kiln::cli {

void add_version(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("version", "Print the version");
  auto only_number = std::make_shared<bool>(false);
  command->add_flag("--short", *only_number, "Print the number alone");
  on_run(*command, [&context, only_number] {
    context.result(*only_number ? KILN_VERSION "\n" : "kiln " KILN_VERSION "\n", Fields{}.add("version", KILN_VERSION));
    return 0;
  });
}

}  // namespace kiln::cli
