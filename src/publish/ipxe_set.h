#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "publish/boot_parts.h"
#include "publish/destination.h"

namespace kiln::publish {

/// The names of the three files.
struct IpxeNames {
  std::string kernel, initrd, script;
};

struct IpxeSetOptions {
  IpxeNames names;
  std::string architecture;       ///< that is expected; empty: any
  bool unpack_initramfs = false;  ///< also decompress the initramfs, which Linux does by itself
  /// Makes the script for a kernel of that architecture.
  std::function<std::string(const std::string& architecture)> script;
};

/// What was stored where.
struct PublishedFile {
  std::string location;
  std::uint64_t size = 0;
};

/// Publishes an operating system for iPXE: the kernel in the form it starts, the initramfs in one file, and last the
/// script, so that no script ever names files that are not there. Everything that can be refused is refused before
/// the first byte is sent. `scratch` holds what must be unpacked or joined on the way.
std::vector<PublishedFile> publish_ipxe_set(const BootParts& parts, const IpxeSetOptions& options,
                                            Destination& destination, const std::filesystem::path& scratch,
                                            Reporter& reporter);

/// Throws Error unless the kernel is for the architecture that was asked for (if any was).
void check_architecture(const std::string& kernel, const std::string& asked);

/// Go's name of an architecture, also from the kernel's: x86_64 is amd64, aarch64 is arm64.
std::string go_architecture(const std::string& name);

}  // namespace kiln::publish
