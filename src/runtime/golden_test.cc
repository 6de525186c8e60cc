// Everything here must equal, byte for byte, what LinuxKit 1.8.2 made of the same YAML and images.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "config/load.h"
#include "runtime/bundle.h"

namespace kiln::runtime {
namespace {

const std::filesystem::path kGolden = std::filesystem::path{KILN_TESTDATA} / "golden";

config::System load_golden(const std::string& name) {
  return config::load({{name, read_file(kGolden / name), ""}}, {});
}

std::vector<std::string> strings(const nlohmann::json& object, const char* key) {
  return object.value(key, std::vector<std::string>{});
}

/// "127.0.0.1:5000/lk/redis:v1" -> the image config of "redis".
oci::ImageConfig image_config(const std::string& reference) {
  static const auto kAll = nlohmann::json::parse(read_file(kGolden / "image-configs.json"));
  const std::size_t slash = reference.rfind('/');
  const auto& json = kAll.at(reference.substr(slash + 1, reference.rfind(':') - slash - 1)).at("config");
  oci::ImageConfig config;
  config.entrypoint = strings(json, "Entrypoint");
  config.cmd = strings(json, "Cmd");
  config.env = strings(json, "Env");
  config.working_dir = json.value("WorkingDir", "");
  config.user = json.value("User", "");
  config.labels = json.value("Labels", std::map<std::string, std::string>{});
  return config;
}

struct Bundle {
  std::string directory;
  config::Container container;
};

std::vector<Bundle> bundles(const config::System& system) {
  std::vector<Bundle> all;
  const auto numbered = [&](const char* section, const std::vector<config::Container>& containers) {
    for (std::size_t i = 0; i < containers.size(); ++i)
      all.push_back({concat("containers/", section, "/00", i, "-", containers[i].name), containers[i]});
  };
  numbered("onboot", system.onboot);
  numbered("onshutdown", system.onshutdown);
  for (const config::Container& service : system.services)
    all.push_back({"containers/services/" + service.name, service});
  return all;
}

TEST(Golden, BundlesOfEveryContainer) {
  const config::System system = load_golden("full.yml");
  const IdTable ids = number_containers(system);
  const std::vector<Bundle> all = bundles(system);
  ASSERT_EQ(all.size(), 8u);
  for (const auto& [directory, container] : all) {
    SCOPED_TRACE(directory);
    const oci::ImageConfig image = image_config(container.image);
    const auto label = image.labels.find("org.mobyproject.config");
    const config::ContainerOptions options = effective_options(
        container.options,
        label == image.labels.end() ? config::ContainerOptions{} : config::parse_label(label->second, container.image));
    EXPECT_EQ(config_json(options, image, ids), read_file(kGolden / directory / "config.json"));
    // The second container of one read-only image uses the first one's root: layout.md §7.
    const bool readonly = options.readonly.value_or(false);
    const std::string expected = read_file(kGolden / directory / "runtime.json");
    const std::string lower = concat(directory, readonly ? "/rootfs" : "/lower");
    const std::string shared = "containers/onboot/000-sysctl/rootfs";
    EXPECT_THAT((std::vector{runtime_json(options, directory, lower), runtime_json(options, directory, shared)}),
                testing::Contains(expected));
  }
}

TEST(Golden, MetadataOfTheConfiguration) {
  const config::System system = load_golden("full.yml");
  EXPECT_EQ(config::to_yaml(system), read_file(kGolden / "files/etc/linuxkit-config"));
  EXPECT_EQ(config::to_json(system), read_file(kGolden / "files/etc/linuxkit-config.json"));
}

TEST(Golden, MetadataIsReadBackToTheSame) {
  const config::System system = load_golden("minimal.yml");
  const std::string yaml = config::to_yaml(system);
  EXPECT_EQ(config::to_yaml(config::load({{"again", yaml, ""}}, {})), yaml);
}

}  // namespace
}  // namespace kiln::runtime
