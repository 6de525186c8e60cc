#include "config/node.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/mark.h>
#include <yaml-cpp/parser.h>

#include <algorithm>
#include <optional>
#include <sstream>
#include <unordered_map>
#include <unordered_set>

#include "base/error.h"
#include "config/scalar.h"
#include "config/utf8.h"

namespace kiln::config {
namespace {

/// A mistake found while the tree is built; ends the parse, since what follows may make no sense.
struct Rejected {
  TextPlace place;
  std::string message, hint;
};

TextPlace place_of(const YAML::Mark& mark) { return {mark.line + 1, mark.column + 1}; }
TextPlace place_of(const Node& node) { return {node.line, node.column}; }

bool is_merge_key(const Node& key) { return key.plain && key.text == "<<"; }

constexpr std::string_view kCoreTags = "tag:yaml.org,2002:";

/// The kind that an explicit tag (`!!str`) asks for; nothing for `!`, local tags and those that change no kind.
std::optional<Node::Kind> kind_of_tag(std::string_view tag) {
  if (!tag.starts_with(kCoreTags)) return std::nullopt;
  tag.remove_prefix(kCoreTags.size());
  if (tag == "str" || tag == "timestamp") return Node::Kind::string;
  if (tag == "int") return Node::Kind::integer;
  if (tag == "float") return Node::Kind::number;
  if (tag == "bool") return Node::Kind::boolean;
  if (tag == "null") return Node::Kind::null;
  return std::nullopt;
}

/// Builds the tree from yaml-cpp's events: its own Node type would hide duplicate keys, quotes and alias bombs.
class TreeBuilder : public YAML::EventHandler {
 public:
  explicit TreeBuilder(const Limits& limits) : limits_{limits} {}

  NodePtr root() const { return root_; }
  /// Where the innermost list or mapping begins that has not ended; nothing when none is open.
  std::optional<TextPlace> open_place() const {
    if (open_.empty()) return std::nullopt;
    return place_of(*open_.back().node);
  }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    auto node = new_node(mark, Node::Kind::null);
    // A value that is missing is "seen" where the next token is; its key is the better place.
    const Node* key = open_.empty() ? nullptr : open_.back().key.get();
    if (key && (key->line < node->line || node->column < key->column)) {
      node->line = key->line;
      node->column = key->column;
    }
    finish(std::move(node), 1, anchor);
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    // An anchor is known once its node is complete, so this is a value that holds itself.
    if (found == anchors_.end()) throw Rejected{place_of(mark), "an alias refers to the value it is part of", ""};
    aliases_used_ = true;
    add(found->second, place_of(mark));
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    auto node = new_node(mark, Node::Kind::string);
    node->plain = tag == "?";
    node->text = value;
    if (node->plain) {
      node->kind = plain_scalar_kind(value);
    } else if (const auto kind = kind_of_tag(tag)) {
      check_tag(*node, *kind, tag);
      node->kind = *kind;
    }
    finish(std::move(node), value.size(), anchor);
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    open(mark, Node::Kind::sequence, anchor);
  }
  void OnSequenceEnd() override { close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    open(mark, Node::Kind::mapping, anchor);
  }
  void OnMapEnd() override {
    check_keys(*open_.back().node);
    merge(*open_.back().node);
    close();
  }

 private:
  /// A node and the bytes it stands for with its aliases expanded.
  struct Built {
    NodePtr node;
    std::uint64_t bytes = 0;
  };
  struct Open {
    std::shared_ptr<Node> node;
    std::uint64_t bytes = 0;
    YAML::anchor_t anchor = 0;
    NodePtr key;  ///< of a mapping, whose value has not come yet
  };

  std::shared_ptr<Node> new_node(const YAML::Mark& mark, Node::Kind kind) {
    if (++nodes_ > limits_.nodes)
      throw Rejected{place_of(mark), concat("the document has more than ", limits_.nodes, " values"), ""};
    auto node = std::make_shared<Node>();
    node->kind = kind;
    node->line = mark.line + 1;
    node->column = mark.column + 1;
    return node;
  }

  void open(const YAML::Mark& mark, Node::Kind kind, YAML::anchor_t anchor) {
    if (open_.size() >= limits_.depth)
      throw Rejected{place_of(mark), concat("nested more than ", limits_.depth, " levels deep"), ""};
    open_.push_back({new_node(mark, kind), 0, anchor, nullptr});
  }

  void close() {
    const Open done = std::move(open_.back());
    open_.pop_back();
    finish(done.node, done.bytes, done.anchor);
  }

  void finish(NodePtr node, std::uint64_t bytes, YAML::anchor_t anchor) {
    const TextPlace place = place_of(*node);
    const Built built{std::move(node), bytes + sizeof(Node)};
    if (anchor != 0) anchors_[anchor] = built;
    add(built, place);
  }

  void add(const Built& built, TextPlace place) {
    if (open_.empty()) {
      root_ = built.node;
      return;
    }
    Open& parent = open_.back();
    parent.bytes += built.bytes;
    if (aliases_used_ && parent.bytes > limits_.expanded_bytes)
      throw Rejected{place, concat("aliases expand to more than ", limits_.expanded_bytes >> 20, " MiB"), ""};
    if (parent.node->kind == Node::Kind::sequence) {
      parent.node->items.push_back(built.node);
    } else if (parent.key) {
      parent.node->entries.push_back({std::move(parent.key), built.node});
      parent.key = nullptr;
    } else {
      check_key(*built.node, place);
      parent.key = built.node;
    }
  }

