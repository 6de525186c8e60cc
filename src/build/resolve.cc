#include "build/resolve.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>
#include <map>
#include <utility>

#include "base/error.h"
#include "base/file.h"
#include "build/oci_layout.h"
#include "config/load.h"
#include "config/located.h"
#include "runtime/bundle.h"

namespace kiln::build {
namespace {

/// Fetches every distinct reference once.
class Fetcher {
 public:
  Fetcher(const oci::Platform& platform, const ImageFetcher& fetch, ThreadPool& pool, std::deque<oci::Image>& images)
      : platform_{platform}, fetch_{fetch}, group_{pool}, images_{images} {}

  /// The image will be there after wait(); a reference that cannot be parsed throws now.
  const oci::Image* want(const std::string& text, const config::Position& where) {
    const oci::Reference reference = config::located(where, [&] { return oci::Reference::parse(text); });
    const auto [known, is_new] = wanted_.try_emplace(reference.canonical(), nullptr);
    if (is_new) {
      oci::Image& image = images_.emplace_back();
      known->second = &image;
      group_.run([this, &image, reference, where] {
        image = config::located(where, [&] { return fetch_(reference, platform_); });
      });
    }
    return known->second;
  }

  /// Not an image for the platform of the build but the image as it is, of those platforms or all.
  void want_set(const config::Volume& volume, oci::ImageSet& out) {
    const oci::Reference reference = config::located(volume.where, [&] { return oci::Reference::parse(volume.image); });
    std::vector<oci::Platform> wanted;
    for (const std::string& platform : volume.platforms) {
      wanted.push_back(config::located(volume.where, [&] { return oci::Platform::parse(platform); }));
    }
    group_.run([this, &out, reference, wanted, where = volume.where] {
      out = config::located(where, [&] { return fetch_.images(reference, wanted); });
    });
  }

  void wait() { group_.wait(); }

 private:
  const oci::Platform& platform_;
  const ImageFetcher& fetch_;
  TaskGroup group_;
  std::deque<oci::Image>& images_;
  std::map<std::string, const oci::Image*> wanted_;
};

struct Section {
  const char* name;
  const std::vector<config::Container>& containers;
  bool numbered;  ///< its directories begin with the position: they run in order
  std::vector<config::Container> config::System::*member;
};

std::vector<Section> sections(const config::System& system) {
  return {{"onboot", system.onboot, true, &config::System::onboot},
          {"onshutdown", system.onshutdown, true, &config::System::onshutdown},
          {"services", system.services, false, &config::System::services}};
}

/// Where each image is unpacked: the first container that uses it has it, those after it share it.
using Roots = std::map<std::string, std::string>;

/// Decides what is taken from the tar of an earlier build.
class Reuse {
 public:
  Reuse(const config::System& now, const InputTar* earlier, Reporter* reporter)
      : now_{now},
        earlier_{earlier != nullptr && earlier->system() ? earlier : nullptr},
        before_{earlier_ != nullptr ? &*earlier_->system() : nullptr},
        reporter_{reporter} {}

  std::shared_ptr<const ReusedPart> kernel() const {
    const bool same = before_ != nullptr && is_same_kernel(now_, *before_);
    return same ? take("kernel", "kernel", now_.kernel->image) : nullptr;
  }
  std::shared_ptr<const ReusedPart> init(std::size_t i) const {
    const bool same = before_ != nullptr && is_same_init(now_, *before_, i);
    return same ? take("init", concat("init[", i, "]"), now_.init[i].image) : nullptr;
  }
  std::shared_ptr<const ReusedPart> volume(std::size_t i) const {
    const bool same = before_ != nullptr && is_same_volume(now_, *before_, i);
    return same ? take("volume", concat("volume[", i, "]"), now_.volumes[i].image) : nullptr;
  }
  /// Also says in `roots` where the container's image is. A container whose image was unpacked for another is of no use
  /// unless that other has it where it was.
  std::shared_ptr<const ReusedPart> container(const Section& section, std::size_t i, const std::string& directory,
                                              Roots& roots) const {
    if (before_ == nullptr || !is_same_container(now_, *before_, section.member, i)) return nullptr;
    const std::shared_ptr<const ReusedPart> part = earlier_->part(concat(section.name, "[", i, "]"));
    const auto json = part ? earlier_->content(*part, directory + "/runtime.json") : std::nullopt;
    std::string root = json ? root_of_runtime_json(*json, directory) : "";
    if (root.empty()) return nullptr;
    const std::string image = oci::Reference::parse(section.containers[i].image).canonical();
    const auto known = roots.find(image);
    const bool owns = root == directory + "/lower" || root == directory + "/rootfs";
    if (!owns && (known == roots.end() || known->second != root)) return nullptr;
    if (known == roots.end()) roots.emplace(image, root);
    tell(section.name, image);
    return part;
  }

