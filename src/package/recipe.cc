#include "package/recipe.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "oci/reference.h"
#include "package/label.h"
#include "package/yaml_fields.h"

namespace kiln::package {
namespace {

constexpr std::size_t kLargest = 1 << 20;  // a build.yml with its files written in it; theirs are a few kB

/// Whether a path, taken from some directory, stays in it.
bool stays_inside(std::string_view path) {
  for (const auto& part : std::filesystem::path{path}) {
    if (part == "..") return false;
  }
  return true;
}

void assign(std::string& to, std::optional<std::string> value) {
  if (value) to = std::move(*value);
}
void assign(bool& to, std::optional<bool> value) { to = value.value_or(to); }
void assign(std::vector<std::string>& to, std::optional<std::vector<std::string>> value) {
  if (value) to = std::move(*value);
}

std::vector<Pattern> to_patterns(std::vector<YamlFields::Text> texts) {
  std::vector<Pattern> patterns;
  for (YamlFields::Text& item : texts) patterns.push_back({std::move(item.text), std::move(item.where)});
  return patterns;
}

class RecipeReader {
 public:
  RecipeReader(std::string name, config::Diagnostics& diagnostics)
      : name_{std::move(name)}, diagnostics_{diagnostics} {}

  Recipe read(const config::Node& document) {
    YamlFields fields{document, "", name_, diagnostics_};
    Recipe recipe;
    assign(recipe.image, fields.text("image"));
    if (recipe.image.empty()) {
      diagnostics_.error(fields.where(), "no image: every package names its image", "add a line `image: NAME`");
    }
    assign(recipe.org, fields.text("org"));
    assign(recipe.tag, fields.text("tag"));
    assign(recipe.dockerfile, fields.text("dockerfile"));
    if (const config::Node* node = fields.node("dockerfile")) {
      check_inside(fields.position(*node), "dockerfile", recipe.dockerfile);
    }
    assign(recipe.arches, fields.strings("arches"));
    recipe.extra_sources = checked(fields.texts("extra-sources"), &RecipeReader::check_extra_source);
    assign(recipe.git_repository, fields.text("gitrepo"));
    assign(recipe.network, fields.boolean("network"));
    assign(recipe.disable_cache, fields.boolean("disable-cache"));
    recipe.build_arguments = checked(fields.texts("buildArgs"), &RecipeReader::check_build_argument);
    recipe.depends = read_depends(fields.node("depends"));
    if (const config::Node* config = fields.node("config")) recipe.label = read_label(*config, fields);
    if (const config::Node* debian = fields.node("debian")) recipe.debian = read_debian(*debian);
    fields.finish();
    return recipe;
  }

 private:
  using Text = YamlFields::Text;

  /// A path relative to the package that does not lead out of it.
  void check_inside(const config::Position& where, std::string_view what, const std::string& path) {
    const std::filesystem::path normal = std::filesystem::path{path}.lexically_normal();
    if (!path.empty() && path.front() != '/' && stays_inside(path) && normal != "." && normal != "./") return;
    diagnostics_.error(where, concat(what, ": ", quote(path), " is not a path below the package's directory"),
                       "give a relative path without '..'");
  }

  std::vector<std::string> checked(const std::optional<std::vector<Text>>& texts,
                                   void (RecipeReader::*check)(const Text&)) {
    std::vector<std::string> out;
    for (const Text& text : texts.value_or(std::vector<Text>{})) {
      (this->*check)(text);
      out.push_back(text.text);
    }
    return out;
  }

  void check_extra_source(const Text& source) {
    const std::size_t colon = source.text.find(':');
    if (colon == 0 || colon == std::string::npos || colon + 1 == source.text.size()) {
      diagnostics_.error(source.where, concat("extra-sources: ", quote(source.text), " is not SOURCE:DESTINATION"),
                         "SOURCE is a directory relative to the package, DESTINATION one in the build context");
    } else if (!stays_inside(source.text.substr(colon + 1))) {
      diagnostics_.error(source.where, concat("extra-sources: the destination of ", quote(source.text),
                                              " leads out of the build context"));
    }
  }

