#include "oci/registries_conf.h"

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/error.h"
#include "base/file.h"

// toml++ before 3.4 asserts what a file need not heed ("[=]"), and assumes it without assertions.
namespace kiln::oci {
struct NotToml {};
[[noreturn]] static void refuse_toml() { throw NotToml{}; }
}  // namespace kiln::oci
#undef NDEBUG
#define TOML_ASSERT(expr) (static_cast<bool>(expr) ? static_cast<void>(0) : kiln::oci::refuse_toml())
#define TOML_HEADER_ONLY 1
#define TOML_ENABLE_FORMATTERS 0
#include <toml++/toml.h>

namespace kiln::oci {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxFile = 4 << 20;

std::string line_of(std::string_view name, const toml::node& node) {
  return concat(name, ":", node.source().begin.line);
}

/// A table and where it stands, for messages: "'registries.conf':12: registry.mirror: …".
class Table {
 public:
  Table(const toml::table& table, std::string_view name, std::string path)
      : table_{table}, name_{name}, path_{std::move(path)} {}

  std::string text(std::string_view key) const { return value<std::string>(key, "a string").value_or(""); }
  bool flag(std::string_view key) const { return value<bool>(key, "true or false").value_or(false); }
  bool has(std::string_view key) const { return table_.contains(key); }

  std::vector<std::string> texts(std::string_view key) const {
    std::vector<std::string> out;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return out;
    if (!node->is_array()) fail_at(*node, key, "expected an array of strings");
    for (const toml::node& item : *node->as_array()) {
      const auto text = item.value_exact<std::string>();
      if (!text) fail_at(item, key, "expected an array of strings");
      out.push_back(*text);
    }
    return out;
  }

  std::vector<Table> tables(std::string_view key) const {
    std::vector<Table> out;
    const toml::node* node = table_.get(key);
    if (node == nullptr) return out;
    if (!node->is_array())
      fail_at(*node, key, "expected tables, each under [[", path_, path_.empty() ? "" : ".", key, "]]");
    for (const toml::node& item : *node->as_array()) {
      if (!item.is_table())
        fail_at(item, key, "expected tables, each under [[", path_, path_.empty() ? "" : ".", key, "]]");
      out.emplace_back(*item.as_table(), name_, concat(path_, path_.empty() ? "" : ".", key));
    }
    return out;
  }

  std::optional<Table> table(std::string_view key) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr || !node->is_table()) return std::nullopt;
    return Table{*node->as_table(), name_, concat(path_, path_.empty() ? "" : ".", key)};
  }

  template <typename... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    throw Error{line_of(name_, table_), ": ", path_, ": ", parts...};
  }
  template <typename... Parts>
  [[noreturn]] void fail_at(const toml::node& node, std::string_view key, const Parts&... parts) const {
    throw Error{line_of(name_, node), ": ", path_, path_.empty() ? "" : ".", key, ": ", parts...};
  }
  const toml::node& node(std::string_view key) const { return *table_.get(key); }

 private:
  template <typename T>
  std::optional<T> value(std::string_view key, std::string_view expected) const {
    const toml::node* node = table_.get(key);
    if (node == nullptr) return std::nullopt;
    const auto found = node->value_exact<T>();
    if (!found) fail_at(*node, key, "expected ", expected);
    return found;
  }

  const toml::table& table_;
  std::string_view name_;
  std::string path_;
};

bool is_wildcard(std::string_view prefix) { return prefix.starts_with("*."); }

