#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/reporter.h"
#include "netboot/dhcp/client.h"
#include "oci/image.h"

namespace kiln::netboot {

/// The iPXE binary for a kind of firmware, as Debian's package names it; empty: it has none.
std::string_view ipxe_program_for(dhcp::Architecture architecture);

/// Processors that a machine can have and still be booted here, as OCI names them.
std::span<const std::string_view> known_processors();

/// Go's name for what iPXE calls ${buildarch}: "x86_64" is "amd64". Names we do not know stay as they are.
std::string_view processor_of_ipxe(std::string_view buildarch);

/// The iPXE binaries, in memory: they are small, and a server without files has none to leak.
class IpxePrograms {
 public:
  IpxePrograms() = default;

  /// Out of the layers of the `@kiln:ipxe` image. Throws Error.
  static IpxePrograms from_image(const oci::Image& image, const oci::Store& store, Reporter& reporter);
  /// Out of a directory. Throws Error if it has none of them.
  static IpxePrograms from_directory(const std::filesystem::path& directory);

  /// Null when there is none of that name.
  std::shared_ptr<const std::string> find(std::string_view name) const;
  const std::map<std::string, std::shared_ptr<const std::string>, std::less<>>& all() const { return programs_; }

 private:
  std::map<std::string, std::shared_ptr<const std::string>, std::less<>> programs_;
};

}  // namespace kiln::netboot
