#include "cli/completion.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <string_view>

#include "cli/context.h"
#include "cli/verbs.h"

namespace kiln::cli {
namespace {

std::vector<const CLI::App*> verbs_of(const CLI::App& command) {
  return command.get_subcommands([](const CLI::App* verb) { return !verb->get_name().empty(); });
}

/// The option a word names, looked for in the verb and in those above it, as the parser does.
const CLI::Option* find_option(const CLI::App* command, const std::string& word) {
  for (; command != nullptr; command = command->get_parent()) {
    for (const CLI::Option* option :
         command->get_options([](const CLI::Option* one) { return one->nonpositional(); })) {
      if (option->check_name(word)) return option;
    }
  }
  return nullptr;
}

bool takes_value(const CLI::App* command, const std::string& word) {
  if (word.find('=') != std::string::npos) return false;
  const CLI::Option* option = find_option(command, word);
  return option != nullptr && option->get_items_expected_max() > 0;
}

std::string first_line(std::string text) {
  text.erase(std::min(text.find('\n'), text.size()));
  return text;
}

void add_options(const CLI::App& command, std::vector<Candidate>& out) {
  for (const CLI::Option* option : command.get_options([](const CLI::Option* one) { return one->nonpositional(); })) {
    const bool is_hidden = option->get_group().empty();
    if (is_hidden) continue;
    for (const std::string& name : option->get_lnames())
      out.push_back({"--" + name, first_line(option->get_description())});
  }
}

// The shells' scripts are thin: what there is to complete is known here, and tested here.

constexpr char kBash[] = R"(# bash completion for PROGRAM; load it with: source <(PROGRAM completion bash)
_PROGRAM_complete() {
  local candidates
  candidates=$(PROGRAM __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f1)
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "${COMP_WORDS[COMP_CWORD]}")
}
complete -o default -F _PROGRAM_complete PROGRAM
)";

constexpr char kZsh[] = R"(#compdef PROGRAM
# zsh completion for PROGRAM; load it with: source <(PROGRAM completion zsh)
_PROGRAM() {
  local -a candidates
  local line
  for line in "${(@f)$(PROGRAM __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}"; do
    [[ -n $line ]] && candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
  done
  if (( ${#candidates} )); then
    _describe 'PROGRAM' candidates
  else
    _files
  fi
}
compdef _PROGRAM PROGRAM
)";

constexpr char kFish[] = R"(# fish completion for PROGRAM; load it with: PROGRAM completion fish | source
function __PROGRAM_complete
  set -l words (commandline -opc) (commandline -ct)
  PROGRAM __complete $words[2..-1] 2>/dev/null
end
complete -c PROGRAM -a '(__PROGRAM_complete)'
)";

constexpr char kPowershell[] =
    R"(# PowerShell completion for PROGRAM; load it with: PROGRAM completion powershell | Out-String | Invoke-Expression
Register-ArgumentCompleter -Native -CommandName 'PROGRAM' -ScriptBlock {
  param($wordToComplete, $commandAst, $cursorPosition)
  $words = @($commandAst.CommandElements | Select-Object -Skip 1 | ForEach-Object { "$_" })
  if ($wordToComplete -eq '') { $words += '' }
  & 'PROGRAM' __complete @words 2>$null | ForEach-Object {
    $word, $description = $_ -split "`t", 2
    if ($word -like "$wordToComplete*") {
      [System.Management.Automation.CompletionResult]::new($word, $word, 'ParameterValue', "$description ")
    }
  }
}
)";

struct Shell {
  std::string_view name, script;
};
constexpr std::array kShells{Shell{"bash", kBash}, Shell{"zsh", kZsh}, Shell{"fish", kFish},
                             Shell{"powershell", kPowershell}};
constexpr std::string_view kMark = "PROGRAM";

}  // namespace

std::vector<Candidate> complete(const CLI::App& program, const std::vector<std::string>& words) {
  if (words.empty()) return {};
  const CLI::App* command = &program;
  bool has_arguments = false;
  for (std::size_t i = 0; i + 1 < words.size(); ++i) {
    if (takes_value(command, words[i])) {
      if (i + 2 == words.size()) return {};  // the last word is that value
      ++i;
      continue;
    }
    if (words[i].starts_with('-')) continue;
    const auto verbs = verbs_of(*command);
    const auto verb =
        std::find_if(verbs.begin(), verbs.end(), [&](const CLI::App* one) { return one->check_name(words[i]); });
    if (verb != verbs.end()) {
      command = *verb;
    } else {
      has_arguments = true;
    }
  }
  std::vector<Candidate> all;
  if (words.back().starts_with('-')) {
    for (const CLI::App* one = command; one != nullptr; one = one->get_parent()) add_options(*one, all);
  } else if (!has_arguments) {
    for (const CLI::App* verb : verbs_of(*command))
      all.push_back({verb->get_name(), first_line(verb->get_description())});
  }
  std::vector<Candidate> out;
  for (Candidate& candidate : all) {
    const bool is_new =
        std::none_of(out.begin(), out.end(), [&](const auto& had) { return had.word == candidate.word; });
    if (candidate.word.starts_with(words.back()) && is_new) out.push_back(std::move(candidate));
  }
  return out;
}

std::string completion_lines(const std::vector<Candidate>& candidates) {
  std::string text;
  for (const Candidate& candidate : candidates) text += concat(candidate.word, "\t", candidate.description, "\n");
  return text;
}

std::string completion_script(const std::string& shell, const std::string& program) {
  const auto found =
      std::find_if(kShells.begin(), kShells.end(), [&](const Shell& known) { return known.name == shell; });
  if (found == kShells.end())
    throw Error{"no completion for ", quote(shell), ": expected bash, zsh, fish or powershell"};
  std::string text{found->script};
  for (std::size_t at = 0; (at = text.find(kMark, at)) != std::string::npos;) text.replace(at, kMark.size(), program);
  return text;
}

void add_completion(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("completion", "Print a script that completes words in a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh, fish or powershell")->required();
  on_run(*command, [&context, shell] {
    context.print(completion_script(*shell, std::string{context.dialect().program}));
    return 0;
  });
}

}  // namespace kiln::cli
