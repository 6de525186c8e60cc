#pragma once

#include <string>

namespace kiln::machine {

/// What a machine starts from.
enum class BootKind {
  initramfs,  ///< NAME-kernel with NAME-initrd.img
  squashfs,   ///< NAME-kernel with NAME-squashfs.img as its root
  disk,       ///< the file NAME, a disk that brings its own boot loader
  iso         ///< the file NAME, a CD
};

/// What the options ask for.
struct BootKindOptions {
  bool kernel = false, squashfs = false, iso = false;
};

/// By the options; else a file is an ISO image by its ending or a disk, and a name stands for what a build wrote (spec
/// cli.md §3.1). A directory of that name does not make it a disk. Throws Error for options that exclude each other.
BootKind choose_boot_kind(const std::string& name, const BootKindOptions& options);

}  // namespace kiln::machine
