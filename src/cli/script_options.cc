#include "cli/script_options.h"

#include <CLI/CLI.hpp>

namespace kiln::cli {

void ScriptOptions::apply(publish::IpxeScript& script) const {
  if (dhcp) script.dhcp = *dhcp;
  if (parameters) script.parameters = *parameters;
  if (console) script.console = *console;
  if (boot) script.boot = *boot;
  script.last_lines = lines;
  if (!no_imgstat) script.last_lines.emplace_back("imgstat");
}

void add_script_options(CLI::App& command, ScriptOptions& options) {
  command
      .add_option("--console", options.console,
                  "Console of the machine: ttyS1,115200; empty for none. By default the first serial port of the\n"
                  "architecture, unless the system's own cmdline names a console")
      ->type_name("TTY");
  command
      .add_option("--parameters", options.parameters,
                  "Kernel parameters before those of the system, in place of 'ip=dhcp nomodeset ro serial'")
      ->type_name("WORDS");
  command.add_option("--dhcp", options.dhcp, "The script's line for that, in place of 'dhcp'; empty: none")
      ->type_name("LINE");
  command.add_option("--line", options.lines, "A line of one's own, after everything is loaded; repeatable")
      ->type_name("LINE")
      ->allow_extra_args(false);
  command.add_flag("--no-imgstat", options.no_imgstat, "Leave out 'imgstat', which lists what was loaded");
  command.add_option("--boot", options.boot, "The last line, in place of 'boot'")->type_name("LINE");
}

}  // namespace kiln::cli
