#include "cli/system_build.h"

#include "base/thread_pool.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/workshop.h"
#include "cli/yaml_input.h"
#include "oci/store_use.h"
#include "runtime/check.h"

namespace kiln::cli {

build::BootSet build_boot_set(Context& context, const SystemSource& source) {
  build::Options options;
  options.threads = context.options.jobs;
  if (!source.compression.empty()) options.compression = build::Compression::parse(source.compression);
  const auto use = oci::use_store(context.store());
  const config::System system = config::load(read_inputs(context, source.files),
                                             package_resolver(context, source.platform), runtime::check_options);
  const build::ResolvedSystem resolved =
      build::resolve(system, source.platform, image_fetcher(context, source.pull), context.pool());
  build::Build build{resolved, context.store(), options, context.reporter()};
  build::BootSet set = build.boot_set_to_load();
  build.prune();
  return set;
}

bool is_yaml(const std::string& word) { return word == "-" || word.ends_with(".yml") || word.ends_with(".yaml"); }

}  // namespace kiln::cli
