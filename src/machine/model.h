#pragma once

#include <string>
#include <string_view>

namespace kiln::machine {

/// The machine QEMU is to be for an architecture.
struct Model {
  std::string_view architecture;  ///< Go's name
  std::string_view qemu;          ///< the program
  std::string_view qemu_package;  ///< Debian's package with it
  std::string_view machine;       ///< -machine when emulating
  std::string_view kvm_machine;   ///< -machine with KVM
  std::string_view emulated_cpu;  ///< the fastest model to emulate
  std::string_view console;       ///< the kernel's name of the serial console
  std::string_view firmware;      ///< UEFI, where Debian has it
  std::string_view firmware_package;
  /// Whether a kernel booted directly hears the ACPI power button. Without UEFI an ARM64 kernel has a device tree
  /// only, and Debian's cloud kernel no driver for its GPIO key: the machine gets a virtio keyboard with a power key.
  bool has_acpi;
};

/// By Go's or the kernel's name (arm64 or aarch64, amd64 or x86_64, riscv64). Throws Error listing them.
const Model& model_of(std::string_view architecture);

/// Go's name of the architecture this program was compiled for.
std::string_view host_architecture();

}  // namespace kiln::machine