  static void check_tag(const Node& node, Node::Kind kind, std::string_view tag) {
    const Node::Kind plain = plain_scalar_kind(node.text);
    if (kind == Node::Kind::string || kind == plain) return;
    if (kind == Node::Kind::number && plain == Node::Kind::integer) return;
    tag.remove_prefix(kCoreTags.size());
    throw Rejected{place_of(node), concat(quote(node.text), " is tagged !!", tag, " but is none"), ""};
  }

  static void check_key(const Node& key, TextPlace place) {
    if (key.kind == Node::Kind::sequence || key.kind == Node::Kind::mapping)
      throw Rejected{place, "a key must be a word, got a list or a mapping", "quote text that begins with [ or {"};
    if (key.kind == Node::Kind::null) throw Rejected{place, "a key must be a word, got nothing", ""};
  }

  static void check_keys(const Node& mapping) {
    std::unordered_map<std::string_view, const Node*> seen;
    for (const Node::Entry& entry : mapping.entries) {
      const auto [first, is_new] = seen.emplace(entry.key->text, entry.key.get());
      if (is_new) continue;
      throw Rejected{place_of(*entry.key),
                     concat("key ", quote(entry.key->text), " was already given on line ", first->second->line),
                     "keep one of them"};
    }
  }

  /// Puts the members of `<<: *anchor` (or a list of them) into the mapping. Its own keys win, then the first source's.
  void merge(Node& mapping) {
    std::vector<Node::Entry> own;
    NodePtr sources;
    for (Node::Entry& entry : mapping.entries) {
      if (is_merge_key(*entry.key)) {
        sources = entry.value;
      } else {
        own.push_back(std::move(entry));
      }
    }
    mapping.entries = std::move(own);
    if (!sources) return;
    std::unordered_set<std::string_view> keys;
    for (const Node::Entry& entry : mapping.entries) keys.insert(entry.key->text);
    if (sources->kind != Node::Kind::sequence) return merge_from(*sources, mapping, keys);
    for (const NodePtr& source : sources->items) merge_from(*source, mapping, keys);
  }

  static void merge_from(const Node& source, Node& into, std::unordered_set<std::string_view>& keys) {
    if (source.kind != Node::Kind::mapping)
      throw Rejected{place_of(source), "the merge key '<<' needs a mapping or a list of mappings", ""};
    for (const Node::Entry& entry : source.entries)
      if (keys.insert(entry.key->text).second) into.entries.push_back(entry);
  }

  const Limits& limits_;
  std::vector<Open> open_;
  std::unordered_map<YAML::anchor_t, Built> anchors_;
  NodePtr root_;
  std::size_t nodes_ = 0;
  bool aliases_used_ = false;
};

/// What stands at a place of the text, for messages; empty if that is not known.
std::string_view text_at(std::string_view text, const YAML::Mark& mark) {
  const auto position = static_cast<std::size_t>(mark.pos);
  return mark.pos >= 0 && position < text.size() ? text.substr(position) : std::string_view{};
}

/// Says in our words what yaml-cpp found. At the end of the text its columns are wrong; what is still open says more.
Rejected explain(const YAML::Exception& e, std::string_view text, std::optional<TextPlace> open) {
  Rejected rejected{place_of(e.mark), concat("not valid YAML: ", e.msg), ""};
  const std::string_view here = text_at(text, e.mark);
  if (e.msg.starts_with("the referenced anchor is not defined")) {
    const std::string_view alias = here.substr(0, here.find_first_of(" \t\r\n,]}"));
    rejected.message = concat("alias ", quote(alias), " has no anchor before it");
  } else if (here.empty() && open) {
    rejected.place = *open;
  } else if (!here.empty() && (here[0] == '@' || here[0] == '`' || here[0] == '%')) {
    rejected.hint = concat("quote a value that begins with ", here[0]);
  } else if (here.starts_with('\t')) {
    rejected.hint = "indent with spaces";
  }
  return rejected;
}

/// Runs yaml-cpp over the first document.
void build(const std::string& text, TreeBuilder& builder) {
  try {
    std::istringstream stream{text};
    YAML::Parser parser{stream};
    parser.HandleNextDocument(builder);
  } catch (const YAML::Exception& e) {
    throw explain(e, text, builder.open_place());
  }
}

/// What can be refused before yaml-cpp sees it.
bool is_acceptable_text(const std::string& text, const std::string& file, Diagnostics& diagnostics,
                        const Limits& limits) {
  constexpr char kHint[] = "keep large contents in a file of their own and name it with source:";
  const auto flow = std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{' || c == ','; });
  if (text.size() > limits.bytes) {
    diagnostics.error({file, 0, 0}, concat("is larger than ", limits.bytes >> 20, " MiB"), kHint);
  } else if (static_cast<std::size_t>(flow) > limits.flow_indicators) {
    diagnostics.error({file, 0, 0}, concat("has more than ", limits.flow_indicators, " brackets and commas"), kHint);
  } else if (const auto bad = find_invalid_utf8(text)) {
    diagnostics.error({file, bad->line, bad->column}, "is not UTF-8 text");
  } else {
    return true;
  }
  return false;
}

}  // namespace

const Node* Node::find(std::string_view key) const {
  for (const Entry& entry : entries)
    if (entry.key->text == key) return entry.value.get();
  return nullptr;
}

NodePtr parse_yaml(const std::string& text, const std::string& file, Diagnostics& diagnostics, const Limits& limits) {
  if (!is_acceptable_text(text, file, diagnostics, limits)) return nullptr;
  TreeBuilder builder{limits};
  try {
    build(text, builder);
  } catch (const Rejected& rejected) {
    diagnostics.error({file, rejected.place.line, rejected.place.column}, rejected.message, rejected.hint);
    return nullptr;
  }
  if (!builder.root()) diagnostics.error({file, 1, 1}, "the document is empty");
  return builder.root();
}

}  // namespace kiln::config