  void check_build_argument(const Text& argument) {
    if (argument.text.find('=') != std::string::npos) return;
    diagnostics_.error(argument.where, concat("buildArgs: ", quote(argument.text), " is not KEY=VALUE"));
  }

  void check_pinned(const Text& image) {
    try {
      if (oci::Reference::parse(image.text).digest()) return;
      diagnostics_.error(image.where, concat("depends.docker-images: ", quote(image.text), " has no digest"),
                         "write NAME@sha256:…, so that the package is made of the same images tomorrow");
    } catch (const Error& error) {
      diagnostics_.error(image.where, concat("depends.docker-images: ", error.message()), error.hint());
    }
  }

  Dependencies read_depends(const config::Node* node) {
    Dependencies found;
    if (node == nullptr) return found;
    YamlFields depends{*node, "depends", name_, diagnostics_};
    if (const config::Node* images = depends.node("docker-images")) found = read_images(*images);
    depends.finish();
    return found;
  }

  Dependencies read_images(const config::Node& node) {
    YamlFields fields{node, "depends.docker-images", name_, diagnostics_};
    Dependencies found;
    const auto list = fields.texts("list");
    const auto from_file = fields.text("from-file");
    const auto target = fields.text("target");
    const auto target_directory = fields.text("target-dir");
    if (list && from_file) {
      fields.error(node, "depends.docker-images: 'list' and 'from-file' exclude each other");
    }
    if (target && target_directory) {
      fields.error(node, "depends.docker-images: 'target' and 'target-dir' exclude each other");
    }
    if ((list || from_file) && !target && !target_directory) {
      fields.error(node, "depends.docker-images: expected 'target' or 'target-dir'");
    }
    if (target) check_inside(fields.where(), "depends.docker-images.target", *target);
    if (target_directory) check_inside(fields.where(), "depends.docker-images.target-dir", *target_directory);
    found.images = checked(list, &RecipeReader::check_pinned);
    assign(found.from_file, from_file);
    assign(found.target, target);
    assign(found.target_directory, target_directory);
    fields.finish();
    return found;
  }

  std::string read_label(const config::Node& node, YamlFields& parent) {
    try {
      return label_json(node);
    } catch (const Error& error) {
      parent.error(node, concat("config: ", error.message()), error.hint());
      return {};
    }
  }

  DebianRecipe read_debian(const config::Node& node) {
    YamlFields fields{node, "debian", name_, diagnostics_};
    DebianRecipe debian;
    assign(debian.suite, fields.text("suite"));
    assign(debian.components, fields.strings("components"));
    assign(debian.packages, fields.strings("packages"));
    if (auto keep = fields.texts("keep")) debian.keep = to_patterns(std::move(*keep));
    check_globs(debian.keep.value_or(std::vector<Pattern>{}));
    assign(debian.drop, fields.strings("drop"));
    read_added(fields, debian.add);
    if (const config::Node* kernel = fields.node("kernel")) debian.kernel = read_kernel(*kernel);
    assign(debian.guest, fields.text("guest"));
    assign(debian.merged_usr, fields.boolean("merged-usr"));
    assign(debian.entrypoint, fields.strings("entrypoint"));
    assign(debian.cmd, fields.strings("cmd"));
    assign(debian.env, fields.strings("env"));
    assign(debian.working_dir, fields.text("working-dir"));
    fields.finish();
    if (debian.packages.empty() && debian.add.empty() && debian.guest.empty()) {
      fields.error(node, "debian: nothing to put into the image", "give 'packages', 'add' or 'guest'");
    }
    return debian;
  }

  void check_globs(const std::vector<Pattern>& patterns) {
    for (const Pattern& pattern : patterns) {
      if (pattern.text.starts_with('/')) continue;
      diagnostics_.error(pattern.where, concat("debian.keep: ", quote(pattern.text), " does not begin with '/'"),
                         "patterns match whole paths, for example '/usr/sbin/nginx' or '/etc/nginx/**'");
    }
  }

