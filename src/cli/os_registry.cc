#include "cli/os_registry.h"

#include <filesystem>

#include "cli/context.h"
#include "cli/images.h"
#include "machine/qemu.h"
#include "oci/registry.h"
#include "publish/ipxe_set.h"
#include "publish/os_pull.h"

namespace kiln::cli {
namespace {

constexpr std::string_view kScheme = "oci://";

oci::Reference reference_of(const std::string& text) {
  return oci::Reference::parse(is_os_url(text) ? text.substr(kScheme.size()) : text);
}

}  // namespace

bool is_os_url(std::string_view text) { return text.starts_with(kScheme); }

publish::BootParts pull_os(Context& context, const std::string& reference, const std::string& architecture) {
  constexpr unsigned kTransfers = 4;
  oci::HttpRegistry registry{registry_options(context)};
  ThreadPool downloads{kTransfers};
  return publish::pull_os(reference_of(reference), architecture, context.store(), registry, downloads,
                          context.reporter());
}

netboot::RegistryQuestions os_questions(Context& context, const std::string& reference,
                                        const std::string& architecture) {
  const auto look = [&context, reference] {
    oci::RegistryOptions options = registry_options(context);
    options.attempts = options.mirror_attempts = 1;
    options.connect_timeout = options.stall_timeout = std::chrono::seconds{5};
    oci::HttpRegistry registry{options};
    const std::optional<oci::Descriptor> found = registry.manifest_descriptor(reference_of(reference));
    if (!found) throw Error{"the registry does not have it any more"};
    return found->digest.to_string();
  };
  return {look, [&context, reference, architecture] { return pull_os(context, reference, architecture); }};
}

std::string os_name(const std::string& reference) {
  const std::string repository = reference_of(reference).repository();
  return repository.substr(repository.rfind('/') + 1);
}

void fetch_os(Context& context, machine::QemuOptions& options) {
  const std::string url = options.name;
  const publish::BootParts parts = pull_os(context, url, options.architecture);
  if (options.state.empty()) options.state = os_name(url) + "-state";
  make_directories(options.state);
  options.name = std::filesystem::path{options.state} / os_name(url);
  publish::write_boot_files(parts, options.name);
}

}  // namespace kiln::cli
