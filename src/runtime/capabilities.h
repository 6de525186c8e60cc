#pragma once

#include <string>
#include <vector>

namespace kiln::runtime {

/// A list of the one word `all`, or `none`, in any case (spec oci-runtime.md §5).
bool is_every_capability(const std::vector<std::string>& names);
bool is_no_capability(const std::vector<std::string>& names);

/// The names a list stands for: itself, every capability in the kernel's order, or none. Throws Error on a name that is
/// no Linux capability.
std::vector<std::string> expand_capabilities(const std::vector<std::string>& names);

/// Throws Error unless it is the name of a Linux capability.
void check_capability(const std::string& name);

}  // namespace kiln::runtime
