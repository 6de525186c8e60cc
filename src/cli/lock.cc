#include "package/lock.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <set>

#include "base/file.h"
#include "base/guarded.h"
#include "base/thread_pool.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/locking.h"
#include "cli/verbs.h"
#include "cli/yaml_input.h"
#include "config/located.h"
#include "oci/store_use.h"
#include "runtime/check.h"

namespace kiln::cli {
namespace {

struct LockOptions {
  std::vector<std::string> files, platforms, update;
  std::string lock_file;
  bool update_all = false;
  bool check = false;
};

/// Finds out what every name of a system stands for: what the old lock says, or else what the store or the registry
/// has.
class LockWriter {
 public:
  LockWriter(Context& context, const package::Lock& old, const LockOptions& options)
      : context_{context},
        old_{old},
        options_{options},
        images_{context},
        fetch_{image_fetcher(context, false)},
        fetch_newest_{image_fetcher(context, true)} {}

  void add(const std::vector<config::Input>& inputs, const oci::Platform& platform) {
    const auto resolve = [&](std::string_view scheme, std::string_view rest, std::string_view directory) {
      return add_package(package::open_named_package(scheme, rest, directory, package_locations(context_)),
                         concat("@", scheme, ":", rest), platform);
    };
    const config::System system = config::load(inputs, resolve, runtime::check_options);
    TaskGroup group{context_.pool()};
    std::set<std::string> begun;
    for (const ImageUse& use : image_uses(system)) {
      const oci::Reference reference = config::located(use.where, [&] { return oci::Reference::parse(use.image); });
      if (!begun.insert(concat(reference.canonical(), use.whole ? " whole" : "")).second) continue;
      group.run([this, reference, platform, use] {
        config::located(use.where,
                        [&] { use.whole ? add_images(reference, use.platforms) : add_image(reference, platform); });
      });
    }
    group.wait();
  }

  package::Lock take() { return std::move(*lock_.lock()); }

 private:
  bool is_renewed(const std::string& name, const package::LockedName& entry) const {
    return options_.update_all || std::any_of(options_.update.begin(), options_.update.end(), [&](const auto& wanted) {
             return package::is_meant(name, entry, wanted);
           });
  }

  /// What the old lock says, unless that is to be renewed.
  const package::LockedImage* kept(const std::string& name, const std::string& source,
                                   const std::string& platform) const {
    return is_renewed(name, {source, {}}) ? nullptr : old_.find(name, platform);
  }

  void record(const std::string& name, const std::string& source, const std::string& platform,
              package::LockedImage image) {
    auto lock = lock_.lock();
    package::LockedName& entry = lock->names[name];
    if (!source.empty()) entry.source = source;
    entry.images[platform] = std::move(image);
  }

  bool is_recorded(const std::string& name, const oci::Platform& platform) {
    return lock_.lock()->find(name, platform.to_string()) != nullptr;
  }

  std::string add_package(package::Package package, const std::string& source, const oci::Platform& platform) {
    const std::string name = package.reference.canonical();
    if (options_.check) {
      record(name, source, platform.to_string(), {});
      return name;
    }
    if (package.dirty && warned_.insert(name).second) {
      context_.reporter().warning(
          concat(source, " has changes that are not committed: the lock will not fit what others check out"));
    }
    if (const package::LockedImage* locked = kept(name, source, platform.to_string())) {
      images_.package(std::move(package), source, platform, *locked);
      record(name, source, platform.to_string(), *locked);
    } else {
      record(name, source, platform.to_string(), newest_package(package, source, platform));
    }
    return name;
  }

  package::LockedImage newest_package(const package::Package& package, const std::string& source,
                                      const oci::Platform& platform) {
    const bool renewed = is_renewed(package.reference.canonical(), {source, {}});
    const oci::Image image =
        package.recipe.debian ? made(package, platform, renewed) : fetched_or_made(package, platform, renewed);
    // A recipe's image from elsewhere: of what it was made only a build tells.
    const bool unknown = package.recipe.debian && !package::debian_pins(image.descriptor.digest, context_.store());
    return entry_of(unknown ? made(package, platform, true) : image, platform);
  }

  /// The package's image in the store, built if it is not there or in any case.
  oci::Image made(const package::Package& package, const oci::Platform& platform, bool anew) {
    package::BuildOptions options;
    options.refresh_bases = anew;
    package::build_package(package, platform, images_.workshop().tools(), options, anew);
    return oci::find_image(context_.store(), package.reference, platform).value();
  }

