#include "package/compose.h"

#include <algorithm>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mapping.h"
#include "package/glob.h"
#include "package/kernel_image.h"
#include "package/selection.h"

namespace kiln::package {
namespace {

constexpr std::size_t kLargestPart = 16 << 20;  // of a file put together

std::string without_slash(std::string_view path) { return std::string{path.substr(path.starts_with('/') ? 1 : 0)}; }

std::string replace_architecture(std::string text, const std::string& architecture) {
  constexpr std::string_view kVariable = "${arch}";
  for (std::size_t at; (at = text.find(kVariable)) != std::string::npos;)
    text.replace(at, kVariable.size(), architecture);
  return text;
}

std::vector<std::string> replace_architecture(std::vector<std::string> texts, const std::string& architecture) {
  for (std::string& text : texts) text = replace_architecture(std::move(text), architecture);
  return texts;
}

LayerFile to_layer_file(const DebEntry& entry) {
  LayerFile file;
  file.mode = entry.mode;
  file.uid = entry.uid;
  file.gid = entry.gid;
  file.mtime = entry.mtime;
  if (entry.kind == DebEntry::Kind::directory) file.type = '5';
  if (entry.kind == DebEntry::Kind::symlink) {
    file.type = '2';
    file.link = entry.link;
    file.mode = 0777;
  }
  return file;
}

class Composer {
 public:
  Composer(const DebianRecipe& recipe, const ComposeInputs& inputs, Reporter& reporter)
      : recipe_{recipe},
        inputs_{inputs},
        reporter_{reporter},
        architecture_{debian_architecture(inputs.architecture)},
        composition_{inputs.work} {}

  Composition compose() {
    if (!recipe_.packages.empty()) add_packages();
    if (!recipe_.guest.empty()) add_guest();
    for (const AddedFile& file : recipe_.add) add_file(file);
    if (recipe_.merged_usr) add_usr_links();
    std::sort(composition_.fetched.begin(), composition_.fetched.end(),
              [](const DebianPin& a, const DebianPin& b) { return a.name < b.name; });
    return std::move(composition_);
  }

 private:
  void add_packages() {
    DebianArchive archive{
        {inputs_.work / "apt", recipe_.suite, recipe_.components, architecture_, find_debian_mirror()}, reporter_};
    const std::vector<std::string> names = replace_architecture(recipe_.packages, architecture_);
    Selector selector{inputs_.pins != nullptr ? archive.resolve_pinned(*inputs_.pins) : archive.resolve(names),
                      architecture_, recipe_.merged_usr,
                      [&](std::span<const DebianPackage* const> packages) { return list(archive, packages); }};
    if (recipe_.kernel) {
      selector.keep_if([](const DebianPackage& package) { return package.name.starts_with("linux-"); }, is_kernel_file);
      add_kernel(selector);
      return;
    }
    const std::vector<std::string> drop = replace_architecture(recipe_.drop, architecture_);
    if (recipe_.keep) {
      std::vector<Pattern> keep = *recipe_.keep;
      for (Pattern& pattern : keep) pattern.text = replace_architecture(std::move(pattern.text), architecture_);
      selector.keep(names, keep, drop);
    } else {
      selector.keep_all(drop);
    }
    add_selection(selector);
    for (const AddedFile& file : recipe_.add) {
      if (!file.concatenate.empty()) concatenate(selector, file, names);
    }
  }

  /// Fills in `concatenated_` for a file made of files of the named packages.
  void concatenate(Selector& selector, const AddedFile& added, const std::vector<std::string>& names) {
    std::map<std::string, std::string> contents;
    for (const DebianPackage& package : selector.packages()) {
      if (std::find(names.begin(), names.end(), package.name) == names.end()) continue;
      DebFile{debs_.at(package.name)}.read(
          [&](const DebEntry& entry) { return glob_matches(added.concatenate, entry.path); },
          [&](const DebEntry& entry, Source& content) {
            contents[entry.path] = read_text(content, kLargestPart, entry.path);
            composition_.time = std::max(composition_.time, entry.mtime);
          });
    }
    if (contents.empty()) {
      throw Error{added.where.to_string(), ": debian.add: no file of the named packages matches ",
                  quote(added.concatenate)};
    }
    std::string& all = concatenated_[&added];
    for (const auto& [path, content] : contents) {
      all += content;
      if (!all.empty() && all.back() != '\n') all += '\n';
    }
  }

