#pragma once

namespace CLI {
class App;
}

namespace kiln::cli {

class Context;

// The verbs below `kiln cache` that bring images in and out.
void add_cache_pull(CLI::App& cache, Context& context);
void add_cache_push(CLI::App& cache, Context& context);
void add_cache_export(CLI::App& cache, Context& context);
void add_cache_import(CLI::App& cache, Context& context);

}  // namespace kiln::cli
