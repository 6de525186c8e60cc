#include "machine/boot_kind.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace kiln::machine {
namespace {

/// A name that is mistaken for another; find_boot_files() says for which.
bool is_mistaken(std::string_view name) {
  constexpr std::array<std::string_view, 5> kEndings{"-kernel", "-initrd.img", "-cmdline", ".yml", ".yaml"};
  return std::any_of(kEndings.begin(), kEndings.end(), [&](std::string_view ending) { return name.ends_with(ending); });
}

bool is_image(const std::string& name) {
  if (is_mistaken(name)) return false;
  std::error_code error;
  const auto type = std::filesystem::status(name, error).type();
  return type == std::filesystem::file_type::regular || type == std::filesystem::file_type::block;
}

}  // namespace

BootKind choose_boot_kind(const std::string& name, const BootKindOptions& options) {
  if (options.kernel + options.squashfs + options.iso > 1) {
    throw Error{"of --kernel, --squashfs and --iso there can be one"};
  }
  if (options.kernel) return BootKind::initramfs;
  if (options.squashfs) return BootKind::squashfs;
  if (options.iso) return BootKind::iso;
  if (is_image(name)) return name.ends_with(".iso") ? BootKind::iso : BootKind::disk;
  std::error_code error;
  const bool has_squashfs = std::filesystem::exists(name + "-squashfs.img", error);
  return has_squashfs && std::filesystem::exists(name + "-kernel", error) ? BootKind::squashfs : BootKind::initramfs;
}

}  // namespace kiln::machine
