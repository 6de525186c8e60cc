#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "oci/registry.h"
#include "package/build.h"

namespace kiln::cli {

class Context;

/// What packages are built with, and where they are pushed. The context must outlive it.
class PackageWorkshop {
 public:
  /// `logins` are those of the command line: REGISTRY=USER:PASSWORD or REGISTRY=TOKEN.
  explicit PackageWorkshop(Context& context, const std::vector<std::string>& logins = {});
  ~PackageWorkshop();
  PackageWorkshop(const PackageWorkshop&) = delete;
  PackageWorkshop& operator=(const PackageWorkshop&) = delete;

  const package::Workshop& tools() const;
  oci::Registry& registry();  ///< which packages are pushed to; other than that of the tools, it is never a mirror
  ThreadPool& transfers();

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

/// What config::load() wants for `@kiln:` and `@pkg:`; nothing is opened before the first of them.
std::function<std::string(std::string_view scheme, std::string_view rest, std::string_view directory)> package_resolver(
    Context& context, const oci::Platform& platform);

}  // namespace kiln::cli
