#include "build/input_tar.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "build/file_tar.h"
#include "build/hashing_source.h"
#include "config/load.h"
#include "oci/reference.h"
#include "runtime/bundle.h"

namespace kiln::build {
namespace {

constexpr std::uint64_t kMostText = std::uint64_t{16} << 20;
constexpr std::string_view kLocation = "LINUXKIT.location";

class TextVisitor final : public tree::ContentVisitor {
 public:
  void begin(std::uint32_t, std::uint64_t) override {}
  void data(Bytes data) override { text.append(as_text(data)); }
  void end(std::uint32_t) override {}
  std::string text;
};

/// Hashes the tar and indexes it in one pass; the index is named by the hash.
TarFile index_tar(const std::filesystem::path& path, const std::filesystem::path& indexes) {
  UniqueFd fd = open_file(path);
  FdSource file{fd.get(), path.native()};
  HashingSource hashing{file};
  const std::filesystem::path unnamed = indexes / concat("input-", ::getpid());
  AtomicFile out{unnamed};
  try {
    tree::write_layer_index(hashing, out.sink());
  } catch (const SysError&) {
    throw;
  } catch (const Error& error) {
    throw error.within(quote(path.native()));
  }
  out.commit();
  const Sha256 content = hashing.finish();
  std::filesystem::rename(unnamed, indexes / content.hex());
  return {path, indexes / content.hex(), content};
}

std::string canonical(const std::string& image) { return oci::Reference::parse(image).canonical(); }

bool have_same_ids(const config::Container& container, const runtime::IdTable& now, const runtime::IdTable& before) {
  std::vector<config::Id> ids = container.options.additional_gids.value_or(std::vector<config::Id>{});
  if (container.options.uid) ids.push_back(*container.options.uid);
  if (container.options.gid) ids.push_back(*container.options.gid);
  try {
    return std::all_of(ids.begin(), ids.end(), [&](const config::Id& id) {
      return runtime::resolve_id(id, now) == runtime::resolve_id(id, before);
    });
  } catch (const Error&) {
    return false;  // a name nobody has: whoever builds the container anew says where
  }
}

/// The container's part of the configuration as `metadata` writes it.
std::string rendered(const config::Container& container) {
  config::System alone;
  alone.services = {container};
  return config::to_yaml(alone);
}

}  // namespace

InputTar::InputTar(const std::filesystem::path& tar, const std::filesystem::path& indexes, std::string_view metadata,
                   const Parser& parse)
    : tar_{index_tar(tar, indexes)}, index_{std::make_unique<tree::LayerIndex>(tar_.index)} {
  for (std::size_t i = index_->size(); i-- > 0;) {
    if (index_->path(i) != metadata || index_->entry(i).kind != tree::Kind::regular) continue;
    try {
      system_ = parse(read(static_cast<std::uint32_t>(i)));
    } catch (const Error& error) {
      throw error.within("invalid config in existing tar file ", quote(tar.native()));
    }
    return;
  }
}

std::shared_ptr<const ReusedPart> InputTar::part(std::string_view location) const {
  auto part = std::make_shared<ReusedPart>();
  part->tar = tar_;
  part->location = location;
  for (std::uint32_t i = 0; i < index_->size(); ++i) {
    for (const tree::Xattr& record : index_->as_written(i).records) {
      if (record.name == kLocation && record.value == location) part->entries.push_back(i);
    }
  }
  return part->entries.empty() ? nullptr : part;
}

std::optional<std::string> InputTar::content(const ReusedPart& part, std::string_view path) const {
  for (auto entry = part.entries.rbegin(); entry != part.entries.rend(); ++entry) {
    if (index_->path(*entry) == path && index_->entry(*entry).kind == tree::Kind::regular) return read(*entry);
  }
  return std::nullopt;
}

std::string InputTar::read(std::uint32_t entry) const {
  const std::uint64_t size = index_->entry(entry).size;
  const std::string name = concat(quote(index_->path(entry)), " in ", quote(tar_.path.native()));
  if (size > kMostText) throw Error{name, ": it has ", size, " bytes, at most ", kMostText, " are read"};
  FileTar tar{tar_.path};
  TextVisitor visitor;
  tree::read_contents(*index_, tar, std::array{entry}, visitor);
  return std::move(visitor.text);
}

bool is_same_kernel(const config::System& now, const config::System& before) {
  if (!now.kernel || !before.kernel || now.kernel->image.empty() || before.kernel->image.empty()) return false;
  // LinuxKit compares the image alone and so keeps an old command line.
  const config::Kernel& a = *now.kernel;
  const config::Kernel& b = *before.kernel;
  return canonical(a.image) == canonical(b.image) && a.cmdline == b.cmdline && a.binary == b.binary && a.tar == b.tar &&
         a.ucode == b.ucode;
}

bool is_same_init(const config::System& now, const config::System& before, std::size_t position) {
  return position < before.init.size() && canonical(now.init[position].image) == canonical(before.init[position].image);
}

bool is_same_volume(const config::System& now, const config::System& before, std::size_t position) {
  if (position >= before.volumes.size()) return false;
  const config::Volume& a = now.volumes[position];
  const config::Volume& b = before.volumes[position];
  const auto image = [](const config::Volume& volume) {
    return volume.image.empty() ? std::string{} : canonical(volume.image);
  };
  return a.name == b.name && image(a) == image(b) && (a.format == "oci") == (b.format == "oci") &&
         a.platforms == b.platforms;
}

bool is_same_container(const config::System& now, const config::System& before,
                       std::vector<config::Container> config::System::*section, std::size_t position) {
  if (position >= (before.*section).size()) return false;
  const config::Container& a = (now.*section)[position];
  const config::Container& b = (before.*section)[position];
  return a.name == b.name && rendered(a) == rendered(b) &&
         have_same_ids(a, runtime::number_containers(now), runtime::number_containers(before));
}

std::string root_of_runtime_json(const std::string& json, std::string_view directory) {
  const nlohmann::json parsed = nlohmann::json::parse(json, nullptr, false);
  if (parsed.is_discarded() || !parsed.is_object()) return {};
  const auto mounts = parsed.find("mounts");
  if (mounts == parsed.end() || !mounts->is_array()) return {};
  constexpr std::string_view kLower = "lowerdir=/";
  for (const nlohmann::json& mount : *mounts) {
    if (!mount.is_object() || mount.value("destination", "") != concat("/", directory, "/rootfs")) continue;
    const auto options = mount.find("options");
    if (options == mount.end() || !options->is_array()) continue;
    for (const nlohmann::json& option : *options) {
      if (!option.is_string()) continue;
      const std::string text = option.get<std::string>();
      if (text.starts_with(kLower)) return text.substr(kLower.size());
      if (text == "bind" && mount.value("source", "").starts_with('/')) return mount.value("source", "").substr(1);
    }
  }
  return {};
}

}  // namespace kiln::build
