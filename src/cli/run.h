#pragma once

#include <memory>
#include <string>
#include <vector>

#include "machine/remote/transport.h"

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

// `kiln run BACKEND`: one file each.
void add_run_qemu(CLI::App& run, Context& context);  ///< to `run` itself: it is what a NAME alone means
void add_run_redfish(CLI::App& run, Context& context);
void add_run_ipmi(CLI::App& run, Context& context);
void add_run_packet(CLI::App& run, Context& context);

// What several of them have in common.

void add_tls_options(CLI::App& command, machine::TlsOptions& options);
/// A backend's own subcommand. Options of QEMU before or after its name would fall through to `run` and do nothing
/// there: run_backend() refuses them.
CLI::App* add_backend(CLI::App& run, const std::string& name, const std::string& help);
void refuse_qemu_options(const CLI::App& backend);

/// A duration of --timeout: seconds, or with a unit, "90s" or "15m". Throws Error.
std::chrono::nanoseconds parse_timeout(const std::string& text);

}  // namespace kiln::cli