  std::vector<std::vector<DebEntry>> list(DebianArchive& archive, std::span<const DebianPackage* const> packages) {
    std::vector<std::vector<DebEntry>> lists;
    const std::vector<std::filesystem::path> paths = archive.fetch(packages);
    for (std::size_t i = 0; i < paths.size(); ++i) {
      debs_[packages[i]->name] = paths[i];
      composition_.fetched.push_back(DebianPin::of(*packages[i]));
      lists.push_back(DebFile{paths[i]}.list());
    }
    return lists;
  }

  void add_selection(const Selector& selector) {
    const std::vector<SelectedFile> files = selector.files();
    // Content is looked up by the path it has in its package: a hard link has that of its target.
    std::map<std::size_t, std::map<std::string, Spool::Piece>> contents;
    for (const SelectedFile& file : files) {
      if (file.entry->kind == DebEntry::Kind::regular) contents[file.package][file.entry->path];
      if (file.entry->kind == DebEntry::Kind::hard_link) contents[file.package][file.entry->link];
    }
    for (auto& [package, pieces] : contents) read_contents(selector.packages()[package], pieces);
    for (const SelectedFile& file : files) {
      LayerFile out = to_layer_file(*file.entry);
      if (file.entry->kind == DebEntry::Kind::regular) out.content = contents[file.package][file.entry->path];
      if (file.entry->kind == DebEntry::Kind::hard_link) out.content = contents[file.package][file.entry->link];
      composition_.time = std::max(composition_.time, out.mtime);
      add_parents(selector, file.path);
      composition_.files[without_slash(file.path)] = std::move(out);
    }
    add_origins(selector, files);
  }

  void read_contents(const DebianPackage& package, std::map<std::string, Spool::Piece>& pieces) {
    DebFile{debs_.at(package.name)}.read(
        [&](const DebEntry& entry) { return pieces.count(entry.path) > 0; },
        [&](const DebEntry& entry, Source& content) { pieces[entry.path] = composition_.spool.append(content); });
  }

  void add_parents(const Selector& selector, const std::string& path) {
    for (std::size_t slash = path.rfind('/'); slash != std::string::npos && slash > 0;
         slash = path.rfind('/', slash - 1)) {
      const std::string parent = path.substr(0, slash);
      if (const DebEntry* entry = selector.directory(parent)) {
        composition_.directories.emplace(without_slash(parent), to_layer_file(*entry));
      }
    }
  }

  void add_origins(const Selector& selector, const std::vector<SelectedFile>& files) {
    std::map<std::size_t, std::vector<std::string>> by_package;
    for (const SelectedFile& file : files) by_package[file.package].push_back(without_slash(file.path));
    for (auto& [package, paths] : by_package) {
      composition_.origins.push_back({selector.packages()[package], std::move(paths)});
    }
  }

