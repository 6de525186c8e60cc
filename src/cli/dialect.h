#pragma once

#include <chrono>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "cli/style.h"

namespace kiln::cli {

/// The manners of the command line: those of Kiln, or those of the program it was called as. Verbs are declared with
/// one and ask it what they need; nothing else knows by which name Kiln was started.
struct Dialect {
  std::string_view program;  ///< in help and messages: kiln, linuxkit, moby

  /// What follows the program's name, in the words Kiln has: Go's `-name`, verbs that were left out.
  std::vector<std::string> (*words)(std::vector<std::string>);
  std::filesystem::path (*cache_directory)();  ///< where --cache does not say
  std::string (*error_text)(const Error& error, const Style& style, std::chrono::system_clock::time_point now);

  int usage_status;              ///< exit status after a mistake on the command line
  bool verbosity_is_number;      ///< -v N, and log lines with a level once it is given
  bool settings_file;            ///< ~/.moby/linuxkit/config.yml must be valid if it is there
  bool tells_steps;              ///< `build` tells LinuxKit's steps on stderr and nothing on stdout
  bool strict_tar;               ///< a tar is LinuxKit's, entry for entry (`build --strict`)
  bool lists_on_stderr;          ///< `cache ls` is LinuxKit's table, on stderr
  bool packages_on_stdout;       ///< `pkg build` tells its steps on stdout, without the names, and `push` is deprecated
  bool only_success_matters;     ///< `run` ends with 0 or 1, as QEMU does
  bool adds_yml;                 ///< FILE is FILE.yml if there is no FILE
  bool old_build_options;        ///< what `moby build` had and no longer means anything
  std::string_view compression;  ///< of an initramfs, where --compression does not say; empty: chosen
  std::string_view publish_address;  ///< of `run --publish`, where it does not say
  std::string_view version;          ///< what `version` prints before the number
};

/// By the name the program was started as, whatever its directory: `linuxkit`, `moby`, or anything else.
const Dialect& dialect_of(std::string_view program);

/// Go's flag package knows no difference between -name and --name. Single letters stay as they are.
std::vector<std::string> with_double_dashes(std::vector<std::string> words);

/// The words of a `moby` of 2017 or 2018 as those of today: `-output` is `--format`, and without a verb (March 2017) a
/// configuration is built under the names of that time.
std::vector<std::string> modern_words(std::vector<std::string> words);

}  // namespace kiln::cli
