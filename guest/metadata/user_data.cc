#include "metadata/user_data.h"

#include <algorithm>

#include "base/json.h"
#include "base/text.h"

namespace guest {
namespace {

constexpr std::size_t kMaxEntries = 10'000;

bool is_file_name(std::string_view name) {
  return !name.empty() && name != "." && name != ".." && name.size() <= 255 &&
         name.find_first_of(std::string_view{"/\0", 2}) == std::string_view::npos;
}

/// "0644"; empty stands for the default.
bool parse_mode(std::string_view text, mode_t& mode) {
  if (text.empty()) return true;
  if (text.size() > 4 || text.find_first_not_of("01234567") != std::string_view::npos) return false;
  mode = 0;
  for (char c : text) mode = mode << 3 | static_cast<mode_t>(c - '0');
  return mode <= 0777;
}

class Planner {
 public:
  Planner(std::vector<PlannedEntry>& entries, std::vector<std::string>& problems)
      : entries_(entries), problems_(problems) {}

  void add_all(const std::string& parent, const json::Value& object) {
    for (const json::Member& member : object.members()) {
      std::string problem = add(parent, member.name, member.value);
      if (!problem.empty())
        problems_.push_back(format("'%s': %s", printable(parent + member.name).c_str(), problem.c_str()));
    }
  }

 private:
  std::string add(const std::string& parent, const std::string& name, const json::Value& value) {
    using Kind = json::Value::Kind;
    if (!is_file_name(name)) return "expected the name of one file, without '/'";
    if (!value.is(Kind::object)) return "expected an object with \"content\" or \"entries\"";
    const json::Value& content = value["content"];
    const json::Value& children = value["entries"];
    if (content.is(Kind::null) == children.is(Kind::null)) return "expected either \"content\" or \"entries\"";
    PlannedEntry entry{parent + name, children.is(Kind::object), 0, content.text()};
    if (!entry.directory && !content.is(Kind::string)) return "expected \"content\" to be text, \"entries\" an object";
    entry.mode = entry.directory ? 0755 : 0644;
    const std::string& perm = value["perm"].text();
    if (!parse_mode(perm, entry.mode))
      return format("\"perm\" is '%s': expected octal digits up to 0777", printable(perm.substr(0, 20)).c_str());
    if (entries_.size() == kMaxEntries) return "there are more than 10000 entries";
    entries_.push_back(std::move(entry));
    add_all(parent + name + "/", children);
    return {};
  }

  std::vector<PlannedEntry>& entries_;
  std::vector<std::string>& problems_;
};

}  // namespace

bool plan_user_data(std::string_view text, std::vector<PlannedEntry>& entries, std::vector<std::string>& problems) {
  entries.clear();
  problems.clear();
  json::Value value;
  if (!json::parse(text, value).empty() || !value.is(json::Value::Kind::object)) return false;
  Planner{entries, problems}.add_all("", value);
  return true;
}

}  // namespace guest
