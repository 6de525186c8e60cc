#include "package/debian_archive.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/lock_file.h"
#include "base/mapping.h"
#include "base/sha256.h"

namespace kiln::package {
namespace {

constexpr auto kListsAreFresh = std::chrono::hours{24};

// What of the host's apt configuration concerns how things are fetched: proxies, retries, time-outs. The rest (hooks,
// pins, preferences, other architectures) must not leak into an image.
bool is_transport_setting(std::string_view line) {
  for (const char* prefix : {"Acquire::http", "Acquire::https", "Acquire::ftp", "Acquire::Retries", "Acquire::Force",
                             "Acquire::Check-", "Acquire::Max-ValidTime", "Acquire::Queue-Mode"}) {
    if (line.starts_with(prefix)) return true;
  }
  return false;
}

std::string host_transport_settings() {
  const CommandResult dump = run({{"apt-config", "dump"}, {}, {}, {}});
  std::string settings;
  std::string_view rest = dump.output;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (is_transport_setting(rest.substr(0, end))) settings += concat(rest.substr(0, end), "\n");
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return settings;
}

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string text;
  for (const std::string& word : words) text += concat(text.empty() ? "" : between, word);
  return text;
}

/// The package names of a dependency field: "a (>= 1), b | c:any" has a, b, c.
void append_dependencies(std::string_view field, std::vector<std::string>& names) {
  while (!field.empty()) {
    const std::size_t end = std::min(field.find_first_of(",|"), field.size());
    std::string_view item = field.substr(0, end);
    item.remove_prefix(std::min(item.find_first_not_of(" \t\n"), item.size()));
    item = item.substr(0, item.find_first_of(" \t\n(:["));
    if (!item.empty()) names.emplace_back(item);
    field.remove_prefix(std::min(end + 1, field.size()));
  }
}

using Fields = std::map<std::string, std::string, std::less<>>;

/// Source: field: empty when the source package has the name and version of the binary one, else "NAME" or "NAME (V)".
void set_source(DebianPackage& package, std::string_view field) {
  package.source = std::string{field.substr(0, field.find(' '))};
  if (package.source.empty()) package.source = package.name;
  const std::size_t open = field.find('(');
  const std::size_t close = field.find(')');
  package.source_version = open != std::string_view::npos && close != std::string_view::npos && close > open
                               ? std::string{field.substr(open + 1, close - open - 1)}
                               : package.version;
}

DebianPackage to_package(const Fields& fields) {
  const auto field = [&](std::string_view name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::string{} : found->second;
  };
  DebianPackage package;
  package.name = field("Package");
  package.version = field("Version");
  package.sha256 = field("SHA256");
  if (package.name.empty() || package.version.empty() || !Sha256::from_hex(package.sha256)) {
    throw Error{"Debian package index: entry ", quote(package.name), " lacks its name, version or SHA-256"};
  }
  package.architecture = field("Architecture");
  set_source(package, field("Source"));
  package.maintainer = field("Maintainer");
  package.homepage = field("Homepage");
  package.section = field("Section");
  package.description = field("Description");
  package.file_name = field("Filename");
  package.size = std::strtoull(field("Size").c_str(), nullptr, 10);
  append_dependencies(field("Pre-Depends"), package.depends);
  append_dependencies(field("Depends"), package.depends);
  return package;
}

/// apt prints one line `'URI' FILE SIZE HASH` a package; FILE is NAME_VERSION_ARCH.deb with %-escapes of the version.
std::string package_of_uri_line(std::string_view line) {
  const std::size_t file = line.find("' ");
  if (line.empty() || line.front() != '\'' || file == std::string_view::npos) return {};
  line.remove_prefix(file + 2);
  line = line.substr(0, line.find(' '));
  const std::size_t first = line.find('_');
  const std::size_t last = line.rfind('_');
  if (first == std::string_view::npos || last <= first) return {};
  std::string version;
  for (std::size_t i = first + 1; i < last; ++i) {
    if (line[i] == '%' && i + 2 < last) {
      version += static_cast<char>(std::stoi(std::string{line.substr(i + 1, 2)}, nullptr, 16));
      i += 2;
    } else {
      version += line[i];
    }
  }
  return concat(line.substr(0, first), "=", version);
}

/// Of a package-url, all but letters, digits and four signs.
std::string percent_encoded(std::string_view text) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' ||
                       c == '-' || c == '_' || c == '~';
    const auto byte = static_cast<unsigned char>(c);
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

/// The package in a .deb, as an index of the archive would have it.
DebianPackage described_by_itself(const std::filesystem::path& deb, const DebianPin& pin) {
  const std::string control = run_checked({{"dpkg-deb", "--field", deb.string()}, {}, {}, {}});
  std::vector<DebianPackage> found =
      parse_package_stanzas(concat(control, "Filename: ", pin.file_name, "\nSHA256: ", pin.digest.hex(),
                                   "\nSize: ", std::filesystem::file_size(deb), "\n"));
  const auto words = [](const auto& package) {
    return concat(package.name, " ", package.version, " ", package.architecture);
  };
  const std::string is = found.size() == 1 ? words(found[0]) : concat(found.size(), " packages");
  if (is != words(pin)) throw Error{"the .deb with ", pin.digest.to_string(), " is ", is, ", expected ", words(pin)};
  return std::move(found[0]);
}

/// Why a pinned package cannot be fetched, and what helps.
Error not_fetched(const DebianPin& pin, const Error& error, bool is_of_security) {
  const std::string_view variable = is_of_security ? "KILN_DEBIAN_SECURITY_MIRROR" : "KILN_DEBIAN_MIRROR";
  const auto says = [&](std::string_view text) { return error.message().find(text) != std::string::npos; };
  const bool is_gone = says("404") || says("File not found");  // by HTTP; on this disk
  return error.within("fetching ", pin.name, " ", pin.version, " (", pin.digest.to_string(), ")")
      .with_hint(is_gone ? concat("mirrors drop old versions: let ", variable,
                                  " name an archive that keeps them (a snapshot), or let the lock have today's "
                                  "packages with `kiln lock --update NAME`")
                         : concat("what the lock names is fetched unless the cache has it; ", variable,
                                  " chooses another mirror"));
}

}  // namespace

