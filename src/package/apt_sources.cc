#include "package/apt_sources.h"

#include <algorithm>
#include <cstdlib>
#include <map>

#include "base/error.h"
#include "base/file.h"

namespace kiln::package {
namespace {

constexpr std::string_view kBlank = " \t\r";

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlank);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlank) - first + 1);
}

std::vector<std::string> split_words(std::string_view text) {
  std::vector<std::string> words;
  while (!(text = trim(text)).empty()) {
    const std::size_t end = std::min(text.find_first_of(kBlank), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return words;
}

std::string_view take_line(std::string_view& text) {
  const std::size_t end = std::min(text.find('\n'), text.size());
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return line;
}

bool contains(const std::vector<std::string>& list, std::string_view item) {
  return std::find(list.begin(), list.end(), item) != list.end();
}

std::string lower(std::string_view text) {
  std::string out{text};
  for (char& c : out) c = static_cast<char>(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
  return out;
}

using Stanza = std::map<std::string, std::string>;  // field names in lower case

void add_stanza(const Stanza& stanza, std::vector<AptSource>& sources) {
  const auto field = [&](const char* name) {
    const auto found = stanza.find(name);
    return found == stanza.end() ? std::string{} : found->second;
  };
  const std::string enabled = lower(trim(field("enabled")));
  if (enabled == "no" || enabled == "false" || enabled == "0") return;
  if (!contains(split_words(field("types")), "deb")) return;
  AptSource source{split_words(field("uris")), split_words(field("suites")), split_words(field("components")), ""};
  // A key may stand there itself, over many lines; only a path can be compared.
  const std::vector<std::string> keys = split_words(field("signed-by"));
  if (keys.size() == 1) source.signed_by = keys[0];
  if (!source.uris.empty() && !source.suites.empty()) sources.push_back(std::move(source));
}

/// `[signed-by=/x arch=amd64]` at the start of `text`: takes it off and returns its words.
std::vector<std::string> take_options(std::string_view& text) {
  text = trim(text);
  if (text.empty() || text.front() != '[') return {};
  const std::size_t end = text.find(']');
  if (end == std::string_view::npos) return {};
  const std::vector<std::string> options = split_words(text.substr(1, end - 1));
  text.remove_prefix(end + 1);
  return options;
}

bool is_debian_key(std::string_view keyring) { return keyring.find("debian-archive") != std::string_view::npos; }

/// The first URI of the sources that offer `suite` with `main`; those signed by Debian's keys go first.
std::optional<std::string> find_uri(const std::vector<AptSource>& sources, std::string_view suite) {
  const AptSource* best = nullptr;
  for (const AptSource& source : sources) {
    if (!contains(source.suites, suite) || !contains(source.components, "main")) continue;
    if (best == nullptr || (is_debian_key(source.signed_by) && !is_debian_key(best->signed_by))) best = &source;
  }
  return best == nullptr ? std::nullopt : std::optional{best->uris.front()};
}

std::vector<AptSource> read_host_sources(const std::filesystem::path& root) {
  std::vector<std::filesystem::path> files{root / "etc/apt/sources.list"};
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator{root / "etc/apt/sources.list.d", error}) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  std::vector<AptSource> sources;
  for (const std::filesystem::path& file : files) {
    const bool is_list = file.extension() == ".list";
    if ((!is_list && file.extension() != ".sources") || !std::filesystem::is_regular_file(file, error)) continue;
    const std::string text = read_file(file);
    for (AptSource& source : is_list ? parse_sources_list(text) : parse_deb822_sources(text)) {
      sources.push_back(std::move(source));
    }
  }
  return sources;
}

/// VERSION_CODENAME of os-release(5); empty if there is none.
std::string read_codename(const std::filesystem::path& root) {
  std::error_code error;
  const std::filesystem::path file = root / "etc/os-release";
  if (!std::filesystem::exists(file, error)) return {};
  const std::string text = read_file(file);
  for (std::string_view rest = text; !rest.empty();) {
    std::string_view line = trim(take_line(rest));
    constexpr std::string_view kKey = "VERSION_CODENAME=";
    if (!line.starts_with(kKey)) continue;
    line.remove_prefix(kKey.size());
    if (line.size() >= 2 && line.front() == '"' && line.back() == '"') line = line.substr(1, line.size() - 2);
    return std::string{line};
  }
  return {};
}

}  // namespace

std::vector<AptSource> parse_sources_list(std::string_view text) {
  std::vector<AptSource> sources;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    line = trim(line.substr(0, line.find('#')));
    if (!line.starts_with("deb ") && !line.starts_with("deb\t")) continue;
    line.remove_prefix(4);
    AptSource source;
    for (const std::string& option : take_options(line)) {
      if (option.starts_with("signed-by=")) source.signed_by = option.substr(option.find('=') + 1);
    }
    std::vector<std::string> words = split_words(line);
    if (words.size() < 2) continue;
    source.uris = {words[0]};
    source.suites = {words[1]};
    source.components.assign(words.begin() + 2, words.end());
    sources.push_back(std::move(source));
  }
  return sources;
}

std::vector<AptSource> parse_deb822_sources(std::string_view text) {
  std::vector<AptSource> sources;
  Stanza stanza;
  std::string field;
  while (!text.empty()) {
    const std::string_view line = take_line(text);
    if (line.starts_with('#')) continue;
    if (trim(line).empty()) {
      add_stanza(stanza, sources);
      stanza.clear();
      field.clear();
    } else if (kBlank.find(line.front()) != std::string_view::npos) {
      if (!field.empty()) stanza[field] += concat(" ", trim(line));
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      field = lower(trim(line.substr(0, colon)));
      stanza[field] = std::string{trim(line.substr(colon + 1))};
    }
  }
  add_stanza(stanza, sources);
  return sources;
}

std::optional<DebianMirror> choose_mirror(const std::vector<AptSource>& sources, std::string_view codename) {
  std::optional<std::string> archive = find_uri(sources, codename);
  // Hosts may follow a suite by its rank instead of its name.
  for (const char* rank : {"stable", "testing", "unstable"}) {
    if (!archive) archive = find_uri(sources, rank);
  }
  if (!archive) return std::nullopt;
  std::optional<std::string> security = find_uri(sources, concat(codename, "-security"));
  if (!security) security = find_uri(sources, "stable-security");
  return DebianMirror{*archive, security.value_or("")};
}

DebianMirror find_debian_mirror(const std::filesystem::path& root) {
  if (const char* mirror = std::getenv("KILN_DEBIAN_MIRROR"); mirror != nullptr && *mirror != '\0') {
    const char* security = std::getenv("KILN_DEBIAN_SECURITY_MIRROR");
    return {mirror, security == nullptr ? "" : security};
  }
  const std::string codename = read_codename(root);
  if (const auto mirror = choose_mirror(read_host_sources(root), codename)) return *mirror;
  throw Error{"no Debian mirror: apt's sources on this host name none for its suite ", quote(codename)}.with_hint(
      "set KILN_DEBIAN_MIRROR to the URI of a Debian archive");
}

}  // namespace kiln::package
