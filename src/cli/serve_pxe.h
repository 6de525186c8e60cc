#pragma once

#include <memory>

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

/// The boot server's options of `kiln serve`.
struct ServePxeOptions;

/// Adds them; what the command line says is in the result once it was parsed.
std::shared_ptr<ServePxeOptions> add_pxe_options(CLI::App& command);
/// Whether --pxe was given.
bool wants_pxe(const ServePxeOptions& options);
int serve_pxe(const ServePxeOptions& options, Context& context);

}  // namespace kiln::cli