std::vector<DebianPackage> parse_package_stanzas(std::string_view text) {
  std::vector<DebianPackage> packages;
  Fields fields;
  std::string last;
  const auto finish = [&] {
    if (!fields.empty()) packages.push_back(to_package(fields));
    fields.clear();
    last.clear();
  };
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty()) {
      finish();
    } else if (line.front() == ' ' || line.front() == '\t') {
      if (!last.empty()) fields[last] += concat("\n", line);
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      last = std::string{line.substr(0, colon)};
      const std::size_t value = std::min(line.find_first_not_of(' ', colon + 1), line.size());
      fields[last] = std::string{line.substr(value)};
    }
  }
  finish();
  return packages;
}

std::string debian_architecture(std::string_view architecture) {
  if (architecture == "ppc64le") return "ppc64el";
  if (architecture == "386") return "i386";
  if (architecture == "arm") return "armhf";
  return std::string{architecture};
}

DebianArchive::DebianArchive(Options options, Reporter& reporter)
    : options_{std::move(options)},
      reporter_{reporter},
      state_{options_.directory /
             concat(options_.suite, "-", options_.architecture, "-", join(options_.components, "-"))} {}

std::string DebianArchive::apt(std::vector<std::string> arguments, const std::filesystem::path& directory) {
  const Command command{
      std::move(arguments),
      {{"APT_CONFIG", (state_ / "etc/apt.conf").string()}, {"LC_ALL", "C"}, {"DEBIAN_FRONTEND", "noninteractive"}},
      directory.string(),
      {}};
  return run_checked(command);
}

