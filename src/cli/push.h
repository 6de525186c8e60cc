#pragma once

#include <string>
#include <vector>

#include "cli/boot_source.h"

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

// The verbs below `kiln push`: one file each.
void add_push_ipxe(CLI::App& push, Context& context);
void add_push_equinixmetal(CLI::App& push, Context& context);
void add_push_oci(CLI::App& push, Context& context);

/// What `kiln push oci` does.
struct PushOsOptions {
  std::string reference;
  BootSource source;
  std::vector<std::string> architectures;
};
int push_os(Context& context, const PushOsOptions& options);

}  // namespace kiln::cli
