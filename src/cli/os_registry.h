#pragma once

#include <string>
#include <string_view>

#include "netboot/registry_source.h"
#include "publish/boot_parts.h"

namespace CLI {
class App;
}
namespace kiln::machine {
struct QemuOptions;
}

namespace kiln::cli {

class Context;

// Operating systems in registries, as `kiln push oci` stores them.

/// Whether it is "oci://REFERENCE".
bool is_os_url(std::string_view text);

/// Brings it into the cache. `reference` may be an oci:// URL; `architecture` may be empty.
publish::BootParts pull_os(Context& context, const std::string& reference, const std::string& architecture);

/// The same, to be asked for newer ones again and again. The context must outlive it.
netboot::RegistryQuestions os_questions(Context& context, const std::string& reference,
                                        const std::string& architecture);

/// What to call it: the last part of the repository.
std::string os_name(const std::string& reference);

/// For `kiln run`: brings what `options.name` is the URL of into the machine's state directory, and makes that the
/// name.
void fetch_os(Context& context, machine::QemuOptions& options);

void add_pull_oci(CLI::App& pull, Context& context);

}  // namespace kiln::cli
