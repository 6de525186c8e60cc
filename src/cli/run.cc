#include "cli/run.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "cli/context.h"
#include "cli/verbs.h"
#include "machine/size.h"

namespace kiln::cli {

void add_run(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("run", "Boot an operating system, in QEMU or on a server");
  add_run_qemu(*command, context);
  add_run_redfish(*command, context);
  add_run_ipmi(*command, context);
  add_run_packet(*command, context);
  command->footer(
      "Exit status: 0 the guest powered off (or a server's console was left), 1 an error, 2 a wrong command line,\n"
      "3 the guest's kernel panicked, 4 the guest rebooted (--no-reboot), 130 the plug was pulled or Ctrl-C.");
}

CLI::App* add_backend(CLI::App& run, const std::string& name, const std::string& help) {
  return run.add_subcommand(name, help);
}

void refuse_qemu_options(const CLI::App& backend) {
  for (const CLI::Option* option : backend.get_parent()->get_options()) {
    const bool is_own = option->get_name() == "--help" || option->get_name() == "--help-all";
    if (option->count() == 0 || is_own) continue;
    throw Error{option->get_name(), " is for QEMU: 'kiln run ", backend.get_name(), "' has no such option"}.with_hint(
        concat("see 'kiln run ", backend.get_name(), " --help'"));
  }
}

void add_tls_options(CLI::App& command, machine::TlsOptions& options) {
  command
      .add_option("--ca-file", options.authorities, "Certificates (PEM) of authorities to trust besides the system's")
      ->type_name("FILE")
      ->allow_extra_args(false);
  command.add_flag("--insecure", options.insecure, "Do not verify the server's certificate");
}

std::chrono::nanoseconds parse_timeout(const std::string& text) {
  constexpr std::uint64_t kMost = 1'000'000;
  constexpr std::uint64_t kMinute = 60;
  const bool minutes = text.ends_with('m');
  const bool unit = minutes || text.ends_with('s');
  const std::string_view number = std::string_view{text}.substr(0, text.size() - (unit ? 1 : 0));
  return std::chrono::seconds{machine::parse_number(number, 1, kMost, "--timeout") * (minutes ? kMinute : 1)};
}

}  // namespace kiln::cli
