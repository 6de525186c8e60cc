#include "package/debian_pin.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "package/debian_archive.h"

namespace kiln::package {
namespace {

/// Debian policy 5.6.7 and 5.6.12: names, versions and architectures; they become arguments of apt's programs.
bool is_plain(std::string_view word) {
  return !word.empty() && word.front() != '-' && std::all_of(word.begin(), word.end(), [](unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '+' ||
           c == '-' || c == '~' || c == ':' || c == '_';
  });
}

/// In the pool of the archive, and leading nowhere else.
bool is_pool_path(std::string_view path) {
  return path.starts_with("pool/") && path.ends_with(".deb") && path.find("/../") == std::string_view::npos &&
         path.find("//") == std::string_view::npos && path.find_first_of(" \t\"'\\%?#") == std::string_view::npos;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end > 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

DebianPin DebianPin::of(const DebianPackage& package) {
  return {package.name, package.version, package.architecture, oci::Digest::parse("sha256:" + package.sha256),
          package.file_name};
}

DebianPin DebianPin::parse(std::string_view text) {
  const auto fail = [&](const auto&... parts) {
    return Error{"Debian package ", quote(text.substr(0, 300)), ": ", parts...};
  };
  const std::vector<std::string> words = words_of(text);
  if (words.size() != 5) throw fail("expected NAME VERSION ARCHITECTURE sha256:DIGEST pool/FILE");
  for (std::size_t i = 0; i < 3; ++i) {
    if (!is_plain(words[i]))
      throw fail(quote(words[i]), " is not a ", i == 0 ? "name" : i == 1 ? "version" : "architecture");
  }
  if (!is_pool_path(words[4])) throw fail(quote(words[4]), " is not a .deb in the archive's pool/");
  try {
    return {words[0], words[1], words[2], oci::Digest::parse(words[3]), words[4]};
  } catch (const Error& error) {
    throw fail(error.message());
  }
}

std::string DebianPin::to_string() const {
  return concat(name, " ", version, " ", architecture, " ", digest.to_string(), " ", file_name);
}

void write_debian_pins(const std::filesystem::path& directory, const oci::Digest& image,
                       const std::vector<DebianPin>& pins) {
  std::string text;
  for (const DebianPin& pin : pins) text += pin.to_string() + "\n";
  make_directories(directory);
  AtomicFile file{directory / image.hex()};
  file.sink().write(as_bytes(text));
  file.commit();
}

std::optional<std::vector<DebianPin>> read_debian_pins(const std::filesystem::path& directory,
                                                       const oci::Digest& image) {
  const std::filesystem::path path = directory / image.hex();
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return std::nullopt;
  std::vector<DebianPin> pins;
  const std::string text = read_file(path);
  for (std::string_view rest = text; !rest.empty();) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    pins.push_back(DebianPin::parse(rest.substr(0, end)));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return pins;
}

}  // namespace kiln::package
