#pragma once

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace kiln::cli {

/// The word by which shells ask: `kiln __complete WORD…`, the last of which is the one to be completed.
inline constexpr char kCompleteWord[] = "__complete";

/// What the last word may become: verbs, or options once it begins with a dash, each with what it does. Nothing where a
/// file or another value is expected; the shell then offers files.
struct Candidate {
  std::string word, description;
  bool operator==(const Candidate&) const = default;
};
std::vector<Candidate> complete(const CLI::App& program, const std::vector<std::string>& words);

/// One a line, as shells read them: the word, a tab, what it does.
std::string completion_lines(const std::vector<Candidate>& candidates);

/// A script for bash, zsh, fish or powershell that asks `program` for candidates. Throws Error for another shell.
std::string completion_script(const std::string& shell, const std::string& program);

}  // namespace kiln::cli
