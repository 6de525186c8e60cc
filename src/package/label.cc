#include "package/label.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "config/load.h"
#include "config/node.h"

namespace kiln::package {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::array<std::string_view, 27> kNumbers = {"uid",
                                                       "gid",
                                                       "additionalGids",
                                                       "oomScoreAdj",
                                                       "major",
                                                       "minor",
                                                       "hostID",
                                                       "containerID",
                                                       "size",
                                                       "limit",
                                                       "reservation",
                                                       "swap",
                                                       "kernel",
                                                       "kernelTCP",
                                                       "swappiness",
                                                       "shares",
                                                       "quota",
                                                       "period",
                                                       "weight",
                                                       "leafWeight",
                                                       "realtimeRuntime",
                                                       "realtimePeriod",
                                                       "rate",
                                                       "classID",
                                                       "priority",
                                                       "pageSize",
                                                       "blkioWeight"};
constexpr std::array<std::string_view, 5> kBooleans = {"readonly", "noNewPrivileges", "createInRoot", "allow",
                                                       "disableOOMKiller"};

template <std::size_t N>
bool contains(const std::array<std::string_view, N>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

Json convert(const config::Node& node, std::string_view key);

Json convert_mapping(const config::Node& node) {
  Json object = Json::object();
  for (const config::Node::Entry& entry : node.entries)
    object[entry.key->text] = convert(*entry.value, entry.key->text);
  return object;
}

Json convert_scalar(const config::Node& node, std::string_view key) {
  if (node.kind == config::Node::Kind::boolean && contains(kBooleans, key)) {
    return node.text[0] == 't' || node.text[0] == 'T';
  }
  if (node.plain && contains(kNumbers, key)) {
    std::int64_t value = 0;
    const char* end = node.text.data() + node.text.size();
    const auto [stop, error] = std::from_chars(node.text.data(), end, value);
    if (error == std::errc{} && stop == end) return value;
  }
  return node.text;
}

Json convert(const config::Node& node, std::string_view key) {
  switch (node.kind) {
    case config::Node::Kind::mapping:
      return convert_mapping(node);
    case config::Node::Kind::sequence: {
      Json list = Json::array();
      for (const config::NodePtr& item : node.items) list.push_back(convert(*item, key));
      return list;
    }
    case config::Node::Kind::null:
      return {};
    default:
      return convert_scalar(node, key);
  }
}

}  // namespace

std::string label_json(const config::Node& section) {
  if (section.kind != config::Node::Kind::mapping) throw Error{"expected a mapping"};
  std::string json;
  try {
    json = convert(section, "").dump();
  } catch (const nlohmann::json::exception&) {
    throw Error{"text that is not UTF-8"};
  }
  config::parse_label(json, "the package");
  return json;
}

}  // namespace kiln::package
