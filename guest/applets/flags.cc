#include "applets/flags.h"

#include <cctype>
#include <limits>

#include "base/text.h"

namespace guest {
namespace {

const Flag* find_flag(const std::vector<Flag>& flags, std::string_view name) {
  for (const Flag& flag : flags) {
    if (name == flag.name) return &flag;
  }
  return nullptr;
}

std::string known_flags(const std::vector<Flag>& flags) {
  std::string names;
  for (const Flag& flag : flags) names += std::string{names.empty() ? "-" : ", -"} + flag.name;
  return names;
}

}  // namespace

std::string parse_flags(int argc, char** argv, const std::vector<Flag>& flags, std::vector<std::string>& rest) {
  int i = 1;
  for (; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.size() < 2 || argument[0] != '-') break;
    if (argument == "--") {
      ++i;
      break;
    }
    std::string_view name = argument.substr(argument[1] == '-' ? 2 : 1);
    std::size_t equals = name.find('=');
    const Flag* flag = find_flag(flags, name.substr(0, equals));
    if (flag == nullptr) {
      return format("unknown option '%s': expected %s", printable(argument).c_str(), known_flags(flags).c_str());
    }
    if (flag->text != nullptr) {
      if (equals == std::string_view::npos && i + 1 == argc) return format("-%s: expected a value", flag->name);
      *flag->text = equals == std::string_view::npos ? std::string_view{argv[++i]} : name.substr(equals + 1);
      continue;
    }
    std::string_view value = equals == std::string_view::npos ? "true" : name.substr(equals + 1);
    if (value != "true" && value != "false") {
      return format("-%s: expected true or false, got '%s'", flag->name, printable(value).c_str());
    }
    *flag->truth = value == "true";
  }
  rest.assign(argv + (i < argc ? i : argc), argv + argc);
  return {};
}

std::uint64_t parse_size(std::string_view text) {
  unsigned shift = 0;
  if (!text.empty()) {
    switch (std::toupper(static_cast<unsigned char>(text.back()))) {
      case 'K':
        shift = 10;
        break;
      case 'M':
        shift = 20;
        break;
      case 'G':
        shift = 30;
        break;
      case 'T':
        shift = 40;
        break;
    }
    if (shift != 0) text.remove_suffix(1);
  }
  auto number = parse_decimal(text);
  if (!number || *number > (std::numeric_limits<std::uint64_t>::max() >> shift)) return 0;
  return *number << shift;
}

}  // namespace guest
