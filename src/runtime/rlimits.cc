#include "runtime/rlimits.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <string_view>

#include "base/error.h"

namespace kiln::runtime {
namespace {

constexpr std::string_view kLimits[] = {"CPU",      "FSIZE",  "DATA",    "STACK", "CORE",  "RSS",
                                        "NPROC",    "NOFILE", "MEMLOCK", "AS",    "LOCKS", "SIGPENDING",
                                        "MSGQUEUE", "NICE",   "RTPRIO",  "RTTIME"};

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

std::string upper(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return result;
}

std::string parse_name(std::string_view text, const std::string& whole) {
  std::string name = upper(trim(text));
  const std::string_view bare = name.starts_with("RLIMIT_") ? std::string_view{name}.substr(7) : name;
  if (std::find(std::begin(kLimits), std::end(kLimits), bare) == std::end(kLimits))
    throw Error{"unknown limit: ", quote(trim(text)), " in rlimit ", quote(whole)}.with_hint(
        "the limits are those of setrlimit: nofile, nproc, memlock, stack and so on");
  return concat("RLIMIT_", bare);
}

std::uint64_t parse_amount(std::string_view text, const std::string& whole) {
  text = trim(text);
  if (upper(text) == "UNLIMITED") return std::numeric_limits<std::uint64_t>::max();
  std::uint64_t amount = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), amount);
  if (error != std::errc{} || end != text.data() + text.size())
    throw Error{"cannot parse rlimit: ", quote(whole), ": expected a number or unlimited, got ", quote(text)};
  return amount;
}

}  // namespace

config::Value parse_rlimit(const std::string& text) {
  const std::size_t first = text.find(',');
  const std::size_t second = first == std::string::npos ? first : text.find(',', first + 1);
  if (second == std::string::npos)
    throw Error{"cannot parse rlimit: ", quote(text), ": expected three parts"}.with_hint("write NAME,SOFT,HARD");
  const std::string_view view = text;
  config::Value rlimit;
  rlimit.add("type", parse_name(view.substr(0, first), text));
  const std::uint64_t soft = parse_amount(view.substr(first + 1, second - first - 1), text);
  rlimit.add("hard", parse_amount(view.substr(second + 1), text));
  rlimit.add("soft", soft);
  return rlimit;
}

config::Value parse_rlimits(const std::vector<std::string>& texts) {
  config::Value rlimits;
  for (const std::string& text : texts) rlimits.append(parse_rlimit(text));
  return rlimits;
}

}  // namespace kiln::runtime
