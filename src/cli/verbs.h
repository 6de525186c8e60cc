#pragma once

#include <functional>

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

/// What a verb does once the whole command line has been understood; its result is the exit status.
using Action = std::function<int()>;

/// Makes `action` what runs when `command` is the verb that was given.
void on_run(CLI::App& command, Action action);

// Each adds one verb, with its options and its help, to the program: one file each.
void add_build(CLI::App& program, Context& context);
void add_cache(CLI::App& program, Context& context);
void add_convert(CLI::App& program, Context& context);
void add_completion(CLI::App& program, Context& context);
void add_help(CLI::App& program, Context& context);
void add_lock(CLI::App& program, Context& context);
void add_ipxe(CLI::App& program, Context& context);
void add_metadata(CLI::App& program, Context& context);
void add_pkg(CLI::App& program, Context& context);
void add_pull(CLI::App& program, Context& context);
void add_push(CLI::App& program, Context& context);
void add_run(CLI::App& program, Context& context);
void add_serve(CLI::App& program, Context& context);
void add_version(CLI::App& program, Context& context);

}  // namespace kiln::cli
