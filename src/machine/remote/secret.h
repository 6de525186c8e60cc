#pragma once

#include <string>
#include <vector>

namespace kiln::machine {

/// Where a password or token may come from. Never the command line: every user of the host could read it there.
struct SecretSource {
  std::string what;                      ///< for messages and the prompt: "password of admin on https://10.0.0.2"
  std::string file;                      ///< --password-file; its first line
  std::vector<std::string> environment;  ///< variables, the first that is set
  std::string option;                    ///< that names the file, for hints
};

/// From the file, the environment, or a prompt on the terminal that does not show what is typed; the first there is.
/// Throws Error if there is none.
std::string read_secret(const SecretSource& source);

}  // namespace kiln::machine
