#include "package/build_arguments.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"
#include "base/file.h"
#include "package/git_state.h"
#include "package/glob.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

std::string_view trimmed(std::string_view text) {
  const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
  while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
  while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
  return text;
}

/// What `%` stands for: ORG_IMAGE.
std::string variable_name(const Package& package) {
  std::string name = package.repository();
  for (char& c : name) c = c == '/' || c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

/// The directories that a pattern like "../pkg/k*" names, sorted; hidden ones are not among them.
std::vector<fs::path> matching_directories(const fs::path& pattern) {
  std::vector<fs::path> found{pattern.root_path()};
  for (const fs::path& part : pattern.relative_path()) {
    std::vector<fs::path> next;
    for (const fs::path& directory : found) {
      if (part.native().find_first_of("*?[") == std::string::npos) {
        next.push_back(directory / part);
        continue;
      }
      std::error_code error;
      for (const auto& entry : fs::directory_iterator{directory, error}) {
        const std::string name = entry.path().filename();
        if (!name.starts_with('.') && glob_matches(part.native(), name)) next.push_back(entry.path());
      }
    }
    found = std::move(next);
  }
  std::erase_if(found, [](const fs::path& path) { return !fs::is_directory(path); });
  std::sort(found.begin(), found.end());
  return found;
}

class ArgumentReader {
 public:
  explicit ArgumentReader(const Locations& locations) : locations_{locations} {}

  /// One KEY=VALUE, of a file in `directory`.
  void add(std::string_view line, const fs::path& directory) {
    const std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) throw Error{"expected KEY=VALUE, got ", quote(line)};
    const std::string key{trimmed(line.substr(0, equals))};
    const std::string_view value = trimmed(line.substr(equals + 1));
    if (key.empty()) throw Error{"expected KEY=VALUE, got ", quote(line)};
    if (value.starts_with("@lkt:")) {
      add_computed(key, value, directory);
    } else {
      arguments_[key] = value;
    }
  }

  void add_file(const fs::path& file) {
    constexpr std::size_t kMost = 1 << 20;
    const std::string text = read_file(file, kMost);
    std::string_view rest = text;
    for (std::size_t number = 1; !rest.empty(); ++number) {
      const std::size_t end = std::min(rest.find('\n'), rest.size());
      const std::string_view line = trimmed(rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
      if (line.empty() || line.starts_with('#')) continue;
      try {
        add(line, fs::absolute(file).parent_path());
      } catch (const Error& error) {
        throw error.within(file.string(), ":", number);
      }
    }
  }

  void set_if_absent(const std::string& key, const std::string& value) {
    if (!value.empty()) arguments_.emplace(key, value);
  }

  std::map<std::string, std::string> take() { return std::move(arguments_); }

 private:
  void add_computed(const std::string& key, std::string_view value, const fs::path& directory) {
    constexpr std::string_view kPackage = "@lkt:pkg:";
    constexpr std::string_view kPackages = "@lkt:pkgs:";
    if (value.starts_with(kPackage)) {
      arguments_[key] = open_package(directory / value.substr(kPackage.size()), locations_).name;
    } else if (value.starts_with(kPackages)) {
      add_packages(key, (directory / value.substr(kPackages.size())).lexically_normal());
    } else {
      throw Error{"unknown linuxkit build arg value ", quote(value)}.with_hint(
          "expected @lkt:pkg:PATH or @lkt:pkgs:PATTERN");
    }
  }

  void add_packages(const std::string& key, const fs::path& pattern) {
    const std::size_t percent = key.find('%');
    if (percent == std::string::npos) {
      throw Error{"build argument ", quote(key), ": there is no '%' in its name"}.with_hint(
          "with @lkt:pkgs: there is one argument for each package, in which '%' becomes ORG_IMAGE");
    }
    const std::vector<fs::path> directories = matching_directories(pattern);
    if (directories.empty()) throw Error{"no directory matches ", quote(pattern.string())};
    for (const fs::path& directory : directories) {
      const Package package = open_package(directory, locations_);
      std::string name = key;
      for (std::size_t at = percent; at != std::string::npos; at = name.find('%', at)) {
        name.replace(at, 1, variable_name(package));
      }
      arguments_[name] = package.name;
    }
  }

  const Locations& locations_;
  std::map<std::string, std::string> arguments_;
};

}  // namespace

std::map<std::string, std::string> build_arguments(const Package& package, const std::vector<fs::path>& files,
                                                   const Locations& locations) {
  ArgumentReader reader{locations};
  for (const std::string& argument : package.recipe.build_arguments) {
    try {
      reader.add(argument, package.build_yml.parent_path());
    } catch (const Error& error) {
      throw error.within(package.build_yml.string(), ": buildArgs ", quote(argument));
    }
  }
  for (const fs::path& file : files) reader.add_file(file);
  if (package.in_git) reader.set_if_absent("SOURCE", package.recipe.git_repository);
  reader.set_if_absent("REVISION", package.commit);
  reader.set_if_absent(
      "GOPKGVERSION",
      go_pseudo_version(package.directory, package.commit.empty() ? git_head(package.directory) : package.commit));
  reader.set_if_absent("PKG_HASH", package.hash);
  reader.set_if_absent("PKG_IMAGE", package.repository());
  return reader.take();
}

}  // namespace kiln::package