void DebianArchive::write_configuration() {
  for (const char* name : {"lists/partial", "cache/archives/partial", "etc/parts", "etc/preferences", "etc/trusted"}) {
    make_directories(state_ / name);
  }
  make_directories(options_.directory / "archives");
  const std::string root = state_.string();
  std::string text = host_transport_settings();
  text += concat("APT::Architecture \"", options_.architecture, "\";\n");
  text += concat("APT::Architectures { \"", options_.architecture, "\"; };\n");
  // apt warns, and falls back, when its sandbox user cannot write to a directory of ours; it runs as we do instead.
  text += concat("APT::Sandbox::User \"", ::geteuid() == 0 ? "root" : "", "\";\n");
  text += concat("APT::Install-Recommends \"false\";\nAPT::Get::AllowUnauthenticated \"false\";\n");
  text += concat("Acquire::Languages \"none\";\nAcquire::IndexTargets::deb::DEP-11::DefaultEnabled \"false\";\n");
  text += concat("Dir::State \"", root, "\";\nDir::State::lists \"", root, "/lists\";\n");
  text += concat("Dir::State::status \"", root, "/status\";\nDir::Cache \"", root, "/cache\";\n");
  text += concat("Dir::Etc::SourceList \"", root, "/etc/sources.list\";\nDir::Etc::SourceParts \"/dev/null\";\n");
  text += concat("Dir::Etc::Parts \"", root, "/etc/parts\";\nDir::Etc::Main \"/dev/null\";\n");
  text += concat("Dir::Etc::Preferences \"/dev/null\";\nDir::Etc::PreferencesParts \"", root, "/etc/preferences\";\n");
  text += concat("Dir::Etc::TrustedParts \"", root, "/etc/trusted\";\n");
  write_file(state_ / "status", "");
  write_file(state_ / "etc/apt.conf", text);

  constexpr std::string_view kKeys = "[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]";
  const std::string components = join(options_.components, " ");
  std::string sources = concat("deb ", kKeys, " ", options_.mirror.archive, " ", options_.suite, " ", components, "\n");
  if (!options_.mirror.security.empty()) {
    sources +=
        concat("deb ", kKeys, " ", options_.mirror.security, " ", options_.suite, "-security ", components, "\n");
  }
  write_file(state_ / "etc/sources.list", sources);
}

void DebianArchive::update_lists(bool force) {
  // The stamp says with which sources the lists were fetched, so that another mirror means other lists.
  const std::filesystem::path stamp = state_ / "updated";
  const std::string sources = read_file(state_ / "etc/sources.list");
  std::error_code error;
  const auto time = std::filesystem::last_write_time(stamp, error);
  const bool fresh =
      !error && std::filesystem::file_time_type::clock::now() - time < kListsAreFresh && read_file(stamp) == sources;
  if (fresh && !force) return;
  const auto activity = reporter_.start("update", concat("Debian ", options_.suite, " ", options_.architecture));
  try {
    // Without this option apt calls a list it could not fetch a warning, and goes on with an old one.
    apt({"apt-get", "update", "-q", "-o", "APT::Update::Error-Mode=any"});
  } catch (const Error& failed) {
    throw Error{failed}
        .within("fetching the package lists of Debian ", options_.suite)
        .with_hint("a network is needed to build packages; KILN_DEBIAN_MIRROR chooses another mirror");
  }
  write_file(stamp, sources);
  activity->finish("");
}

std::vector<std::string> DebianArchive::closure(const std::vector<std::string>& packages) {
  std::vector<std::string> arguments{"apt-get", "install", "--print-uris", "-qq", "-y", "--no-install-recommends",
                                     "--"};
  arguments.insert(arguments.end(), packages.begin(), packages.end());
  const std::string output = apt(std::move(arguments));
  std::vector<std::string> names;
  std::string_view rest = output;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    if (std::string name = package_of_uri_line(rest.substr(0, end)); !name.empty()) names.push_back(std::move(name));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return names;
}

std::vector<DebianPackage> DebianArchive::resolve(const std::vector<std::string>& packages) {
  if (packages.empty()) return {};
  make_directories(state_);
  const LockFile lock{state_ / "lock", LockFile::Mode::exclusive};
  write_configuration();
  update_lists(false);
  std::vector<std::string> names;
  try {
    names = closure(packages);
  } catch (const Error&) {
    update_lists(true);  // perhaps the package is newer than our lists
    try {
      names = closure(packages);
    } catch (const Error& error) {
      throw error.within("resolving ", join(packages, ", "), " in Debian ", options_.suite, " for ",
                         options_.architecture);
    }
  }
  std::vector<std::string> arguments{"apt-cache", "show", "--no-all-versions", "--"};
  arguments.insert(arguments.end(), names.begin(), names.end());
  std::vector<DebianPackage> found = parse_package_stanzas(apt(std::move(arguments)));
  std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return found;
}

std::filesystem::path DebianArchive::archive_path(std::string_view sha256) const {
  return options_.directory / "archives" / concat(sha256, ".deb");
}

