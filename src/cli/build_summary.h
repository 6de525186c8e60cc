#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "build/build.h"
#include "format/output_set.h"

namespace kiln::cli {

class Context;

/// What there is to tell of one platform's build.
struct BuiltPlatform {
  std::string platform;
  build::BootSet boot;  ///< if a format has asked for it
  bool has_boot = false;
};

/// The result of `kiln build`: the outputs, and how much of them came from the cache; of several platforms for each.
void show_build(Context& context, const std::vector<BuiltPlatform>& platforms,
                const std::vector<format::Output>& outputs, std::chrono::milliseconds time);

}  // namespace kiln::cli
