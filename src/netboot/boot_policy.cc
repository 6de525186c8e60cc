#include "netboot/boot_policy.h"

#include <algorithm>
#include <cctype>
#include <charconv>

#include "base/error.h"
#include "config/decoder.h"
#include "config/nearest.h"
#include "netboot/ipxe_programs.h"
#include "netboot/mac_address.h"

namespace kiln::netboot {
namespace {

using config::Decoder;
using config::Node;
using config::Place;

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

bool any_matches(const std::vector<std::string>& patterns, const std::string& text) {
  if (patterns.empty()) return true;
  return !text.empty() && std::any_of(patterns.begin(), patterns.end(),
                                      [&](const std::string& pattern) { return matches_pattern(pattern, text); });
}

/// What the whole document says, and what its decoding needs beside it.
struct Document {
  std::vector<BootRule> rules;
  BootChoice otherwise;
};

/// Reads a policy. A class for the systems it may name, which config's tables of keys have no place for.
class Reader {
 public:
  Reader(Decoder& decoder, const std::vector<std::string_view>& systems) : decoder_{decoder}, systems_{systems} {}

  Document read(const Node& root) {
    Document document;
    const Place place{nullptr, "policy", "", 0};
    if (!expect_mapping(place, root)) return document;
    each_key(place, root, {"machines", "default"}, [&](std::string_view key, const Place& at, const Node& value) {
      if (key == "machines") {
        read_rules(at, value, document.rules);
      } else {
        read_default(at, value, document.otherwise);
      }
    });
    return document;
  }

 private:
  bool expect_mapping(const Place& place, const Node& node) {
    if (node.kind == Node::Kind::mapping) return true;
    decoder_.wrong_type(place, node, "a mapping");
    return false;
  }

  template <typename Visit>
  void each_key(const Place& place, const Node& mapping, const std::vector<std::string_view>& valid,
                const Visit& visit) {
    for (const Node::Entry& entry : mapping.entries) {
      const auto found = std::find(valid.begin(), valid.end(), entry.key->text);
      if (found == valid.end()) {
        decoder_.unknown_key(place, *entry.key, valid);
      } else {
        visit(*found, Place{&place, "", *found, 0}, *entry.value);
      }
    }
  }

  void read_rules(const Place& place, const Node& node, std::vector<BootRule>& rules) {
    if (node.kind != Node::Kind::sequence) return decoder_.wrong_type(place, node, "a list");
    for (std::size_t i = 0; i < node.items.size(); ++i) read_rule({&place, "", "", i + 1}, *node.items[i], rules);
  }

  void read_rule(const Place& place, const Node& node, std::vector<BootRule>& rules) {
    if (!expect_mapping(place, node)) return;
    BootRule rule;
    each_key(place, node, {"name", "match", "os", "kernel-args", "memory", "ignore"},
             [&](std::string_view key, const Place& at, const Node& value) {
               if (key == "match") {
                 read_match(at, value, rule);
               } else {
                 read_choice(key, at, value, rule.choice);
               }
             });
    if (node.find("match") == nullptr) {
      decoder_.error(node, concat(place.to_string(), ": 'match' is missing"),
                     "say which machines are meant by mac, uuid, serial or arch; what all others get is the 'default'");
    }
    rules.push_back(std::move(rule));
  }

  void read_default(const Place& place, const Node& node, BootChoice& choice) {
    if (!expect_mapping(place, node)) return;
    each_key(place, node, {"os", "kernel-args", "memory", "ignore"},
             [&](std::string_view key, const Place& at, const Node& value) { read_choice(key, at, value, choice); });
  }

  void read_choice(std::string_view key, const Place& place, const Node& node, BootChoice& choice) {
    if (key == "name") {
      decode(decoder_, place, node, choice.name);
    } else if (key == "os") {
      decode(decoder_, place, node, choice.os);
      check_system(node, choice.os);
    } else if (key == "kernel-args") {
      read_kernel_args(place, node, choice.kernel_args);
    } else if (key == "memory") {
      read_memory(place, node, choice.memory);
    } else if (key == "ignore") {
      decode(decoder_, place, node, choice.ignore);
    }
  }

  void read_match(const Place& place, const Node& node, BootRule& rule) {
    if (!expect_mapping(place, node)) return;
    each_key(place, node, {"mac", "uuid", "serial", "arch"},
             [&](std::string_view key, const Place& at, const Node& value) {
               if (key == "mac") {
                 read_words(at, value, rule.macs);
                 for (std::string& mac : rule.macs) check_mac(value, mac);
               } else if (key == "uuid") {
                 read_words(at, value, rule.uuids);
               } else if (key == "serial") {
                 read_words(at, value, rule.serials);
               } else {
                 read_words(at, value, rule.architectures);
                 for (const std::string& architecture : rule.architectures) check_architecture(value, architecture);
               }
             });
    if (node.entries.empty()) {
      decoder_.error(node, concat(place.to_string(), ": names nothing to match"),
                     "what all other machines get is the 'default' beside 'machines'");
    }
  }