  /// Of a package with a Dockerfile: as a build has it, which does not make what the registry has.
  oci::Image fetched_or_made(const package::Package& package, const oci::Platform& platform, bool renewed) {
    if (!renewed) {
      if (auto image = oci::find_image(context_.store(), package.reference, platform)) return *std::move(image);
    }
    if (!package::registry_has(package, platform, images_.workshop().tools().registry)) {
      return made(package, platform, renewed);
    }
    return (renewed ? fetch_newest_ : fetch_)(package.reference, platform);
  }

  /// What is to be known of a package's image to have it again. It is there under its digest from now on, which lasts.
  package::LockedImage entry_of(const oci::Image& image, const oci::Platform& platform) {
    package::LockedImage locked = package::lock_package(
        image.descriptor.digest, image.config.labels, package::debian_pins(image.descriptor.digest, context_.store()));
    attest(image.reference, locked);
    images_.image(image.reference, platform, locked);
    return locked;
  }

  void attest(const oci::Reference& reference, package::LockedImage& locked) const {
    const auto found = oci::find_attestation(context_.store(), reference, locked.digest);
    if (found) locked.attestation = found->digest;
  }

  void add_image(const oci::Reference& reference, const oci::Platform& platform) {
    const std::string name = reference.canonical();
    if (is_recorded(name, platform)) return;  // a package
    package::LockedImage locked;
    if (const package::LockedImage* old = options_.check ? nullptr : kept(name, "", platform.to_string())) {
      locked = *old;
    } else if (!options_.check) {
      const build::ImageFetcher& fetch = is_renewed(name, {}) ? fetch_newest_ : fetch_;
      locked.digest = fetch(reference, platform).descriptor.digest;
      attest(reference, locked);
    }
    if (!options_.check) images_.image(reference, platform, locked);  // there under its digest from now on
    record(name, "", platform.to_string(), std::move(locked));
  }

  void add_images(const oci::Reference& reference, const std::vector<std::string>& platforms) {
    const std::string name = reference.canonical();
    package::LockedImage locked;
    if (!options_.check) {
      std::vector<oci::Platform> wanted;
      for (const std::string& platform : platforms) wanted.push_back(oci::Platform::parse(platform));
      const package::LockedImage* old = kept(name, "", package::kWhole);
      const build::ImageFetcher& fetch = is_renewed(name, {}) ? fetch_newest_ : fetch_;
      if (old != nullptr) {
        locked = *old;
      } else {
        locked.digest = fetch.images(reference, wanted).root.digest;
      }
      images_.images(reference, wanted, locked);
    }
    record(name, "", package::kWhole, std::move(locked));
  }

