#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/diagnostics.h"

namespace kiln::package {

/// A file of the recipe's own: an item of `debian.add`.
struct AddedFile {
  enum class Kind { regular, directory, symlink };
  std::vector<std::string> paths;  ///< absolute in the image; several get the same content (or link)
  Kind kind = Kind::regular;
  std::string contents;     ///< when there is no source
  std::string source;       ///< a file in the package's directory, relative
  std::string concatenate;  ///< glob: the contents of those files of the packages, in the order of their names
  std::string symlink;      ///< the link's target
  std::uint32_t mode = 0;
  std::uint32_t uid = 0, gid = 0;
  config::Position where;
};

/// A text of the recipe that errors will have to point at.
struct Pattern {
  std::string text;
  config::Position where;
};

/// `debian.kernel`: which modules go beside the kernel.
struct KernelRecipe {
  std::vector<Pattern> modules;  ///< see select_modules() in kernel_modules.h; empty: all
  /// Those of them to be stored uncompressed (.ko), with what they depend on; the others stay as the package has them
  /// (.ko.xz). Plain ones load faster, and take three to five times the memory as long as the root is in memory.
  std::vector<Pattern> plain;
};

/// `debian:`, Kiln's own way to make a package: files of Debian packages, and files of the recipe's own.
struct DebianRecipe {
  std::string suite = "trixie";
  std::vector<std::string> components{"main"};
  std::vector<std::string> packages;         ///< `${arch}` is Debian's name of the architecture
  std::optional<std::vector<Pattern>> keep;  ///< globs; absent: everything of the packages and their dependencies
  std::vector<std::string> drop;             ///< globs of what to leave out all the same
  std::vector<AddedFile> add;
  std::optional<KernelRecipe> kernel;
  std::string guest;       ///< where to put kiln-guest; empty: nowhere
  bool merged_usr = true;  ///< make /bin, /sbin, /lib … links into /usr; off for images whose place is `init:`
  std::vector<std::string> entrypoint, cmd, env;
  std::string working_dir;
};

/// `depends.docker-images`: images that lie in the build context as archives.
struct Dependencies {
  std::vector<std::string> images;  ///< references with digests
  std::string from_file;            ///< or a file with one a line, relative
  std::string target;               ///< one archive with all of them, relative
  std::string target_directory;     ///< or a directory with one for each

  bool empty() const { return images.empty() && from_file.empty(); }
};

/// A directory outside the package that belongs to its build context.
struct ExtraSource {
  std::string source;       ///< relative to the package
  std::string destination;  ///< relative to the context
};

/// A package: its build.yml (spec pkg.md §2, closed, plus `debian:`).
struct Recipe {
  std::string image;
  std::string org = "linuxkit";
  std::string tag = "{{.Hash}}";
  std::string dockerfile = "Dockerfile";
  std::vector<std::string> arches{"amd64", "arm64", "riscv64"};
  std::vector<std::string> extra_sources;
  std::string git_repository = "https://github.com/linuxkit/linuxkit";
  bool network = false, disable_cache = false;
  std::string label;                         ///< compact JSON of `config:`; empty: none
  std::vector<std::string> build_arguments;  ///< KEY=VALUE
  Dependencies depends;

  ExtraSource extra_source(std::size_t i) const;  ///< extra_sources[i], which is SOURCE:DESTINATION
  std::optional<DebianRecipe> debian;
};

/// Parses a build.yml; `name` is what errors call it. Throws Error with all mistakes and their positions.
Recipe parse_recipe(std::string_view text, const std::string& name);

/// Reads DIRECTORY/build.yml. Throws Error, with a hint if there is none.
Recipe load_recipe(const std::filesystem::path& directory, const std::string& file_name = "build.yml");

}  // namespace kiln::package