  void add_kernel(const Selector& selector) {
    std::vector<KernelSource> sources;
    for (const SelectedFile& file : selector.files()) {
      const std::string& name = selector.packages()[file.package].name;
      if (sources.empty() || sources.back().deb != debs_.at(name)) {
        const auto known =
            std::find_if(sources.begin(), sources.end(), [&](const auto& s) { return s.deb == debs_.at(name); });
        if (known == sources.end()) sources.push_back({debs_.at(name)});
      }
    }
    const KernelFiles kernel = make_kernel_files(sources, *recipe_.kernel, composition_.spool, inputs_.work);
    composition_.files["kernel"] = kernel.kernel;
    composition_.files["kernel.tar"] = kernel.modules_tar;
    composition_.time = kernel.kernel.mtime;
    reporter_.detail(concat("kernel ", kernel.version, " with ", kernel.modules, " modules"));
    std::vector<SelectedFile> copyrights;
    for (const SelectedFile& file : selector.files()) {
      if (file.path.ends_with("/copyright")) copyrights.push_back(file);
    }
    for (const SelectedFile& file : copyrights) {
      std::map<std::string, Spool::Piece> pieces{{file.entry->path, {}}};
      read_contents(selector.packages()[file.package], pieces);
      LayerFile out = to_layer_file(*file.entry);
      out.content = pieces[file.entry->path];
      composition_.files[without_slash(file.path)] = std::move(out);
      composition_.origins.push_back({selector.packages()[file.package], {without_slash(file.path)}});
    }
    if (!composition_.origins.empty()) composition_.origins.front().files = {"kernel", "kernel.tar"};
  }

  std::string place(const std::string& path) const {
    if (recipe_.merged_usr) return without_slash(canonical_path(path));
    return without_slash(std::filesystem::path{path}.lexically_normal().string());
  }

  void add_guest() {
    if (!std::filesystem::exists(inputs_.guest_program)) {
      throw Error{"Kiln has no guest program for ", inputs_.architecture, ": ", quote(inputs_.guest_program.string()),
                  " does not exist"}
          .with_hint("build Kiln where a C++ compiler for that architecture is installed");
    }
    LayerFile file;
    file.mode = 0755;
    file.mtime = 0;  // the same in every package, so that an image stores it once
    file.content = composition_.spool.append(as_text(Mapping{inputs_.guest_program}.bytes()));
    composition_.files[place(recipe_.guest)] = file;
  }

  void add_file(const AddedFile& added) {
    LayerFile file;
    file.mode = added.mode;
    file.uid = added.uid;
    file.gid = added.gid;
    file.mtime = composition_.time;
    file.link = added.symlink;
    if (added.kind == AddedFile::Kind::directory) file.type = '5';
    if (added.kind == AddedFile::Kind::symlink) file.type = '2';
    if (added.kind == AddedFile::Kind::regular) {
      file.content = composition_.spool.append(content_of(added));
    }
    for (const std::string& path : added.paths) composition_.files[place(path)] = file;
  }

  std::string content_of(const AddedFile& added) const {
    if (!added.concatenate.empty()) return concatenated_.at(&added);
    return added.source.empty() ? added.contents : read_source(added);
  }

  std::string read_source(const AddedFile& added) const {
    try {
      return read_file(inputs_.directory / added.source);
    } catch (const Error& error) {
      throw error.within(added.where.to_string(), ": debian.add");
    }
  }

  void add_usr_links() {
    for (const std::string name : {"bin", "sbin", "lib", "lib64", "lib32"}) {
      const std::string prefix = concat("usr/", name, "/");
      const auto found = composition_.files.lower_bound(prefix);
      if (found == composition_.files.end() || !found->first.starts_with(prefix)) continue;
      LayerFile link;
      link.type = '2';
      link.mode = 0777;
      link.mtime = composition_.time;
      link.link = concat("usr/", name);
      composition_.files[name] = link;
    }
  }

  const DebianRecipe& recipe_;
  const ComposeInputs& inputs_;
  Reporter& reporter_;
  std::string architecture_;
  Composition composition_;
  std::map<std::string, std::filesystem::path> debs_;  // by package
  std::map<const AddedFile*, std::string> concatenated_;
};

}  // namespace

LayerFile Composition::directory(std::string_view path) const {
  const auto found = directories.find(std::string{path});
  if (found != directories.end()) return found->second;
  LayerFile plain;
  plain.type = '5';
  plain.mode = 0755;
  plain.mtime = time;
  return plain;
}

Composition compose(const DebianRecipe& recipe, const ComposeInputs& inputs, Reporter& reporter) {
  make_directories(inputs.work);
  return Composer{recipe, inputs, reporter}.compose();
}

}  // namespace kiln::package
