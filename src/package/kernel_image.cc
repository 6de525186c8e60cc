#include "package/kernel_image.h"

#include <algorithm>
#include <map>
#include <set>

#include "archive/decompress.h"
#include "base/error.h"
#include "package/deb_file.h"
#include "package/glob.h"

namespace kiln::package {
namespace {

constexpr std::string_view kModules = "/usr/lib/modules/";
constexpr std::size_t kLargestModule = 256 << 20;

bool is_kernel(const DebEntry& entry) {
  return glob_matches("/boot/vmlinu[xz]-*", entry.path) || glob_matches("/usr/lib/modules/*/vmlinu[xz]", entry.path);
}

bool is_module(const DebEntry& entry) {
  return glob_matches("/usr/lib/modules/*/kernel/**.ko", entry.path) ||
         glob_matches("/usr/lib/modules/*/kernel/**.ko.[gxz]*", entry.path);
}

std::string plain_module(const std::string& compressed, const std::string& name) {
  MemorySource source{as_bytes(compressed)};
  return read_text(*archive::decompress(source, name), kLargestModule, name);
}

/// Everything of the packages that matters, read once; modules stay compressed, which for the largest kernel is 90 MB.
struct Contents {
  struct File {
    DebEntry entry;
    std::string content;
  };
  std::string version;
  std::vector<KernelModule> modules;
  std::map<std::string, File> module_files;  // by KernelModule::path
  std::map<std::string, File> indexes;       // modules.builtin …, by name
};

std::string_view builtin_modules(const Contents& contents) {
  const auto found = contents.indexes.find("modules.builtin");
  return found == contents.indexes.end() ? std::string_view{} : found->second.content;
}

class KernelReader {
 public:
  explicit KernelReader(Spool& spool) : spool_{spool} {}

  void read(const KernelSource& source) {
    DebFile{source.deb}.read(is_kernel_file, [&](const DebEntry& entry, Source& content) { take(entry, content); });
  }

  LayerFile kernel;
  bool has_kernel = false;
  Contents contents;

 private:
  void take(const DebEntry& entry, Source& content) {
    if (is_kernel(entry)) return take_kernel(entry, content);
    // /usr/lib/modules/VERSION/REST
    const std::string below = entry.path.substr(kModules.size());
    const std::size_t slash = below.find('/');
    if (slash == std::string::npos) return;
    set_version(below.substr(0, slash));
    const std::string rest = below.substr(slash + 1);
    if (is_module(entry)) return take_module(entry, rest, content);
    if (rest == "modules.builtin" || rest == "modules.builtin.modinfo" || rest == "modules.order") {
      contents.indexes[rest] = {entry, read_text(content, kLargestModule, rest)};
    }
  }

  void take_kernel(const DebEntry& entry, Source& content) {
    if (has_kernel) throw Error{"the packages have more than one kernel: ", quote(entry.path), " is another"};
    has_kernel = true;
    kernel.mode = 0644;
    kernel.mtime = entry.mtime;
    kernel.content = spool_.append(content);
  }

  void take_module(const DebEntry& entry, const std::string& path, Source& content) {
    std::string stored = read_text(content, kLargestModule, path);
    contents.modules.push_back(read_kernel_module(path, as_bytes(plain_module(stored, path))));
    contents.module_files[path] = {entry, std::move(stored)};
  }

  void set_version(const std::string& version) {
    if (contents.version.empty()) contents.version = version;
    if (contents.version != version) {
      throw Error{"the packages have modules of more than one kernel: ", quote(contents.version), " and ",
                  quote(version)};
    }
  }

  Spool& spool_;
};

/// The path of a module without the suffix of its compression.
std::string plain_path(const std::string& path) { return path.substr(0, path.rfind(".ko") + 3); }

/// Makes the modules of the recipe's `plain` plain, with what they depend on.
void make_plain(Contents& contents, const std::vector<Pattern>& patterns) {
  if (patterns.empty()) return;
  std::set<std::string> paths;
  for (const KernelModule* module : select_modules(contents.modules, builtin_modules(contents), patterns)) {
    paths.insert(module->path);
  }
  for (KernelModule& module : contents.modules) {
    if (!paths.count(module.path) || module.path.ends_with(".ko")) continue;
    auto file = contents.module_files.extract(module.path);
    module.path = plain_path(module.path);
    file.key() = module.path;
    file.mapped().content = plain_module(file.mapped().content, module.path);
    contents.module_files.insert(std::move(file));
  }
}

class ModulesTar {
 public:
  ModulesTar(const KernelReader& reader, const std::filesystem::path& work)
      : reader_{reader}, spool_{work}, mtime_{reader.kernel.mtime} {}

  LayerFile write(const std::vector<const KernelModule*>& modules, Spool& out) {
    for (const KernelModule* module : modules) {
      add(module->path, reader_.contents.module_files.at(module->path).content);
    }
    for (const auto& [name, file] : reader_.contents.indexes) add(name, file.content);
    add("modules.dep", modules_dep(modules));
    add("modules.alias", modules_alias(modules));
    add("modules.softdep", modules_softdep(modules));
    LayerFile tar;
    tar.mode = 0644;
    tar.mtime = mtime_;
    tar.content.offset = out.size();
    write_tar(
        files_, [&](std::string_view) { return directory(); }, spool_, out);
    tar.content.size = out.size() - tar.content.offset;
    return tar;
  }

 private:
  LayerFile directory() const {
    LayerFile file;
    file.type = '5';
    file.mode = 0755;
    file.mtime = mtime_;
    return file;
  }

  // "lib", not "usr/lib": in the root of an init, /lib is a directory of its own (LinuxKit's are).
  void add(const std::string& path, std::string_view content) {
    LayerFile file;
    file.mtime = mtime_;
    file.content = spool_.append(content);
    files_[concat("lib/modules/", reader_.contents.version, "/", path)] = file;
  }

  const KernelReader& reader_;
  Spool spool_;
  std::int64_t mtime_;
  std::map<std::string, LayerFile> files_;
};

}  // namespace

bool is_kernel_file(const DebEntry& entry) { return is_kernel(entry) || entry.path.starts_with(kModules); }

KernelFiles make_kernel_files(const std::vector<KernelSource>& sources, const KernelRecipe& recipe, Spool& spool,
                              const std::filesystem::path& work) {
  KernelReader reader{spool};
  for (const KernelSource& source : sources) reader.read(source);
  if (!reader.has_kernel) {
    throw Error{"the packages have no kernel: there is no /boot/vmlinuz-* in them"}.with_hint(
        "name a package linux-image-… under 'debian.packages'");
  }
  make_plain(reader.contents, recipe.plain);
  const std::vector<const KernelModule*> modules =
      select_modules(reader.contents.modules, builtin_modules(reader.contents), recipe.modules);
  KernelFiles files;
  files.kernel = reader.kernel;
  files.version = reader.contents.version;
  files.modules = modules.size();
  files.modules_tar = ModulesTar{reader, work}.write(modules, spool);
  return files;
}

}  // namespace kiln::package
