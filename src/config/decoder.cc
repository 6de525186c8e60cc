#include "config/decoder.h"

#include <algorithm>
#include <limits>

#include "config/nearest.h"
#include "config/scalar.h"

namespace kiln::config {
namespace {

/// Text from the document for a message: quoted, and cut off where nobody would read on.
std::string quote_start(std::string_view text) {
  constexpr std::size_t kLongest = 100;
  if (text.size() <= kLongest) return quote(text);
  std::size_t end = kLongest;
  while ((text[end] & 0xc0) == 0x80) --end;  // not within a character
  return quote(text.substr(0, end)) + "...";
}

std::string describe(const Node& node) {
  switch (node.kind) {
    case Node::Kind::null:
      return "nothing";
    case Node::Kind::boolean:
      return concat("the boolean ", node.text);
    case Node::Kind::integer:
      return concat("the integer ", node.text);
    case Node::Kind::number:
      return concat("the number ", node.text);
    case Node::Kind::string:
      return concat("the string ", quote_start(node.text));
    case Node::Kind::sequence:
      return "a list";
    case Node::Kind::mapping:
      return "a mapping";
  }
  return "";
}

bool is_scalar(const Node& node) {
  return node.kind != Node::Kind::sequence && node.kind != Node::Kind::mapping && node.kind != Node::Kind::null;
}

/// What to write instead, for the mistakes that are made again and again.
std::string how_to_write(const Node& node, std::string_view expected) {
  if (node.kind == Node::Kind::null) return "leave the key out, or give it a value";
  if (!is_scalar(node) || node.text.size() > 100) return "";
  if (expected == "a string") return concat("write \"", node.text, "\" in quotes");
  if (expected == "a list")
    return concat("write [", node.kind == Node::Kind::string ? quote(node.text) : node.text, "]");
  if (expected == "true or false") {
    std::string word = node.text;
    std::transform(word.begin(), word.end(), word.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
    if (word == "yes" || word == "on" || word == "y" || word == "true" || word == "1") return "write true";
    if (word == "no" || word == "off" || word == "n" || word == "false" || word == "0") return "write false";
  }
  if (expected == "an integer" && plain_scalar_kind(node.text) == Node::Kind::integer) return "remove the quotes";
  return "";
}

void decode_integer(Decoder& decoder, const Place& place, const Node& node, std::int64_t least, std::uint64_t most,
                    Integer& out) {
  if (node.kind != Node::Kind::integer) return decoder.wrong_type(place, node, "an integer");
  const Integer value = parse_integer(node.text).value_or(Integer{});
  const bool too_small = value.negative && value.magnitude > static_cast<std::uint64_t>(-(least + 1)) + 1;
  if ((least >= 0 && value.negative && value.magnitude != 0) || (least < 0 && too_small) ||
      (!value.negative && value.magnitude > most)) {
    return decoder.error(
        node, concat(place.to_string(), ": expected an integer from ", least, " to ", most, ", got ", node.text));
  }
  out = value;
}

}  // namespace

std::string Place::to_string() const {
  std::string text{kind};
  if (!kind.empty() && (!name.empty() || item != 0)) text += ' ';
  if (item != 0) text += concat("item ", item);
  if (!name.empty()) text += quote(name);
  return outer ? concat(text, " of ", outer->to_string()) : text;
}

void Decoder::error(const Node& node, std::string message, std::string hint) {
  wrong_.insert(&node);
  diagnostics_.error(position(node), std::move(message), std::move(hint));
}

void Decoder::wrong_type(const Place& place, const Node& node, std::string_view expected) {
  error(node, concat(place.to_string(), ": expected ", expected, ", got ", describe(node)),
        how_to_write(node, expected));
}

void Decoder::unknown_key(const Place& place, const Node& key, const std::vector<std::string_view>& valid) {
  // Spellings of the first schemas (spec yaml.md §13), too far from today's to be found by distance.
  static constexpr std::pair<std::string_view, std::string_view> kRenamed[] = {
      {"system", "onboot"},        {"daemon", "services"},           {"network_mode", "net"}, {"network", "net"},
      {"read_only", "readonly"},   {"oom_score_adj", "oomScoreAdj"}, {"cmd", "command"},      {"args", "command"},
      {"environment", "env"},      {"working_dir", "cwd"},           {"workdir", "cwd"},      {"volumes", "binds"},
      {"cap_add", "capabilities"},
  };
  std::optional<std::string_view> meant;
  for (const auto& [old_name, new_name] : kRenamed)
    if (key.text == old_name && std::find(valid.begin(), valid.end(), new_name) != valid.end()) meant = new_name;
  if (!meant) meant = nearest(key.text, valid);
  error(key, concat("unknown key ", quote_start(key.text), " in ", place.to_string(),
                    meant ? concat("; did you mean ", quote(*meant), "?") : ""));
}

bool Decoder::has_mistake(const Node& node) const {
  if (wrong_.contains(&node)) return true;
  return std::any_of(node.items.begin(), node.items.end(), [&](const NodePtr& item) { return has_mistake(*item); }) ||
         std::any_of(node.entries.begin(), node.entries.end(),
                     [&](const Node::Entry& entry) { return has_mistake(*entry.key) || has_mistake(*entry.value); });
}

void Decoder::check_options(const Place& place, const Node& mapping, const ContainerOptions& options) {
  if (check_ == nullptr || !*check_) return;
  (*check_)(options, [&](std::string_view key, std::size_t item, const Error& mistake) {
    const Node* list = mapping.find(key);
    if (list == nullptr || item >= list->items.size()) return;
    const Node& element = *list->items[item];
    if (has_mistake(element)) return;  // what follows from it would only distract
    const Place at_key{&place, "", key, 0};
    error(element, concat(Place{&at_key, "", "", item + 1}.to_string(), ": ", mistake.message()), mistake.hint());
  });
}

void decode(Decoder& decoder, const Place& place, const Node& node, std::string& out) {
  if (node.kind != Node::Kind::string) return decoder.wrong_type(place, node, "a string");
  out = node.text;
}

void decode(Decoder& decoder, const Place& place, const Node& node, bool& out) {
  if (node.kind != Node::Kind::boolean) return decoder.wrong_type(place, node, "true or false");
  out = parse_boolean(node.text);
}

void decode(Decoder& decoder, const Place& place, const Node& node, std::int64_t& out) {
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max();
  Integer value;
  decode_integer(decoder, place, node, std::numeric_limits<std::int64_t>::min(), kMost, value);
  out = static_cast<std::int64_t>(value.negative ? -value.magnitude : value.magnitude);
}

void decode(Decoder& decoder, const Place& place, const Node& node, std::uint32_t& out) {
  Integer value;
  decode_integer(decoder, place, node, 0, std::numeric_limits<std::uint32_t>::max(), value);
  out = static_cast<std::uint32_t>(value.magnitude);
}

void decode(Decoder& decoder, const Place& place, const Node& node, Id& out) {
  if (node.kind == Node::Kind::string) {
    out = node.text;
  } else if (node.kind == Node::Kind::integer) {
    std::uint32_t number = 0;
    decode(decoder, place, node, number);
    out = number;
  } else {
    decoder.wrong_type(place, node, "an integer or the name of a container");
  }
}

void decode(Decoder& decoder, const Place& place, const Node& node, std::map<std::string, std::string>& out) {
  if (node.kind != Node::Kind::mapping) return decoder.wrong_type(place, node, "a mapping");
  out.clear();
  for (const Node::Entry& entry : node.entries) {
    std::string value;
    decode(decoder, Place{&place, "", entry.key->text, 0}, *entry.value, value);
    out[entry.key->text] = std::move(value);
  }
}

}  // namespace kiln::config