std::vector<DebianPackage> DebianArchive::resolve_pinned(const std::vector<DebianPin>& pins) {
  std::vector<const DebianPin*> missing;
  for (const DebianPin& pin : pins) {
    std::error_code error;
    if (!std::filesystem::exists(archive_path(pin.digest.hex()), error)) missing.push_back(&pin);
  }
  if (!missing.empty()) fetch_pinned(missing);
  std::vector<DebianPackage> packages;
  for (const DebianPin& pin : pins) packages.push_back(described_by_itself(archive_path(pin.digest.hex()), pin));
  std::sort(packages.begin(), packages.end(), [](const auto& a, const auto& b) { return a.name < b.name; });
  return packages;
}

/// By apt's own downloader: it has the host's proxies, every kind of URI that sources may have, and checks the hash.
void DebianArchive::fetch_pinned(const std::vector<const DebianPin*>& missing) {
  make_directories(state_);
  const LockFile lock{state_ / "lock", LockFile::Mode::exclusive};
  write_configuration();
  const auto activity =
      reporter_.start("fetch", missing.size() == 1 ? concat(missing[0]->name, " ", missing[0]->version)
                                                   : concat(missing.size(), " Debian packages"));
  const TempDir download{options_.directory / "archives", ".download"};
  for (const DebianPin* pin : missing) {
    const bool is_of_security = pin->file_name.starts_with("pool/updates/");  // no other archive has that
    const std::string& archive = is_of_security ? options_.mirror.security : options_.mirror.archive;
    const std::filesystem::path file = download.path() / "deb";
    try {
      if (archive.empty()) throw Error{"it is of the security archive, and none is configured"};
      apt({"/usr/lib/apt/apt-helper", "-qq", "download-file",
           concat(archive, archive.ends_with('/') ? "" : "/", pin->file_name), file.string(),
           concat("SHA256:", pin->digest.hex())});
    } catch (const Error& error) {
      throw not_fetched(*pin, error, is_of_security);
    }
    if (Sha256::of(Mapping{file}.bytes()).hex() != pin->digest.hex()) {
      throw Error{"fetching ", pin->name, " ", pin->version, ": what came has not ", pin->digest.to_string()};
    }
    if (std::filesystem::is_symlink(file)) {  // apt's way to "fetch" from an archive on this disk
      std::filesystem::copy_file(file, download.path() / "copy");
      std::filesystem::rename(download.path() / "copy", file);
    }
    std::filesystem::rename(file, archive_path(pin->digest.hex()));
  }
  activity->finish("");
}

std::vector<std::filesystem::path> DebianArchive::fetch(std::span<const DebianPackage* const> packages) {
  std::vector<std::filesystem::path> paths;
  std::vector<std::string> wanted{"apt-get", "download", "-qq"};
  std::vector<const DebianPackage*> missing;
  std::uint64_t bytes = 0;
  for (const DebianPackage* package : packages) {
    paths.push_back(archive_path(package->sha256));
    std::error_code error;
    if (std::filesystem::exists(paths.back(), error)) continue;
    missing.push_back(package);
    wanted.push_back(concat(package->name, "=", package->version));
    bytes += package->size;
  }
  if (missing.empty()) return paths;

  const LockFile lock{state_ / "lock", LockFile::Mode::exclusive};
  const std::string subject = missing.size() == 1 ? concat(missing[0]->name, " ", missing[0]->version)
                                                  : concat(missing.size(), " Debian packages");
  const auto activity = reporter_.start("fetch", subject, bytes);
  const TempDir download{options_.directory / "archives", ".download"};
  apt(std::move(wanted), download.path());
  for (const auto& entry : std::filesystem::directory_iterator{download.path()}) {
    const std::string sha256 = Sha256::of(Mapping{entry.path()}.bytes()).hex();
    std::filesystem::rename(entry.path(), options_.directory / "archives" / concat(sha256, ".deb"));
  }
  for (const DebianPackage* package : missing) {
    if (std::filesystem::exists(archive_path(package->sha256))) continue;
    throw Error{
        "fetching ",    package->name, " ", package->version, ": what apt fetched has not the SHA-256 of its index, ",
        package->sha256};
  }
  activity->advance(bytes);
  activity->finish("");
  return paths;
}

std::string DebianArchive::package_url(const DebianPackage& package, std::string_view suite) {
  return concat("pkg:deb/debian/", percent_encoded(package.name), "@", percent_encoded(package.version),
                "?arch=", package.architecture, "&distro=debian-", suite);
}

}  // namespace kiln::package
