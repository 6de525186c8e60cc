#include "oci/challenge.h"

#include <algorithm>
#include <cctype>
#include <optional>

namespace kiln::oci {
namespace {

/// RFC 9110 §5.6.2 "token".
bool is_token_char(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 ||
         std::string_view{"!#$%&'*+-.^_`|~"}.find(c) != std::string_view::npos;
}

std::string lower(std::string text) {
  for (char& c : text) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return text;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_{text} {}

  bool at_end() const { return rest_.empty(); }
  void skip_one() { rest_.remove_prefix(1); }

  void skip_space() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  void skip_commas() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t' || rest_.front() == ',')) skip_one();
  }
  bool take(char c) {
    if (rest_.empty() || rest_.front() != c) return false;
    skip_one();
    return true;
  }
  std::string token() {
    const auto end = std::find_if_not(rest_.begin(), rest_.end(), is_token_char);
    std::string out{rest_.begin(), end};
    rest_.remove_prefix(out.size());
    return out;
  }
  std::string value() {
    if (!take('"')) return token();
    std::string out;
    while (!rest_.empty() && !take('"')) {
      if (rest_.front() == '\\' && rest_.size() > 1) skip_one();
      out += rest_.front();
      skip_one();
    }
    return out;
  }

 private:
  std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> out;
  Scanner scanner{header};
  while (true) {
    scanner.skip_commas();
    if (scanner.at_end()) return out;
    std::string word = lower(scanner.token());
    if (word.empty()) {
      scanner.skip_one();
      continue;
    }
    scanner.skip_space();
    // "name=" is a parameter of the challenge before it; a word alone begins the next one.
    if (scanner.take('=')) {
      scanner.skip_space();
      std::string value = scanner.value();
      if (!out.empty()) out.back().parameters.emplace(std::move(word), std::move(value));
    } else {
      out.push_back({std::move(word), {}});
    }
  }
}

}  // namespace kiln::oci