  KernelRecipe read_kernel(const config::Node& node) {
    YamlFields fields{node, "debian.kernel", name_, diagnostics_};
    KernelRecipe kernel;
    if (auto modules = fields.texts("modules")) kernel.modules = to_patterns(std::move(*modules));
    if (auto plain = fields.texts("plain")) kernel.plain = to_patterns(std::move(*plain));
    fields.finish();
    return kernel;
  }

  void read_added(YamlFields& parent, std::vector<AddedFile>& files) {
    const config::Node* list = parent.node("add");
    if (list == nullptr || list->kind == config::Node::Kind::null) return;
    if (list->kind != config::Node::Kind::sequence) {
      parent.error(*list, concat("debian.add: expected a list, got ", yaml_kind(*list)));
      return;
    }
    for (const config::NodePtr& item : list->items) files.push_back(read_added_file(*item));
  }

  AddedFile read_added_file(const config::Node& node) {
    YamlFields fields{node, "debian.add", name_, diagnostics_};
    AddedFile file;
    file.where = fields.where();
    read_paths(fields, file);
    const auto contents = fields.text("contents");
    const auto source = fields.text("source");
    const auto concatenate = fields.text("concatenate");
    const auto symlink = fields.text("symlink");
    const bool directory = fields.boolean("directory").value_or(false);
    if (contents.has_value() + source.has_value() + concatenate.has_value() + symlink.has_value() + directory != 1) {
      fields.error(node,
                   "debian.add: expected one of 'contents', 'source', 'concatenate', 'symlink', 'directory: true'");
    }
    assign(file.contents, contents);
    assign(file.source, source);
    assign(file.concatenate, concatenate);
    assign(file.symlink, symlink);
    if (source && (source->empty() || source->front() == '/' || !stays_inside(*source))) {
      fields.error(*fields.node("source"), concat("debian.add: source ", quote(*source), " is not inside the package"),
                   "give a path relative to the package's directory");
    }
    if (directory) file.kind = AddedFile::Kind::directory;
    if (symlink) file.kind = AddedFile::Kind::symlink;
    file.mode = symlink ? 0777 : fields.octal("mode").value_or(directory ? 0755 : 0644);
    file.uid = fields.number("uid").value_or(0);
    file.gid = fields.number("gid").value_or(0);
    fields.finish();
    return file;
  }

  void read_paths(YamlFields& fields, AddedFile& file) {
    const auto path = fields.text("path");
    const auto paths = fields.strings("paths");
    if (path.has_value() == paths.has_value()) {
      diagnostics_.error(file.where, "debian.add: expected one of 'path' and 'paths'");
    }
    if (path) file.paths = {*path};
    if (paths) file.paths = *paths;
    for (const std::string& given : file.paths) {
      if (given.size() > 1 && given.front() == '/' && stays_inside(given)) continue;
      diagnostics_.error(file.where,
                         concat("debian.add: path ", quote(given), " is not an absolute path in the image"));
    }
  }

  std::string name_;
  config::Diagnostics& diagnostics_;
};

}  // namespace

ExtraSource Recipe::extra_source(std::size_t i) const {
  const std::string& text = extra_sources[i];
  const std::size_t colon = text.find(':');
  return {text.substr(0, colon), text.substr(colon + 1)};
}

Recipe parse_recipe(std::string_view text, const std::string& name) {
  config::Diagnostics diagnostics;
  config::Limits limits;
  limits.bytes = kLargest;
  limits.nodes = 100'000;
  limits.expanded_bytes = 4 * kLargest;
  const config::NodePtr document = config::parse_yaml(std::string{text}, name, diagnostics, limits);
  Recipe recipe;
  if (document != nullptr) recipe = RecipeReader{name, diagnostics}.read(*document);
  diagnostics.throw_if_any();
  return recipe;
}

Recipe load_recipe(const std::filesystem::path& directory, const std::string& file_name) {
  const std::filesystem::path file = directory / file_name;
  std::error_code error;
  if (!std::filesystem::exists(file, error)) {
    throw Error{"package ", quote(directory.string()), ": there is no ", file_name}.with_hint(
        concat("a package is a directory with a ", file_name, "; see docs/packages.md"));
  }
  return parse_recipe(read_file(file, kLargest), file.string());
}

}  // namespace kiln::package
