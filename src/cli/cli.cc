#include "cli/cli.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <iostream>
#include <optional>

#include "cli/completion.h"
#include "cli/context.h"
#include "cli/verbs.h"
#include "cli/version.h"

namespace kiln::cli {
namespace {

constexpr int kFailed = 1;

void add_verbs(CLI::App& program, Context& context) {
  add_build(program, context);
  add_convert(program, context);
  add_lock(program, context);
  add_run(program, context);
  add_pull(program, context);
  add_push(program, context);
  add_ipxe(program, context);
  add_pkg(program, context);
  add_cache(program, context);
  add_metadata(program, context);
  add_serve(program, context);
  add_version(program, context);
  add_completion(program, context);
  add_help(program, context);
}

/// LinuxKit's -v takes a number (spec cli.md §1).
void add_verbosity_level(CLI::App& program, GlobalOptions& options) {
  constexpr unsigned kDebug = 2;
  constexpr unsigned kTrace = 3;
  const auto set = [&options](const unsigned& level) {
    options.log_levels = true;
    if (level == 0) options.quiet = true;
    options.verbose = level >= kDebug;
  };
  program.add_option_function<unsigned>("-v,--verbose", set, "0 errors only, 1 information, 2 every step, 3 the same")
      ->type_name("N")
      ->check(CLI::Range(0U, kTrace));
}

void add_global_options(CLI::App& program, const Dialect& dialect, GlobalOptions& options) {
  program.fallthrough();  // global options may also stand after the verb
  program.add_option("--cache", options.cache, "Directory of images and what was made of them (KILN_CACHE)")
      ->type_name("DIR");
  CLI::Option* quiet = program.add_flag("-q,--quiet", options.quiet, "Show warnings and errors only");
  if (dialect.verbosity_is_number) {
    add_verbosity_level(program, options);
  } else {
    program.add_flag("-v,--verbose", options.verbose, "Show every step")->excludes(quiet);
  }
  program.add_flag("--json", options.json, "Results on stdout and events on stderr as JSON");
  program.add_option("-j,--jobs", options.jobs, "Threads to use; by default one per processor")
      ->type_name("N")
      ->check(CLI::Range(1U, 1024U));
  program
      .add_option("--insecure-registry", options.insecure_registries,
                  "Reach this registry by plain HTTP (loopback is anyway); may be repeated")
      ->type_name("HOST[:PORT]")
      ->allow_extra_args(false);
  program
      .add_option("--mirror", options.mirrors,
                  "Read images of REGISTRY, or of any, from here first (LINUXKIT_MIRROR); may be repeated")
      ->type_name("[REGISTRY=]URL")
      ->allow_extra_args(false);
  program
      .add_option("--cert-file", options.certificate_files,
                  "Trust the certificate authorities of this file (PEM) too; may be repeated")
      ->type_name("FILE")
      ->allow_extra_args(false);
  program.set_version_flag("--version", concat(dialect.program, " ", version()), "Print the version");
  program.set_help_all_flag("--help-all", "Print the help of every verb");
}

const CLI::App& innermost(const CLI::App& program) {
  const CLI::App* command = &program;
  while (!command->get_subcommands().empty()) command = command->get_subcommands().front();
  return *command;
}

std::string full_name(const CLI::App& command) {
  const CLI::App* parent = command.get_parent();
  return parent == nullptr ? command.get_name() : full_name(*parent) + " " + command.get_name();
}

/// "kiln bild": CLI11 only says that a subcommand is required.
std::optional<std::string> unknown_verb(const CLI::App& program) {
  const std::vector<std::string> words = program.remaining(true);
  const auto verb = std::find_if(words.begin(), words.end(), [](const auto& word) { return !word.starts_with('-'); });
  if (verb == words.end()) return std::nullopt;
  return concat("unknown verb ", quote(*verb));
}

/// --help and --version end well; anything else is a mistake on the command line.
int usage(const CLI::App& program, const CLI::ParseError& error, Context& context) {
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) return program.exit(error);
  std::string message = error.what();
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) message = unknown_verb(program).value_or(message);
  while (!message.empty() && (message.back() == '.' || message.back() == '\n')) message.pop_back();
  if (!message.empty() && message.size() > 1 && std::islower(static_cast<unsigned char>(message[1])) != 0) {
    message[0] = static_cast<char>(std::tolower(static_cast<unsigned char>(message[0])));
  }
  context.show_error(Error{message}.with_hint(concat("see '", full_name(innermost(program)), " --help'")));
  return context.dialect().usage_status;
}

}  // namespace

void on_run(CLI::App& command, Action action) {
  // CLI11 calls this when parsing has succeeded as a whole. The status leaves as CLI11's own kind of exception, the one
  // way to hand a value through parse().
  command.callback([action = std::move(action)] { throw CLI::RuntimeError(action()); });
}

int run_command_line(int argc, const char* const* argv) {
  const Dialect& dialect = dialect_of(argc > 0 ? argv[0] : "");
  std::vector<std::string> words{argv + std::min(argc, 1), argv + argc};
  Context context{dialect};
  CLI::App program{"Bakes container images into bootable operating systems, and boots them.",
                   std::string{dialect.program}};
  program.require_subcommand(1);
  program.get_formatter()->column_width(34);
  add_global_options(program, dialect, context.options);
  add_verbs(program, context);
  try {
    if (!words.empty() && words[0] == kCompleteWord) {
      words.erase(words.begin());
      context.print(completion_lines(complete(program, words)));
      return 0;
    }
    if (dialect.settings_file) check_settings_file();
    words = dialect.words(std::move(words));
    std::reverse(words.begin(), words.end());  // as CLI11 wants them
    program.parse(std::move(words));
    return 0;
  } catch (const CLI::RuntimeError& ended) {
    return ended.get_exit_code();
  } catch (const CLI::ParseError& error) {
    return usage(program, error, context);
  } catch (const Error& error) {
    context.show_error(error);
  } catch (const std::bad_alloc&) {
    context.show_error(Error{"out of memory"});
  } catch (const std::exception& error) {
    context.show_error(Error{"an error Kiln does not know how to explain: ", error.what()});
  }
  return kFailed;
}

}  // namespace kiln::cli
