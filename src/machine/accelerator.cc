#include "machine/accelerator.h"

#include <unistd.h>

#include "base/child_process.h"
#include "base/error.h"

namespace kiln::machine {
namespace {

std::string_view first_line(std::string_view text) { return text.substr(0, text.find('\n')); }

/// Why this QEMU cannot use KVM for this guest; empty if it can. A /dev/kvm is no proof: inside some virtual machines
/// it is there and then refuses what a processor needs. So a machine is made, never started, and ended: 0.2 s.
std::string objection_to_kvm(const Model& model, const std::string& program) {
  if (model.architecture != host_architecture()) {
    return concat("the guest is ", model.architecture, ", this host is ", host_architecture());
  }
  if (::access("/dev/kvm", R_OK | W_OK) != 0) return "/dev/kvm cannot be opened for reading and writing";
  Command attempt;
  attempt.arguments = {"timeout",
                       "10",
                       program,
                       "-no-user-config",
                       "-nodefaults",
                       "-machine",
                       std::string{model.kvm_machine},
                       "-accel",
                       "kvm",
                       "-cpu",
                       "host",
                       "-display",
                       "none",
                       "-S",
                       "-qmp",
                       "stdio"};
  attempt.input = R"({"execute":"qmp_capabilities"}{"execute":"quit"})";
  const CommandResult result = run(attempt);
  if (result.status == 0) return {};
  return concat("QEMU cannot use it: ", quote(first_line(result.errors)));
}

}  // namespace

std::string choose_accelerator(std::string_view requested, const Model& model, const std::string& program,
                               Reporter& reporter) {
  const bool chosen_by_us = requested.empty();
  if (chosen_by_us) requested = "kvm:tcg";
  std::string objection;
  while (!requested.empty()) {
    const std::size_t colon = requested.find(':');
    const std::string_view one = requested.substr(0, colon);
    requested = colon == std::string_view::npos ? std::string_view{} : requested.substr(colon + 1);
    const std::string_view name = one.substr(0, one.find(','));
    if (name == "tcg") return std::string{one};
    if (name != "kvm") throw Error{"--accel ", quote(one), ": expected kvm, tcg or kvm:tcg"};
    objection = objection_to_kvm(model, program);
    if (objection.empty()) return std::string{one};
    reporter.detail(concat("not using KVM: ", objection));
  }
  throw Error{"--accel kvm: ", objection}.with_hint("leave --accel out: what is fastest here is chosen by itself");
}

}  // namespace kiln::machine
