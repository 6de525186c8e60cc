#include "package/build_context.h"

#include <algorithm>

#include "base/error.h"
#include "base/file.h"
#include "oci/pull.h"
#include "package/docker_archive.h"

namespace kiln::package {
namespace {

namespace fs = std::filesystem;

/// Copies a tree, links as links, with modes and times: COPY keeps both.
void copy_tree(const fs::path& from, const fs::path& to) {
  fs::create_directories(to);
  for (const auto& entry : fs::directory_iterator{from}) {
    const fs::path target = to / entry.path().filename();
    if (entry.is_directory() && !entry.is_symlink()) {
      copy_tree(entry.path(), target);
      continue;
    }
    if (entry.is_symlink()) {
      fs::remove(target);
      fs::copy_symlink(entry.path(), target);
    } else if (entry.is_regular_file()) {
      fs::copy_file(entry.path(), target, fs::copy_options::overwrite_existing);
      fs::last_write_time(target, entry.last_write_time());
    }
  }
  fs::permissions(to, fs::status(from).permissions());
}

void add_extra_source(const Package& package, const ExtraSource& extra, const fs::path& context) {
  const fs::path from = (package.directory / extra.source).lexically_normal();
  if (!fs::is_directory(from)) {
    throw Error{"extra-sources: ", quote(extra.source), ": there is no directory ", quote(from.string())};
  }
  copy_tree(from, context / fs::path{extra.destination}.relative_path());
}

/// The images of `depends`, those of the file too: one a line, comments begin with '#'.
std::vector<std::string> images_of(const Package& package) {
  const Dependencies& depends = package.recipe.depends;
  if (depends.from_file.empty()) return depends.images;
  constexpr std::size_t kMost = 1 << 20;
  const fs::path file = package.directory / depends.from_file;
  const std::string text = read_file(file, kMost);
  std::vector<std::string> images;
  std::string_view rest = text;
  for (std::size_t number = 1; !rest.empty(); ++number) {
    const std::size_t end = std::min(rest.find('\n'), rest.size());
    std::string_view line = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r' || line.back() == '\t')) line.remove_suffix(1);
    if (line.empty() || line.starts_with('#')) continue;
    if (!oci::Reference::parse(line).digest()) {
      throw Error{file.string(), ":", number, ": ", quote(line), " has no digest"}.with_hint(
          "write NAME@sha256:…, so that the package is made of the same images tomorrow");
    }
    images.emplace_back(line);
  }
  return images;
}

/// As docker names the file: the last part of the repository, and the digest.
std::string archive_name(const oci::Reference& reference) {
  const std::string& repository = reference.repository();
  return concat(repository.substr(repository.rfind('/') + 1), "@", reference.digest()->to_string(), ".tar");
}

void save(const std::vector<ArchivedImage>& images, const fs::path& path, const oci::Store& store) {
  make_directories(path.parent_path());
  AtomicFile file{path};
  write_docker_archive(images, store, file.sink());
  file.commit();
}

void add_images(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                const fs::path& context) {
  const Dependencies& depends = package.recipe.depends;
  std::vector<ArchivedImage> images;
  for (const std::string& name : images_of(package)) {
    images.push_back({oci::pull_image(oci::Reference::parse(name), platform, workshop.store, workshop.registry,
                                      workshop.transfers, workshop.reporter),
                      {}});
  }
  if (!depends.target.empty()) {
    save(images, context / depends.target, workshop.store);
    return;
  }
  const fs::path directory = context / depends.target_directory;
  fs::remove_all(directory);
  make_directories(directory);
  for (const ArchivedImage& archived : images) {
    save({archived}, directory / archive_name(archived.image.reference), workshop.store);
  }
}

}  // namespace

fs::path make_build_context(const Package& package, const oci::Platform& platform, const Workshop& workshop,
                            const fs::path& work) {
  const Recipe& recipe = package.recipe;
  if (recipe.extra_sources.empty() && recipe.depends.empty()) return package.directory;
  fs::path context = work / "context";
  copy_tree(package.directory, context);
  for (std::size_t i = 0; i < recipe.extra_sources.size(); ++i)
    add_extra_source(package, recipe.extra_source(i), context);
  if (!recipe.depends.empty()) add_images(package, platform, workshop, context);
  return context;
}

}  // namespace kiln::package
