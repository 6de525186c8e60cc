#pragma once

#include "build/resolve.h"
#include "oci/registry_options.h"
#include "package/build.h"

namespace kiln::cli {

class Context;

/// Takes images from the store, or pulls them from their registries. The context must outlive it.
build::ImageFetcher image_fetcher(Context& context, bool always_pull);

/// Takes them from a docker or podman on this machine if that has them, else as `otherwise` does.
build::ImageFetcher docker_fetcher(Context& context, build::ImageFetcher otherwise);

/// How to reach registries, as the global options say.
oci::RegistryOptions registry_options(Context& context);

/// The same for pushing to them: what a push finds there, it asks of the registry itself and of no mirror.
oci::RegistryOptions push_registry_options(Context& context);

/// Where recipes and guest programs are.
package::Locations package_locations(Context& context);

}  // namespace kiln::cli
