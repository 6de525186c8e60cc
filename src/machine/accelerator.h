#pragma once

#include <string>
#include <string_view>

#include "base/reporter.h"
#include "machine/model.h"

namespace kiln::machine {

/// What runs the guest's instructions: `requested` (--accel: "kvm", "tcg", both with options after a comma, or several
/// separated by colons, best first), or if that is empty KVM where it works and emulation elsewhere. `program` is the
/// QEMU to try it with. Throws Error if nothing that was asked for works.
std::string choose_accelerator(std::string_view requested, const Model& model, const std::string& program,
                               Reporter& reporter);

}  // namespace kiln::machine