 private:
  std::shared_ptr<const ReusedPart> take(std::string_view section, const std::string& location,
                                         const std::string& image) const {
    std::shared_ptr<const ReusedPart> part = earlier_->part(location);
    if (part) tell(section, image);
    return part;
  }
  void tell(std::string_view section, const std::string& image) const {
    if (reporter_ != nullptr) reporter_->info(concat("Copy ", section, " files from input tar: ", image));
  }

  const config::System& now_;
  const InputTar* earlier_;
  const config::System* before_;
  Reporter* reporter_;
};

std::string directory_of(const Section& section, std::size_t position) {
  const std::string& name = section.containers[position].name;
  return section.numbered ? fmt::format("containers/{}/{:03}-{}", section.name, position, name)
                          : fmt::format("containers/{}/{}", section.name, name);
}

/// What is known of a container before its image is.
ResolvedContainer place_container(const Section& section, std::size_t position) {
  ResolvedContainer out;
  out.name = section.containers[position].name;
  out.section = section.name;
  out.position = position;
  out.directory = directory_of(section, position);
  return out;
}

void resolve_container(const config::Container& container, const runtime::IdTable& ids, Roots& roots,
                       ResolvedContainer& out) {
  const oci::Image& image = *out.image;
  const auto label = image.config.labels.find("org.mobyproject.config");
  const config::ContainerOptions options = runtime::effective_options(
      container.options, label == image.config.labels.end()
                             ? config::ContainerOptions{}
                             : config::parse_label(label->second, image.reference.canonical()));
  out.readonly = options.readonly.value_or(false);
  const auto [root, is_first] =
      roots.try_emplace(image.reference.canonical(), out.directory + (out.readonly ? "/rootfs" : "/lower"));
  out.root = root->second;
  out.owns_root = is_first;
  out.config_json = runtime::config_json(options, image.config, ids);
  out.runtime_json = runtime::runtime_json(options, out.directory, out.root);
}

/// Runs `step`; what it throws joins the mistakes that are told together.
template <typename Step>
void collect(config::Diagnostics& mistakes, const config::Position& where, const std::string& what, const Step& step) {
  try {
    step();
  } catch (const Error& error) {
    mistakes.error(where, what + error.message(), error.hint());
  }
}

/// Those that are not taken from an earlier build; their images are there now. In order, since the first container with
/// an image is where it is unpacked.
void resolve_containers(const config::System& system, const runtime::IdTable& ids, Roots& roots, ResolvedSystem& out,
                        config::Diagnostics& mistakes) {
  auto resolved = out.containers.begin();
  for (const Section& section : sections(system)) {
    for (const config::Container& container : section.containers) {
      ResolvedContainer& next = *resolved++;
      if (next.reused) continue;
      collect(mistakes, container.where, concat(section.name, " ", quote(container.name), ": "),
              [&] { resolve_container(container, ids, roots, next); });
    }
  }
}

/// What is known of volumes once their images are there. `sets` are those of the volumes in OCI layout, in order.
void fill_volumes(const config::System& system, const std::deque<oci::ImageSet>& sets, ResolvedSystem& out) {
  auto set = sets.begin();
  for (std::size_t i = 0; i < out.volumes.size(); ++i) {
    ResolvedVolume& volume = out.volumes[i];
    if (volume.reused) continue;
    if (volume.image != nullptr) {
      volume.source = volume.image->reference.canonical();
    } else if (!system.volumes[i].image.empty()) {
      volume.source = set->reference.canonical();
      volume.layout = oci_layout_files(*set++);
    }
  }
}

/// Nothing if there is no such file.
std::optional<HostFile> hash_host_file(const std::string& path) {
  struct stat status = {};
  if (::stat(path.c_str(), &status) != 0) {
    if (errno == ENOENT || errno == ENOTDIR) return std::nullopt;
    throw SysError{errno, "reading ", quote(path)};
  }
  if (!S_ISREG(status.st_mode)) throw Error{quote(path), " is not a regular file"};
  UniqueFd fd = open_file(path);
  FdSource source{fd.get(), path};
  HostFile file{path, 0, {}};
  Sha256Hasher hasher;
  std::vector<std::byte> buffer(128 * 1024);
  while (const std::size_t got = source.read(buffer)) {
    hasher.update(Bytes{buffer}.first(got));
    file.size += got;
  }
  file.content = hasher.finish();
  return file;
}

/// `~/` is the user's home directory (spec yaml.md §6).
std::string host_path(const std::string& source) {
  const char* home = std::getenv("HOME");
  return source.starts_with("~/") && home != nullptr ? concat(home, source.substr(1)) : source;
}

/// Nothing when its source is optional and absent.
std::optional<ResolvedFile> resolve_file(const config::File& file, const config::System& system,
                                         const runtime::IdTable& ids) {
  ResolvedFile out{file, runtime::resolve_id(file.uid, ids), runtime::resolve_id(file.gid, ids), {}, 0};
  if (file.kind == config::File::Kind::metadata) {
    out.config.contents = file.metadata == "json" ? config::to_json(system) : config::to_yaml(system);
  } else if (file.kind == config::File::Kind::regular && !file.contents) {
    const std::string path = host_path(file.source);
    out.source = hash_host_file(path);
    if (!out.source && file.optional) return std::nullopt;
    if (!out.source) {
      throw Error{"its source ", quote(path), " does not exist"}.with_hint(
          "create it, or say `optional: true` if the image can do without; sources are relative to the working "
          "directory");
    }
  }
  return out;
}

}  // namespace

ResolvedSystem resolve(const config::System& system, const oci::Platform& platform, const ImageFetcher& fetch,
                       ThreadPool& pool, const InputTar* earlier, Reporter* reporter) {
  ResolvedSystem out;
  out.platform = platform;
  const Reuse reuse{system, earlier, reporter};
  Roots roots;  // canonical reference -> where it is unpacked
  std::deque<oci::ImageSet> volume_sets;
  {
    Fetcher fetcher{platform, fetch, pool, out.images};
    if (system.kernel && !system.kernel->image.empty()) {
      out.kernel = ResolvedKernel{nullptr, *system.kernel, reuse.kernel()};
      if (!out.kernel->reused) out.kernel->image = fetcher.want(system.kernel->image, system.kernel->where);
    }
    for (std::size_t i = 0; i < system.init.size(); ++i) {
      ResolvedInit& init = out.init.emplace_back(nullptr);
      init.reused = reuse.init(i);
      if (!init.reused) init.image = fetcher.want(system.init[i].image, system.init[i].where);
    }
    for (std::size_t i = 0; i < system.volumes.size(); ++i) {
      const config::Volume& volume = system.volumes[i];
      out.volumes.push_back({volume.name, "containers/volumes/" + volume.name, "empty", nullptr, {}, reuse.volume(i)});
      if (volume.image.empty() || out.volumes.back().reused) continue;
      if (volume.format == "oci") {
        fetcher.want_set(volume, volume_sets.emplace_back());
      } else {
        out.volumes.back().image = fetcher.want(volume.image, volume.where);
      }
    }
    for (const Section& section : sections(system)) {
      for (std::size_t i = 0; i < section.containers.size(); ++i) {
        ResolvedContainer& container = out.containers.emplace_back(place_container(section, i));
        container.reused = reuse.container(section, i, container.directory, roots);
        if (container.reused) continue;
        container.image = fetcher.want(section.containers[i].image, section.containers[i].where);
      }
    }
    fetcher.wait();
  }
  fill_volumes(system, volume_sets, out);
  const runtime::IdTable ids = runtime::number_containers(system);
  config::Diagnostics mistakes;
  resolve_containers(system, ids, roots, out, mistakes);
  for (std::size_t i = 0; i < system.files.size(); ++i) {
    const config::File& file = system.files[i];
    collect(mistakes, file.where, concat("file ", quote(file.path), ": "), [&] {
      std::optional<ResolvedFile> resolved = resolve_file(file, system, ids);
      if (!resolved) return;
      resolved->position = i;
      out.files.push_back(std::move(*resolved));
    });
  }
  mistakes.throw_if_any();
  return out;
}

}  // namespace kiln::build
