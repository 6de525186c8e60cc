#include "modules/loader.h"

#include <fcntl.h>
#include <linux/module.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"

namespace guest {
namespace {

bool compressed(std::string_view path) { return path.size() < 3 || path.substr(path.size() - 3) != ".ko"; }

bool present(const std::string& name) { return exists("/sys/module/" + name); }

ModprobeOptions read_options() {
  ModprobeOptions options;
  for (const char* directory : {"/etc/modprobe.d", "/lib/modprobe.d"}) {
    for (const std::string& name : list_directory(directory)) {
      std::string text;
      if (!read_file(std::string{directory} + "/" + name, text).failed()) options.add(text);
    }
  }
  return options;
}

}  // namespace

std::string modules_directory() {
  utsname system;
  ::uname(&system);
  return std::string{"/lib/modules/"} + system.release;
}

ModuleLoader::ModuleLoader(std::string directory, Log& log) : directory_(std::move(directory)), log_(log) {
  if (Mapping::open(directory_ + "/modules.dep", dependency_text_).failed()) return;  // a kernel without modules
  dependencies_ = DependencyIndex{dependency_text_.text()};
  Mapping::open(directory_ + "/modules.alias", alias_text_).ignore();  // then modules load by name only
  options_ = read_options();
}

Errno ModuleLoader::insert(std::string_view path, const std::string& parameters) {
  std::string name = module_name(path);
  // finit_module would also say EEXIST, but only after decompressing the file.
  if (present(name)) return {};
  std::string file = directory_ + "/" + std::string{path};
  UniqueFd fd{::open(file.c_str(), O_RDONLY | O_CLOEXEC)};
  Errno error;
  if (!fd) {
    error = Errno::last();
  } else {
    std::string all = options_.parameters(name);
    if (!parameters.empty()) all += (all.empty() ? "" : " ") + parameters;
    int flags = compressed(path) ? MODULE_INIT_COMPRESSED_FILE : 0;
    error = Errno::of(::syscall(SYS_finit_module, fd.get(), all.c_str(), flags));
  }
  if (error.value() == EEXIST) return {};
  if (!error.failed()) {
    ++loaded_;
  } else if (error.value() != ENODEV) {  // ENODEV: no such hardware, common for guesses by alias
    log_.line(format("kiln: loading module '%s': %s", file.c_str(), error.text()));
  }
  return error;
}

Errno ModuleLoader::load(const std::string& name, const std::string& parameters) {
  if (present(name)) return {};
  ModuleRecord record;
  if (!dependencies_.find(name, record)) return Errno{ENOENT};
  for (std::string_view dependency : record.dependencies) {
    if (Errno error = insert(dependency, ""); error.failed()) return error;
  }
  return insert(record.path, parameters);
}

std::vector<std::string> ModuleLoader::files(const std::string& name) const {
  std::vector<std::string> files;
  ModuleRecord record;
  if (!dependencies_.find(name, record)) return files;
  for (std::string_view dependency : record.dependencies) files.push_back(directory_ + "/" + std::string{dependency});
  files.push_back(directory_ + "/" + std::string{record.path});
  return files;
}

std::vector<std::string> ModuleLoader::resolve(const std::vector<std::string>& wanted) const {
  std::vector<std::string> modules = match_aliases(options_.aliases, wanted);
  for (std::string& name : match_aliases(alias_text_.text(), wanted)) {
    if (std::find(modules.begin(), modules.end(), name) == modules.end()) modules.push_back(std::move(name));
  }
  std::erase_if(modules, [this](const std::string& name) { return options_.blacklisted(name); });
  return modules;
}

}  // namespace guest