/// A prefix or location without a slash at its end. It must be one that images can be below.
std::string checked_location(const Table& table, std::string_view key) {
  std::string text = table.text(key);
  if (!table.has(key)) return text;
  if (const std::size_t scheme = text.find("://"); scheme != std::string::npos) {
    table.fail_at(table.node(key), key, quote(text), " begins with a scheme; write ", quote(text.substr(scheme + 3)));
  }
  while (text.ends_with('/')) text.pop_back();
  try {
    const std::string_view host = is_wildcard(text) ? std::string_view{text}.substr(2) : std::string_view{text};
    if (is_wildcard(text) && host.find_first_of("/:") != std::string_view::npos) {
      throw Error{"after '*.' there must be a host name and nothing else"};
    }
    if (!host.empty()) Reference::parse_located(host.find('/') == std::string_view::npos ? concat(host, "/x") : host);
  } catch (const Error& error) {
    table.fail_at(table.node(key), key, error.message());
  }
  return text;
}

MirrorUse mirror_use(const Table& mirror, bool digest_only) {
  const std::string text = mirror.text("pull-from-mirror");
  if (text.empty()) return digest_only ? MirrorUse::digest_only : MirrorUse::all;
  if (digest_only) mirror.fail("pull-from-mirror cannot be said beside the registry's mirror-by-digest-only");
  if (text == "all") return MirrorUse::all;
  if (text == "digest-only") return MirrorUse::digest_only;
  if (text == "tag-only") return MirrorUse::tag_only;
  mirror.fail_at(mirror.node("pull-from-mirror"), "pull-from-mirror", quote(text),
                 " is none of 'all', 'digest-only' and 'tag-only'");
}

RegistryRule to_rule(const Table& registry, std::string_view name) {
  RegistryRule rule;
  rule.origin = name;
  rule.location = checked_location(registry, "location");
  rule.prefix = registry.has("prefix") ? checked_location(registry, "prefix") : rule.location;
  if (rule.prefix.empty()) registry.fail("neither 'prefix' nor 'location' is there: nothing could match it");
  if (is_wildcard(rule.location)) registry.fail("'location' must be one host, not a wildcard");
  if (rule.location == rule.prefix) rule.location.clear();
  rule.insecure = registry.flag("insecure");
  rule.blocked = registry.flag("blocked");
  const bool digest_only = registry.flag("mirror-by-digest-only");
  for (const Table& mirror : registry.tables("mirror")) {
    MirrorRule out{checked_location(mirror, "location"), mirror.flag("insecure"), mirror_use(mirror, digest_only)};
    if (out.location.empty()) mirror.fail("'location' is missing");
    if (is_wildcard(out.location)) mirror.fail("'location' must be one host, not a wildcard");
    rule.mirrors.push_back(std::move(out));
  }
  return rule;
}

/// Version 1: lists of hosts that are insecure, and that are blocked.
void add_version_1(const Table& registries, std::string_view name, std::vector<RegistryRule>& rules) {
  const auto rule_of = [&](const std::string& host) -> RegistryRule& {
    const auto found = std::find_if(rules.begin(), rules.end(), [&](const auto& rule) { return rule.prefix == host; });
    if (found != rules.end()) return *found;
    rules.emplace_back();
    rules.back().prefix = host;
    rules.back().origin = name;
    return rules.back();
  };
  if (const auto insecure = registries.table("insecure")) {
    for (const std::string& host : insecure->texts("registries")) rule_of(host).insecure = true;
  }
  if (const auto block = registries.table("block")) {
    for (const std::string& host : block->texts("registries")) rule_of(host).blocked = true;
  }
}

void append_drop_ins(const fs::path& directory, std::vector<fs::path>& out) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{directory, error}) {
    if (entry.path().extension() == ".conf") files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  out.insert(out.end(), files.begin(), files.end());
}

const char* environment(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr && *value != '\0' ? value : nullptr;
}

/// ~/.config/containers, or nothing without a home.
fs::path user_directory() {
  if (const char* directory = environment("XDG_CONFIG_HOME")) return fs::path{directory} / "containers";
  const char* home = environment("HOME");
  return home != nullptr ? fs::path{home} / ".config/containers" : fs::path{};
}

}  // namespace

