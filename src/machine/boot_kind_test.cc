#include "machine/boot_kind.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/file.h"

namespace kiln::machine {
namespace {

struct KindCase {
  const char* name;
  std::vector<const char*> files;  ///< that exist; one that ends in '/' is a directory
  const char* given;
  BootKindOptions options;
  BootKind expected;
};

TEST(BootKind, FollowsFromWhatThereIs) {
  const KindCase kCases[] = {
      {"Kernel", {"os-kernel", "os-initrd.img"}, "os", {}, BootKind::initramfs},
      {"Nothing", {}, "os", {}, BootKind::initramfs},
      {"Squashfs", {"os-kernel", "os-initrd.img", "os-squashfs.img"}, "os", {}, BootKind::squashfs},
      {"SquashfsAlone", {"os-squashfs.img"}, "os", {}, BootKind::initramfs},
      {"Disk", {"os.qcow2"}, "os.qcow2", {}, BootKind::disk},
      {"Iso", {"os.iso"}, "os.iso", {}, BootKind::iso},
      {"FileBesideAKernel", {"os", "os-kernel", "os-initrd.img"}, "os", {}, BootKind::disk},
      {"DirectoryBesideAKernel", {"os/", "os-kernel", "os-initrd.img"}, "os", {}, BootKind::initramfs},
      {"Configuration", {"os.yml"}, "os.yml", {}, BootKind::initramfs},
      {"NameOfTheKernel", {"os-kernel"}, "os-kernel", {}, BootKind::initramfs},
      {"KernelByOption", {"os", "os-kernel"}, "os", {.kernel = true}, BootKind::initramfs},
      {"SquashfsByOption", {"os", "os-kernel"}, "os", {.squashfs = true}, BootKind::squashfs},
      {"IsoByOption", {"os.img"}, "os.img", {.iso = true}, BootKind::iso},
  };
  for (const KindCase& c : kCases) {
    const TempDir directory;
    for (const std::string file : c.files) {
      const std::string path = directory.path() / file;
      file.ends_with('/') ? make_directories(path) : write_file(path, "");
    }
    EXPECT_EQ(choose_boot_kind(directory.path() / c.given, c.options), c.expected) << c.name;
  }
}

TEST(BootKind, IsOne) {
  EXPECT_THROW(choose_boot_kind("os", {.kernel = true, .iso = true}), Error);
  EXPECT_THROW(choose_boot_kind("os", {.squashfs = true, .iso = true}), Error);
}

}  // namespace
}  // namespace kiln::machine
