#include "build/image_contents.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "build/layers.h"
#include "build/plan_pieces.h"
#include "inventory/apk_installed.h"
#include "inventory/dpkg_status.h"
#include "oci/json.h"

namespace kiln::build {
namespace {

constexpr std::string_view kDpkgStatus = "var/lib/dpkg/status";
constexpr std::string_view kDpkgStatusDirectory = "var/lib/dpkg/status.d/";
constexpr std::array<std::string_view, 2> kApk = {"lib/apk/db/installed", "usr/lib/apk/db/installed"};
constexpr std::array<std::string_view, 2> kRpm = {"var/lib/rpm/", "usr/lib/sysimage/rpm/"};
constexpr std::array<std::string_view, 2> kOsRelease = {"etc/os-release", "usr/lib/os-release"};

bool is_one_of(std::string_view path, const std::array<std::string_view, 2>& paths) {
  return std::find(paths.begin(), paths.end(), path) != paths.end();
}

bool is_dpkg(std::string_view path) {
  if (path == kDpkgStatus) return true;
  // Beside each there may be NAME.md5sums.
  return path.starts_with(kDpkgStatusDirectory) && !path.ends_with(".md5sums");
}

/// Of "rpmdb.sqlite", "Packages" and "Packages.db".
bool is_rpm(std::string_view path) {
  for (const std::string_view directory : kRpm) {
    if (!path.starts_with(directory)) continue;
    const std::string_view name = path.substr(directory.size());
    if (name == "rpmdb.sqlite" || name == "Packages" || name == "Packages.db") return true;
  }
  return false;
}

/// SPDX wants "2026-01-02T03:04:05Z"; Go writes fractions of the second.
std::string created(const oci::Image& image, const oci::Store& store) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";
  const std::string name = concat("configuration of ", quote(image.reference.canonical()));
  const nlohmann::json parsed = oci::parse_json(store.read(image.manifest.config), name);
  const std::string text = oci::JsonView{parsed, name}.text("created");
  bool is_good = text.size() > kForm.size() && text.ends_with('Z');
  for (std::size_t i = 0; is_good && i < kForm.size(); ++i) {
    is_good = kForm[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == kForm[i];
  }
  return is_good ? text.substr(0, kForm.size()) + "Z" : "1970-01-01T00:00:00Z";
}

/// Reads the files that matter as they come by.
class Collector {
 public:
  Collector(const Layers& layers, std::span<const std::uint32_t> numbers, const std::string& image)
      : layers_{layers}, numbers_{numbers}, image_{image} {}

  void look_at(const tree::Node& node) {
    if (node.kind != tree::Kind::regular) return;
    if (is_dpkg(node.path)) add(inventory::parse_dpkg_status(content(node), name(node)));
    if (is_one_of(node.path, kApk)) add(inventory::parse_apk_installed(content(node), name(node)));
    // The first is usually a link to the other.
    if (is_one_of(node.path, kOsRelease)) os = inventory::parse_os_release(content(node));
    has_rpm = has_rpm || is_rpm(node.path);
  }

  inventory::OsRelease os;
  std::vector<inventory::InstalledPackage> packages;
  bool has_rpm = false;

 private:
  std::string content(const tree::Node& node) const {
    return layers_.read_file(numbers_[node.target_layer], node.target_entry);
  }
  std::string name(const tree::Node& node) const { return concat(quote(image_), ": /", node.path); }

  void add(std::vector<inventory::InstalledPackage> more) {
    packages.insert(packages.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  }

  const Layers& layers_;
  std::span<const std::uint32_t> numbers_;
  const std::string& image_;
};

}  // namespace

inventory::ImageContents read_contents(const oci::Image& image, const std::string& name, const oci::Store& store,
                                       Reporter& reporter) {
  Layers layers{store, reporter};
  ThreadPool pool{0};
  layers.prepare(std::array{&image}, pool);
  const std::vector<std::uint32_t> numbers = layers.of_image(image);
  Collector collector{layers, numbers, name};
  for (const tree::Node& node : merge_image(layers, numbers, image)) collector.look_at(node);
  if (collector.has_rpm) {
    reporter.warning(
        concat(quote(name), " has packages of RPM, whose database Kiln does not read: its SBOM lacks them"));
  }
  return {name, image.descriptor.digest.hex(), created(image, store), std::move(collector.os),
          std::move(collector.packages)};
}

}  // namespace kiln::build
