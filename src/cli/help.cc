#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/context.h"
#include "cli/verbs.h"

namespace kiln::cli {
namespace {

/// The verb that the words name, from the program down; throws Error for one that does not exist.
const CLI::App& find_verb(const CLI::App& program, const std::vector<std::string>& words) {
  const CLI::App* command = &program;
  for (const std::string& word : words) {
    const std::vector<const CLI::App*> verbs = command->get_subcommands([](const CLI::App*) { return true; });
    const auto verb =
        std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* one) { return one->check_name(word); });
    if (verb == verbs.end()) {
      throw Error{"unknown verb ", quote(word)}.with_hint(concat("see '", program.get_name(), " --help'"));
    }
    command = *verb;
  }
  return *command;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

}  // namespace

void add_help(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("help", "Print the help of a verb");
  auto words = std::make_shared<std::vector<std::string>>();
  command->add_option("VERB", *words, "The verb, like 'cache export'");
  on_run(*command, [&program, &context, words] {
    const CLI::App& verb = find_verb(program, *words);
    // Not App::help(): that of the program is the help of the verb that was parsed, which is this one.
    context.print(verb.get_formatter()->make_help(&verb, full_name(verb), CLI::AppFormatMode::Normal));
    return 0;
  });
}

}  // namespace kiln::cli