std::size_t RegistryRule::matches(std::string_view name) const {
  if (is_wildcard(prefix)) {
    const std::string_view host = name.substr(0, name.find('/'));
    const std::string_view domain = std::string_view{prefix}.substr(1);
    const std::string_view bare = host.substr(0, host.rfind(':'));  // the host may have a port
    return bare.ends_with(domain) && bare.size() > domain.size() ? host.size() : 0;
  }
  if (!name.starts_with(prefix)) return 0;
  if (name.size() == prefix.size()) return prefix.size();
  const char next = name[prefix.size()];
  // After a host alone ':' begins a port: another registry.
  const bool ends = next == '/' || ((next == ':' || next == '@') && prefix.find('/') != std::string::npos);
  return ends ? prefix.size() : 0;
}

void RegistriesConf::merge(RegistriesConf later) {
  for (RegistryRule& rule : later.rules) {
    const auto same =
        std::find_if(rules.begin(), rules.end(), [&](const auto& earlier) { return earlier.prefix == rule.prefix; });
    if (same != rules.end()) {
      *same = std::move(rule);
    } else {
      rules.push_back(std::move(rule));
    }
  }
}

const RegistryRule* RegistriesConf::find(std::string_view name) const {
  const RegistryRule* best = nullptr;
  for (const RegistryRule& rule : rules) {
    // A wildcard is as long as it is written: "*.example.com" yields to "eu.example.com".
    if (rule.matches(name) > 0 && (best == nullptr || rule.prefix.size() > best->prefix.size())) best = &rule;
  }
  return best;
}

RegistriesConf parse_registries_conf(std::string_view toml, std::string_view name) {
  // Nor does it expect every code point. Outside comments, nothing that counts here has any but ASCII.
  std::string ascii{toml};
  std::replace_if(
      ascii.begin(), ascii.end(), [](char c) { return static_cast<unsigned char>(c) >= 0x80; }, '?');
  toml::table parsed;
  try {
    parsed = toml::parse(ascii);
  } catch (const toml::parse_error& error) {
    throw Error{name, ":", error.source().begin.line, ": it is not TOML: ", error.description()};
  } catch (const NotToml&) {
    throw Error{name, ": it is not TOML: a table's name is missing"};
  }
  const Table file{parsed, name, ""};
  RegistriesConf conf;
  for (const Table& registry : file.tables("registry")) {
    RegistryRule rule = to_rule(registry, name);
    const bool is_new = std::none_of(conf.rules.begin(), conf.rules.end(),
                                     [&](const auto& earlier) { return earlier.prefix == rule.prefix; });
    if (!is_new) registry.fail("the prefix ", quote(rule.prefix), " stands in the file twice");
    conf.rules.push_back(std::move(rule));
  }
  if (const auto registries = file.table("registries")) {
    if (!conf.rules.empty())
      throw Error{name, ": [registries] (version 1) and [[registry]] (version 2) cannot be mixed"};
    add_version_1(*registries, name, conf.rules);
  }
  return conf;
}

std::vector<fs::path> registries_conf_files() {
  const fs::path user = user_directory();
  std::error_code error;
  std::vector<fs::path> out;
  if (const char* file = environment("CONTAINERS_REGISTRIES_CONF")) {
    out.emplace_back(file);
  } else if (!user.empty() && fs::exists(user / "registries.conf", error)) {
    out.push_back(user / "registries.conf");
  } else {
    out.emplace_back("/etc/containers/registries.conf");
  }
  append_drop_ins("/etc/containers/registries.conf.d", out);
  if (!user.empty()) append_drop_ins(user / "registries.conf.d", out);
  return out;
}

RegistriesConf load_registries_conf(const std::vector<fs::path>& files) {
  RegistriesConf conf;
  for (const fs::path& file : files) {
    std::error_code error;
    if (fs::exists(file, error)) conf.merge(parse_registries_conf(read_file(file, kMaxFile), quote(file.native())));
  }
  return conf;
}

}  // namespace kiln::oci
