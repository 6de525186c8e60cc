#include "cli/build_steps.h"

#include "base/error.h"
#include "oci/reference.h"

namespace kiln::cli {
namespace {

std::string name_of(const std::string& image) { return oci::Reference::parse(image).canonical(); }

void add_containers(const char* title, const std::vector<config::Container>& containers,
                    std::vector<std::string>& lines) {
  if (containers.empty()) return;
  lines.emplace_back(title);
  for (const config::Container& container : containers) {
    lines.push_back(concat("  Create OCI config for ", name_of(container.image)));
  }
}

}  // namespace

std::vector<std::string> build_steps(const config::System& system) {
  std::vector<std::string> lines;
  if (system.kernel && !system.kernel->image.empty()) {
    lines.push_back(concat("Extract kernel image: ", name_of(system.kernel->image)));
  }
  if (!system.init.empty()) lines.emplace_back("Add init containers:");
  for (const auto& image : system.init) lines.push_back(concat("Process init image: ", name_of(image.image)));
  add_containers("Add onboot containers:", system.onboot, lines);
  add_containers("Add onshutdown containers:", system.onshutdown, lines);
  add_containers("Add service containers:", system.services, lines);
  if (!system.files.empty()) lines.emplace_back("Add files:");
  return lines;
}

}  // namespace kiln::cli