  /// A text, or a list of texts. Serial numbers may look like integers; they are texts all the same.
  void read_words(const Place& place, const Node& node, std::vector<std::string>& words) {
    if (node.kind == Node::Kind::sequence) {
      for (std::size_t i = 0; i < node.items.size(); ++i) read_word({&place, "", "", i + 1}, *node.items[i], words);
    } else {
      read_word(place, node, words);
    }
  }

  void read_word(const Place& place, const Node& node, std::vector<std::string>& words) {
    const bool scalar = node.kind != Node::Kind::sequence && node.kind != Node::Kind::mapping;
    if (!scalar || node.kind == Node::Kind::null) {
      return decoder_.wrong_type(place, node, "a string, or a list of strings");
    }
    words.push_back(node.text);
  }

  /// `[console=ttyS1,115200]` is a list of two, which nobody means.
  void read_kernel_args(const Place& place, const Node& node, std::vector<std::string>& args) {
    read_words(place, node, args);
    for (std::size_t i = 1; i < node.items.size(); ++i) {
      const Node& before = *node.items[i - 1];
      if (node.items[i]->kind != Node::Kind::integer || before.text.find('=') == std::string::npos) continue;
      decoder_.error(
          *node.items[i], concat(place.to_string(), ": ", node.items[i]->text, " is a parameter of its own here"),
          concat("in [ ] a comma ends an item: put it in quotes, \"", before.text, ",", node.items[i]->text, "\""));
    }
  }

  void check_mac(const Node& node, std::string& mac) {
    if (const auto parsed = MacAddress::parse(mac)) {
      mac = parsed->to_string();
    } else if (mac.find('*') == std::string::npos) {
      decoder_.error(node, concat(quote(mac), " is no MAC address"),
                     "write it like 52:54:00:12:34:56, or 52:54:00:* for all that begin so");
    } else {
      std::replace(mac.begin(), mac.end(), '-', ':');
    }
  }

  void check_architecture(const Node& node, const std::string& architecture) {
    const std::vector<std::string_view> known{known_processors().begin(), known_processors().end()};
    if (std::find(known.begin(), known.end(), architecture) == known.end() &&
        architecture.find('*') == std::string::npos) {
      unknown_word(node, "architecture", architecture, known);
    }
  }

  void check_system(const Node& node, const std::string& os) {
    if (node.kind != Node::Kind::string) return;
    if (std::find(systems_.begin(), systems_.end(), os) == systems_.end()) unknown_word(node, "system", os, systems_);
  }

  void unknown_word(const Node& node, std::string_view what, const std::string& word,
                    const std::vector<std::string_view>& known) {
    std::string all;
    for (const std::string_view one : known) all += concat(all.empty() ? "" : ", ", one);
    const auto near = config::nearest(word, known);
    decoder_.error(node,
                   concat("no ", what, " ", quote(word),
                          near ? concat("; did you mean ", quote(*near), "? There are: ") : "; there are: ", all));
  }

  /// "512M", "2G", or a number of MiB.
  void read_memory(const Place& place, const Node& node, std::uint64_t& memory) {
    const std::string_view text = node.text;
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    const bool giga = unit == "G" || unit == "GiB";
    const bool mega = unit.empty() || unit == "M" || unit == "MiB";
    constexpr std::uint64_t kMostMega = std::uint64_t{1} << 32;
    const bool scalar = node.kind == Node::Kind::string || node.kind == Node::Kind::integer;
    if (!scalar || error != std::errc{} || (!giga && !mega) || number == 0 || number > kMostMega) {
      return decoder_.error(node, concat(place.to_string(), ": expected a size like 512M or 2G, got ", quote(text)));
    }
    memory = number << (giga ? 30 : 20);
  }

  Decoder& decoder_;
  const std::vector<std::string_view>& systems_;
};

}  // namespace

bool matches_pattern(std::string_view pattern, std::string_view text) {
  // The last star seen and how much it has taken so far: on a mismatch it takes one more. No recursion, so that no
  // pattern costs more than its length times the text's.
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t taken = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      taken = t;
    } else if (p < pattern.size() && lower(pattern[p]) == lower(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++taken;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool BootRule::matches(const MachineFacts& facts) const {
  return any_matches(macs, facts.mac) && any_matches(uuids, facts.uuid) && any_matches(serials, facts.serial) &&
         any_matches(architectures, facts.architecture);
}

BootPolicy BootPolicy::parse(const std::string& text, const std::string& file,
                             const std::vector<std::string_view>& systems) {
  config::Diagnostics diagnostics;
  Decoder decoder{file, diagnostics};
  BootPolicy policy;
  if (const config::NodePtr root = config::parse_yaml(text, file, diagnostics, config::Limits{})) {
    Document document = Reader{decoder, systems}.read(*root);
    policy.rules_ = std::move(document.rules);
    policy.default_ = std::move(document.otherwise);
  }
  diagnostics.throw_if_any();
  return policy;
}

BootChoice BootPolicy::choose(const MachineFacts& facts) const {
  const auto rule =
      std::find_if(rules_.begin(), rules_.end(), [&](const BootRule& candidate) { return candidate.matches(facts); });
  return rule == rules_.end() ? default_ : rule->choice;
}

}  // namespace kiln::netboot
