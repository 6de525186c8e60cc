#pragma once

#include <optional>
#include <string>
#include <vector>

#include "publish/ipxe_script.h"

namespace CLI {
class App;
}

namespace kiln::cli {

/// What the command line changes of an iPXE script.
struct ScriptOptions {
  std::optional<std::string> dhcp, parameters, console, boot;
  std::vector<std::string> lines;
  bool no_imgstat = false;

  void apply(publish::IpxeScript& script) const;
};

void add_script_options(CLI::App& command, ScriptOptions& options);

}  // namespace kiln::cli
