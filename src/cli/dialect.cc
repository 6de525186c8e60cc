#include "cli/dialect.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "cli/locations.h"
#include "cli/log_line.h"

namespace kiln::cli {
namespace {

using Words = std::vector<std::string>;
using Time = std::chrono::system_clock::time_point;

Words as_they_are(Words words) { return words; }

std::string hint_line(const Error& error, const Style& style) {
  return error.hint().empty() ? "" : concat(style.hint("hint:"), " ", error.hint(), "\n");
}

std::string kiln_error(const Error& error, const Style& style, Time) {
  return concat(style.error("error:"), " ", error.message(), "\n", hint_line(error, style));
}

/// Two lines, of which scripts look for either (spec cli.md §1).
std::string linuxkit_error(const Error& error, const Style& style, Time now) {
  return concat("Error: ", error.message(), "\n", formatted_time(now, "%Y/%m/%d %H:%M:%S"),
                " error during command execution: ", error.message(), "\n", hint_line(error, style));
}

/// A fatal line of the log (spec cli.md §8).
std::string moby_error(const Error& error, const Style& style, Time now) {
  return log_line(now, "fatal", error.message()) + hint_line(error, style);
}

constexpr std::array kDialects{
    Dialect{
        .program = "kiln",
        .words = as_they_are,
        .cache_directory = default_cache_directory,
        .error_text = kiln_error,
        .usage_status = 2,
        .verbosity_is_number = false,
        .settings_file = false,
        .tells_steps = false,
        .strict_tar = false,
        .lists_on_stderr = false,
        .packages_on_stdout = false,
        .only_success_matters = false,
        .adds_yml = false,
        .old_build_options = false,
        .compression = "",
        .publish_address = "127.0.0.1",
        .version = "kiln ",
    },
    Dialect{
        .program = "linuxkit",
        .words = as_they_are,
        .cache_directory = linuxkit_cache_directory,
        .error_text = linuxkit_error,
        .usage_status = 1,
        .verbosity_is_number = true,
        .settings_file = true,
        .tells_steps = true,
        .strict_tar = true,
        .lists_on_stderr = true,
        .packages_on_stdout = true,
        .only_success_matters = true,
        .adds_yml = false,
        .old_build_options = false,
        .compression = "gzip",
        .publish_address = "0.0.0.0",
        .version = "linuxkit version ",
    },
    Dialect{
        .program = "moby",
        .words = modern_words,
        .cache_directory = linuxkit_cache_directory,
        .error_text = moby_error,
        .usage_status = 1,
        .verbosity_is_number = false,
        .settings_file = true,
        .tells_steps = true,
        .strict_tar = true,
        .lists_on_stderr = true,
        .packages_on_stdout = true,
        .only_success_matters = true,
        .adds_yml = true,
        .old_build_options = true,
        .compression = "gzip",
        .publish_address = "0.0.0.0",
        .version = "moby version ",
    },
};

/// Options of `moby` before its verb that take a value.
bool takes_value(std::string_view word) {
  constexpr std::array<std::string_view, 5> kNames{"--name", "--config", "--cpuprofile", "--memprofile", "--cache"};
  return std::find(kNames.begin(), kNames.end(), word) != kNames.end();
}

/// The first word that is neither an option nor the value of one.
Words::iterator first_argument(Words& words) {
  auto word = words.begin();
  while (word != words.end() && word->starts_with('-') && *word != "-") {
    word += takes_value(*word) && word + 1 != words.end() ? 2 : 1;
  }
  return word;
}

bool is_yaml_name(std::string_view word) { return word == "-" || word.ends_with(".yml") || word.ends_with(".yaml"); }

}  // namespace

const Dialect& dialect_of(std::string_view program) {
  const std::string_view name = program.substr(program.rfind('/') + 1);
  const auto found =
      std::find_if(kDialects.begin(), kDialects.end(), [&](const Dialect& dialect) { return dialect.program == name; });
  return found == kDialects.end() ? kDialects.front() : *found;
}

Words with_double_dashes(Words words) {
  for (std::string& word : words) {
    const bool is_single = word.size() > 2 && word[0] == '-' && std::isalpha(static_cast<unsigned char>(word[1])) != 0;
    if (is_single && word[2] != '=') word.insert(0, "-");
  }
  return words;
}

Words modern_words(Words words) {
  words = with_double_dashes(std::move(words));
  for (std::string& word : words) {
    if (word == "--output" || word.starts_with("--output=")) word.replace(0, 8, "--format");
  }
  const bool asks_for_help = std::find(words.begin(), words.end(), "--help") != words.end() ||
                             std::find(words.begin(), words.end(), "-h") != words.end();
  const auto argument = first_argument(words);
  const bool has_verb = argument != words.end() && !is_yaml_name(*argument);
  if (has_verb || asks_for_help) return words;
  if (argument == words.end()) words.emplace_back("moby.yaml");
  words.insert(words.begin(), {"build", "--format", "bzimage+initrd"});
  return words;
}

}  // namespace kiln::cli
