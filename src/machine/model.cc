#include "machine/model.h"

#include <array>

#include "base/error.h"

namespace kiln::machine {
namespace {

// Emulated CPUs: cortex-a72 takes half of the time `max` takes (pointer authentication is dear to emulate). qemu64
// without cx16 because QEMU 7.2 gets cmpxchg16b wrong now and then: kernels oopsed at random.
constexpr std::array<Model, 3> kModels{{
    {"arm64", "qemu-system-aarch64", "qemu-system-arm", "virt", "virt,gic-version=max", "cortex-a72", "ttyAMA0",
     "/usr/share/qemu-efi-aarch64/QEMU_EFI.fd", "qemu-efi-aarch64", false},
    {"amd64", "qemu-system-x86_64", "qemu-system-x86", "q35", "q35", "qemu64,-cx16", "ttyS0", "/usr/share/ovmf/OVMF.fd",
     "ovmf", true},
    {"riscv64", "qemu-system-riscv64", "qemu-system-misc", "virt", "virt", "rv64", "ttyS0",
     "/usr/share/qemu-efi-riscv64/RISCV_VIRT_CODE.fd", "qemu-efi-riscv64", false},
}};

}  // namespace

const Model& model_of(std::string_view architecture) {
  if (architecture == "aarch64") architecture = "arm64";
  if (architecture == "x86_64") architecture = "amd64";
  for (const Model& model : kModels) {
    if (model.architecture == architecture) return model;
  }
  throw Error{"no machine for architecture ", quote(architecture), ": expected arm64, amd64 or riscv64"};
}

std::string_view host_architecture() {
#if defined(__x86_64__)
  return "amd64";
#elif defined(__aarch64__)
  return "arm64";
#elif defined(__riscv) && __riscv_xlen == 64
  return "riscv64";
#else
  return "";
#endif
}

}  // namespace kiln::machine