  Context& context_;
  const package::Lock& old_;
  const LockOptions& options_;
  LockedImages images_;
  build::ImageFetcher fetch_, fetch_newest_;
  Guarded<package::Lock> lock_;
  std::set<std::string> warned_;  // of changes in these packages
};

/// Those given, else those of the old lock, else this machine's.
std::vector<oci::Platform> platforms_of(const LockOptions& options, const package::Lock& old) {
  std::set<std::string> names;
  for (const std::string& platform : options.platforms) names.insert(oci::Platform::parse(platform).to_string());
  if (names.empty()) {
    for (const std::string& platform : old.platforms()) names.insert(platform);
  }
  if (names.empty()) names.insert(oci::Platform::of_host().to_string());
  std::vector<oci::Platform> out;
  for (const std::string& name : names) out.push_back(oci::Platform::parse(name));
  return out;
}

struct Change {
  std::string name, platform, from, to;  ///< digests; empty: not in the lock
};

std::vector<Change> changes(const package::Lock& old, const package::Lock& now) {
  std::vector<Change> out;
  const auto add = [&](const package::Lock& lock, bool is_new) {
    for (const auto& [name, entry] : lock.names) {
      for (const auto& [platform, image] : entry.images) {
        const package::LockedImage* before = old.find(name, platform);
        const package::LockedImage* after = now.find(name, platform);
        if (is_new ? before != nullptr && before->digest == image.digest : after != nullptr) continue;
        out.push_back({name, platform, before != nullptr ? before->digest.to_string() : "",
                       after != nullptr ? after->digest.to_string() : ""});
      }
    }
  };
  add(now, true);
  add(old, false);
  return out;
}

void show(Context& context, const std::filesystem::path& path, const package::Lock& now,
          const std::vector<Change>& changed, bool written) {
  std::string text = concat(path.native(), ": ", now.names.size(), " names", written ? "" : ", unchanged", "\n");
  std::vector<Fields> list;
  for (const Change& change : changed) {
    const std::string what = change.from.empty() ? concat("added, ", change.to)
                             : change.to.empty() ? "removed"
                                                 : concat(change.from, " -> ", change.to);
    text += concat("  ", change.name, " ", change.platform, ": ", what, "\n");
    list.push_back(Fields{}
                       .add("name", change.name)
                       .add("platform", change.platform)
                       .add("from", change.from)
                       .add("to", change.to));
  }
  context.result(text, Fields{}.add("lock", path.native()).add("changes", std::move(list)));
}

int check_lock(Context& context, const std::filesystem::path& path, const package::Lock& lock,
               const package::Lock& needed) {
  const std::vector<std::string> found = package::differences(lock, needed);
  if (found.empty()) {
    context.result(concat(path.native(), " has what is needed, and nothing else\n"),
                   Fields{}.add("lock", path.native()).add("right", true));
    return 0;
  }
  std::string text;
  for (const std::string& difference : found) text += concat("\n  ", difference);
  throw Error{path.native(), " is not the lock of this configuration:", text}.with_hint(
      "`kiln lock` brings it up to date");
}

/// The lock there is. One that cannot be read does not matter if every name is to be renewed.
package::Lock read_old(const std::filesystem::path& path, bool exists, const LockOptions& options) {
  if (options.check) return read_lock(path);
  if (!exists) return {};
  try {
    return read_lock(path);
  } catch (const Error&) {
    if (!options.update_all) throw;
    return {};
  }
}

int run_lock(Context& context, const LockOptions& options) {
  const std::filesystem::path path = lock_path(options.lock_file, options.files);
  std::error_code error;
  const bool exists = std::filesystem::exists(path, error);
  const package::Lock old = read_old(path, exists, options);
  for (const std::string& wanted : options.update) {
    const bool is_known = std::any_of(old.names.begin(), old.names.end(), [&](const auto& entry) {
      return package::is_meant(entry.first, entry.second, wanted);
    });
    if (!is_known) throw Error{"--update ", wanted, ": ", path.native(), " has no such name"};
  }
  const auto use = oci::use_store(context.store());
  const std::vector<config::Input> inputs = read_inputs(context, options.files);
  LockWriter writer{context, old, options};
  for (const oci::Platform& platform : platforms_of(options, old)) writer.add(inputs, platform);
  const package::Lock now = writer.take();
  if (options.check) return check_lock(context, path, old, now);
  const std::string text = now.to_text();
  const bool write = !exists || read_file(path) != text;
  if (write) {
    AtomicFile file{path, AtomicFile::Durability::power};
    file.sink().write(as_bytes(text));
    file.commit();
  }
  show(context, path, now, changes(old, now), write);
  return 0;
}

}  // namespace

void add_lock(CLI::App& program, Context& context) {
  CLI::App* command = program.add_subcommand("lock", "Write down what the names in YAML files stand for");
  auto options = std::make_shared<LockOptions>();
  command->add_option("FILE", options->files, "YAML files, merged in this order; - is standard input")->required();
  command
      ->add_option("--platform,--arch", options->platforms,
                   "For these; by default those the lock has, or this machine's")
      ->type_name("LIST")
      ->delimiter(',')
      ->allow_extra_args(false);
  CLI::Option* update =
      command
          ->add_option("--update", options->update,
                       "Renew this name (@kiln:nginx, a reference, one without its tag); may be repeated")
          ->type_name("NAME")
          ->allow_extra_args(false);
  CLI::Option* all = command->add_flag("--update-all", options->update_all, "Renew every name");
  command->add_flag("--check", options->check, "Write nothing; fail unless the lock has just what is needed")
      ->excludes(update)
      ->excludes(all);
  command->add_option("--lock-file", options->lock_file, "The lock; by default kiln.lock beside the first FILE")
      ->type_name("FILE");
  on_run(*command, [&context, options] { return run_lock(context, *options); });
}

}  // namespace kiln::cli
