#include "package/lock.h"

#include <algorithm>
#include <set>

#include "config/diagnostics.h"
#include "config/node.h"
#include "oci/descriptor.h"

namespace kiln::package {
namespace {

constexpr std::string_view kHead =
    "# What the names in the configuration stood for. Written by `kiln lock`; `kiln build --locked` takes nothing "
    "else.\n"
    "version: 1\n";
constexpr std::string_view kChecksum = "checksum: ";

/// As a YAML scalar in double quotes; what Reader allows needs no other escapes.
std::string in_quotes(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string to_text(const MadeBy& kiln) {
  return kiln.revision.empty() ? kiln.version : concat(kiln.version, " ", kiln.revision);
}

/// "VERSION" or "VERSION REVISION".
std::optional<MadeBy> parse_made_by(std::string_view text) {
  const std::size_t space = text.find(' ');
  const MadeBy kiln{std::string{text.substr(0, space)},
                    space == std::string_view::npos ? "" : std::string{text.substr(space + 1)}};
  const auto is_plain = [](char c) { return c > ' ' && c < 0x7f; };
  const auto is_word = [&](const std::string& word) { return std::all_of(word.begin(), word.end(), is_plain); };
  const bool is_good = !kiln.version.empty() && is_word(kiln.version) && is_word(kiln.revision) &&
                       kiln.revision.empty() == (space == std::string_view::npos);
  return is_good ? std::optional{kiln} : std::nullopt;
}

std::string image_text(const LockedImage& image) {
  std::string text = concat("      image: ", image.digest.to_string(), "\n");
  if (image.attestation) text += concat("      attestation: ", image.attestation->to_string(), "\n");
  if (!image.commit.empty()) text += concat("      commit: ", image.commit, "\n");
  if (image.made_by) text += concat("      kiln: ", in_quotes(to_text(*image.made_by)), "\n");
  if (!image.pins) return text;
  text += image.pins->empty() ? "      debian: []\n" : "      debian:\n";
  for (const DebianPin& pin : *image.pins) text += concat("        - ", pin.to_string(), "\n");
  return text;
}

/// What there is to say of a name, by platform; in one line if it is just the digest.
std::string entry_text(const LockedName& entry) {
  std::string text = entry.source.empty() ? "" : concat("    source: ", in_quotes(entry.source), "\n");
  for (const auto& [platform, image] : entry.images) {
    const bool is_short = entry.source.empty() && image == LockedImage{image.digest, {}, {}, {}, {}};
    text += concat("    ", platform, ":", is_short ? concat(" ", image.digest.to_string()) : "", "\n");
    if (!is_short) text += image_text(image);
  }
  return text;
}

/// The text without its last line, which must be the checksum of the rest.
void check_checksum(const std::string& text, const std::string& file) {
  const std::size_t line = text.rfind(concat("\n", kChecksum));
  if (line == std::string::npos) {
    throw Error{file, ": it has no checksum: it is no lock of Kiln's, or its end is missing"}.with_hint(
        "write it anew with `kiln lock --update-all`");
  }
  std::string stated = text.substr(line + 1 + kChecksum.size());
  while (stated.ends_with('\n')) stated.pop_back();
  const std::string actual = oci::Digest::of(text.substr(0, line + 1)).to_string();
  if (stated == actual) return;
  throw Error{
      file,          ": its content has the checksum ", actual,
      ", expected ", quote(stated.substr(0, 80)),       " (its last line): it was changed since `kiln lock` wrote it"}
      .with_hint("take the lock as it was written, or write it anew with `kiln lock --update-all`");
}

/// The id of a commit, by SHA-1 or SHA-256; it becomes an argument of git.
bool is_commit(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

/// As users know it.
std::string described(const std::string& name, const LockedName& entry) {
  return entry.source.empty() ? name : concat(entry.source, " (", name, ")");
}

std::string joined(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += concat(text.empty() ? "" : between, word);
  return text;
}

/// The names in the lock that stand for the same thing in another version.
std::vector<std::string> relatives(const Lock& lock, const std::string& name, const std::string& source) {
  const std::string locator = oci::Reference::parse(name).locator();
  std::vector<std::string> out;
  for (const auto& [other, entry] : lock.names) {
    const bool is_relative = source.empty() ? entry.source.empty() && oci::Reference::parse(other).locator() == locator
                                            : entry.source == source;
    if (is_relative && other != name) out.push_back(quote(other));
  }
  return out;
}

/// Reads the parts of a lock, telling mistakes to `diagnostics`.
class Reader {
 public:
  Reader(std::string file, config::Diagnostics& diagnostics) : file_{std::move(file)}, diagnostics_{diagnostics} {}

  Lock read(const config::Node& root) {
    Lock lock;
    for (const auto& [key, value] : root.entries) {
      if (key->text == "version") {
        if (value->text != "1") {
          error(*value, concat("version is ", quote(value->text), ", expected 1"), "a newer Kiln wrote this lock");
        }
      } else if (key->text == "images" || key->text == "packages") {
        read_names(*value, key->text == "packages", lock);
      } else if (key->text != "checksum") {
        error(*key, concat("unknown key ", quote(key->text), ", expected version, images, packages or checksum"));
      }
    }
    if (root.find("version") == nullptr) error(root, "there is no version");
    return lock;
  }

 private:
  void error(const config::Node& node, const std::string& message, const std::string& hint = "") {
    diagnostics_.error({file_, node.line, node.column}, message, hint);
  }

  bool is_mapping(const config::Node& node, std::string_view what) {
    if (node.kind == config::Node::Kind::mapping) return true;
    error(node, concat(what, ": expected a mapping"));
    return false;
  }

  /// What `read` returns, or nothing after an error at the node.
  template <typename Read>
  auto checked(const config::Node& node, const Read& read) -> std::optional<decltype(read(node.text))> {
    try {
      return read(node.text);
    } catch (const Error& failed) {
      error(node, failed.message());
      return std::nullopt;
    }
  }

  std::optional<oci::Digest> read_digest(const config::Node& node) {
    return checked(node, [](const std::string& text) { return oci::Digest::parse(text); });
  }

  void read_names(const config::Node& names, bool are_packages, Lock& lock) {
    if (names.kind == config::Node::Kind::null || !is_mapping(names, are_packages ? "packages" : "images")) return;
    for (const auto& [key, value] : names.entries) {
      const auto reference = checked(*key, [](const std::string& text) { return oci::Reference::parse(text); });
      if (!reference || !is_mapping(*value, key->text)) continue;
      if (value->entries.empty()) error(*value, concat(quote(key->text), ": no platform is named"));
      if (reference->canonical() != key->text) {
        error(*key, concat("the name is not written in full, expected ", quote(reference->canonical())));
      }
      if (!lock.names.try_emplace(key->text, are_packages ? read_package(*value) : read_images(*value)).second) {
        error(*key, concat(quote(key->text), " is an image and a package"));
      }
    }
  }

  bool is_platform(const config::Node& key) {
    if (key.text == kWhole) return true;
    const auto platform = checked(key, [](const std::string& text) { return oci::Platform::parse(text); });
    if (platform && platform->to_string() != key.text) {
      error(key, concat("the platform is not written in full, expected ", quote(platform->to_string())));
    }
    return platform.has_value();
  }

  LockedName read_images(const config::Node& node) {
    LockedName name;
    for (const auto& [key, value] : node.entries) {
      if (!is_platform(*key)) continue;
      const bool is_short = value->kind != config::Node::Kind::mapping;
      if (!is_short) name.images[key->text] = read_image(*value);
      if (const auto digest = is_short ? read_digest(*value) : std::nullopt) name.images[key->text].digest = *digest;
    }
    return name;
  }

  LockedName read_package(const config::Node& node) {
    LockedName name;
    for (const auto& [key, value] : node.entries) {
      if (key->text == "source") {
        name.source = value->text;
      } else if (is_platform(*key) && is_mapping(*value, key->text)) {
        name.images[key->text] = read_image(*value);
      }
    }
    const bool is_plain =
        std::none_of(name.source.begin(), name.source.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
    if (!name.source.starts_with('@') || !is_plain)
      error(node, "expected the source of the package, such as \"@kiln:nginx\"");
    return name;
  }

  LockedImage read_image(const config::Node& node) {
    LockedImage image;
    bool has_digest = false;
    for (const auto& [key, value] : node.entries) {
      if (key->text == "image") {
        if (const auto digest = read_digest(*value)) image.digest = *digest;
        has_digest = true;
      } else if (key->text == "attestation") {
        image.attestation = read_digest(*value);
      } else if (key->text == "commit") {
        if (is_commit(value->text)) {
          image.commit = value->text;
        } else {
          error(*value, concat("commit ", quote(value->text), ": expected 40 or 64 hex digits"));
        }
      } else if (key->text == "kiln") {
        image.made_by = parse_made_by(value->text);
        if (!image.made_by)
          error(*value, concat("kiln ", quote(value->text), ": expected VERSION or VERSION REVISION"));
      } else if (key->text == "debian") {
        image.pins.emplace();
        for (const auto& item : value->items) {
          const auto pin = checked(*item, [](const std::string& text) { return DebianPin::parse(text); });
          if (pin) image.pins->push_back(*pin);
        }
      } else {
        error(*key, concat("unknown key ", quote(key->text), ", expected image, attestation, commit, kiln or debian"));
      }
    }
    if (!has_digest) error(node, "there is no image");
    return image;
  }

  std::string file_;
  config::Diagnostics& diagnostics_;
};

}  // namespace

LockedImage lock_package(const oci::Digest& image, const std::map<std::string, std::string>& labels,
                         std::optional<std::vector<DebianPin>> pins) {
  const auto label = [&](const char* key) {
    const auto found = labels.find(key);
    return found == labels.end() ? std::string{} : found->second;
  };
  LockedImage locked{
      image,
      std::move(pins),
      label("org.opencontainers.image.revision"),
      parse_made_by(to_text({label("org.mobyproject.linuxkit.version"), label("org.mobyproject.linuxkit.revision")})),
      {}};
  if (!is_commit(locked.commit)) locked.commit.clear();
  return locked;
}

const LockedImage* Lock::find(const std::string& name, const std::string& platform) const {
  const auto entry = names.find(name);
  if (entry == names.end()) return nullptr;
  const auto image = entry->second.images.find(platform);
  return image == entry->second.images.end() ? nullptr : &image->second;
}

std::vector<std::string> Lock::platforms() const {
  std::set<std::string> found;
  for (const auto& [name, entry] : names) {
    for (const auto& [platform, image] : entry.images) {
      if (platform != kWhole) found.insert(platform);
    }
  }
  return {found.begin(), found.end()};
}

std::string Lock::to_text() const {
  std::string images, packages;
  for (const auto& [name, entry] : names) {
    std::string& section = entry.source.empty() ? images : packages;
    section += concat("  ", in_quotes(name), ":\n", entry_text(entry));
  }
  const std::string text = concat(kHead, "images:", images.empty() ? " {}" : "", "\n", images,
                                  "packages:", packages.empty() ? " {}" : "", "\n", packages);
  return concat(text, kChecksum, oci::Digest::of(text).to_string(), "\n");
}

Lock parse_lock(const std::string& text, const std::string& file) {
  check_checksum(text, file);
  config::Diagnostics diagnostics;
  const config::NodePtr root = config::parse_yaml(text, file, diagnostics, {});
  Lock lock;
  if (root) lock = Reader{file, diagnostics}.read(*root);
  diagnostics.throw_if_any();
  return lock;
}

bool is_meant(const std::string& name, const LockedName& entry, const std::string& wanted) {
  if (wanted == name || (!entry.source.empty() && wanted == entry.source)) return true;
  if (wanted.starts_with('@')) return false;
  try {
    const oci::Reference reference = oci::Reference::parse(wanted);
    const bool is_whole = reference.tag() || reference.digest();
    return is_whole ? reference.canonical() == name : reference.locator() == oci::Reference::parse(name).locator();
  } catch (const Error&) {
    return false;
  }
}

Error missing_name(const Lock& lock, const std::string& file, const std::string& name, const std::string& source,
                   const std::string& platform) {
  const std::string what = described(quote(name), {source, {}});
  std::vector<std::string> platforms = lock.platforms();
  const bool is_whole = platform == kWhole;
  if (!is_whole && !platforms.empty() && std::find(platforms.begin(), platforms.end(), platform) == platforms.end()) {
    const std::string has = joined(platforms, ", ");
    platforms.push_back(platform);
    std::sort(platforms.begin(), platforms.end());
    return Error{file, " is for ", has, ", and not for ", platform, ": it does not have ", what}.with_hint(
        concat("`kiln lock --platform ", joined(platforms, ","), "` writes it for all of them"));
  }
  const std::vector<std::string> others = relatives(lock, name, source);
  const std::string has = others.empty() ? "" : concat(", only ", joined(others, ", "));
  const std::string why = others.empty() || source.empty() ? ""
                          : source.starts_with("@kiln:")   ? ": the lock is of another version of Kiln"
                                                           : ": the package has changed since it was locked";
  return Error{file, " does not have ", what, is_whole ? " as a whole" : " for " + platform, has, why}.with_hint(
      "`kiln lock` adds what is missing and leaves the rest as it is; `kiln lock --check` lists all that differs");
}

std::vector<std::string> differences(const Lock& lock, const Lock& needed) {
  std::vector<std::string> out;
  for (const auto& [name, entry] : needed.names) {
    for (const auto& [platform, image] : entry.images) {
      if (lock.find(name, platform) == nullptr) {
        out.push_back(concat(described(name, entry), " for ", platform, " is not in it"));
      }
    }
  }
  for (const auto& [name, entry] : lock.names) {
    if (needed.names.count(name) == 0) out.push_back(concat(described(name, entry), " is no longer used"));
  }
  return out;
}

}  // namespace kiln::package
