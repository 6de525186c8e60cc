#include "build/linuxkit_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/tar_reader.h"
#include "archive/tar_writer.h"
#include "base/file.h"
#include "build/emit.h"
#include "build/oci_layout.h"

namespace kiln::build {
namespace {

using testing::ElementsAre;

/// A line an entry: "TYPE PATH CONTENT-OR-TARGET".
std::string tar_of(const std::vector<std::string>& lines) {
  std::string tar;
  for (const std::string& line : lines) {
    const std::size_t second = line.find(' ', 2);
    const std::string rest = second == std::string::npos ? "" : line.substr(second + 1);
    archive::TarHeader header;
    header.type = line[0];
    header.path = line.substr(2, second - 2);
    header.mode = 0750;
    header.uid = 7;
    (header.type == '0' ? header.user_name : header.link) = header.type == '0' ? "anna" : rest;
    if (header.type == '0') header.size = rest.size();
    archive::append_tar_header(tar, header);
    if (header.type == '0') tar += rest + std::string(archive::tar_padding(rest.size()), '\0');
  }
  return tar + std::string{archive::tar_end()};
}

class LinuxkitStreamTest : public testing::Test {
 protected:
  const oci::Image* image(const std::string& name, const std::vector<std::vector<std::string>>& layers) {
    oci::Image& image = system_.images.emplace_back();
    image.reference = oci::Reference::parse(name);
    for (const auto& layer : layers)
      image.manifest.layers.push_back(store_.put(tar_of(layer), oci::media_type::kLayerTar));
    image.descriptor = store_.put(oci::to_json(image.manifest), oci::media_type::kManifest);
    return &image;
  }

  /// The tar, read again: "TYPE PATH [-> LINK | CONTENT]" of the entries of one location, less those every image has.
  std::vector<std::string> entries(const std::string& location) {
    Layers layers{store_, reporter_};
    const Plan plan = make_linuxkit_stream(system_, layers);
    StringSink out;
    write_archive(plan, make_stream_segments(plan), out);
    MemorySource source{as_bytes(out.text())};
    archive::TarReader reader{source};
    std::vector<std::string> lines;
    while (const archive::TarEntry* entry = reader.next()) {
      const bool is_fixed =
          entry->mtime == kFixedTime && entry->records.size() == 2 && entry->uid == 0 &&
          (entry->path.ends_with("dev") || entry->path.ends_with("dev/pts") || entry->path.ends_with("dev/shm") ||
           entry->path.ends_with("/etc") || entry->path == "etc" || entry->path.ends_with("proc") ||
           entry->path.ends_with("sys") || entry->path.find("etc/") != std::string::npos);
      if (is_fixed || entry->records.empty() || entry->records[0].second != location) continue;
      std::string line = concat(std::string_view{&entry->type, 1}, " ", entry->path);
      if (!entry->link.empty()) line += " -> " + entry->link;
      if (entry->size > 0) line += " " + std::string{as_text(reader.read())};
      lines.push_back(line);
    }
    return lines;
  }

  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
  SilentReporter reporter_;
  ResolvedSystem system_;
};

TEST_F(LinuxkitStreamTest, LayersFromTheTopDownEachInItsOrder) {
  system_.init = {
      image("one", {{"0 b base", "5 z/", "0 a hidden", "0 gone x"}, {"0 z/new z", "0 a top", "0 .wh.gone"}})};
  EXPECT_THAT(entries("init[0]"), ElementsAre("0 z/new z", "0 a top", "0 b base", "5 z"));
}

TEST_F(LinuxkitStreamTest, WhatUnpackingWouldRemoveIsNotThere) {
  system_.init = {
      image("one", {{"5 d", "0 d/old x", "5 e", "0 e/x"}, {"5 d", "0 d/.wh..wh..opq", "0 d/new n", "0 e file"}})};
  EXPECT_THAT(entries("init[0]"), ElementsAre("5 d", "0 d/new n", "0 e file"));
}

TEST_F(LinuxkitStreamTest, ALinkComesAfterWhatItLinksTo) {
  // In LinuxKit's own order the link of the upper layer would come first and link to nothing.
  system_.init = {image("one", {{"0 bin/busybox tool", "1 bin/ls bin/busybox"}, {"1 bin/sh bin/busybox"}})};
  EXPECT_THAT(entries("init[0]"), ElementsAre("0 bin/sh tool", "1 bin/busybox -> bin/sh", "1 bin/ls -> bin/sh"));
}

TEST_F(LinuxkitStreamTest, LinksHaveThePrefixAndTheTextTheyHad) {
  ResolvedContainer container;
  container.name = "web";
  container.section = "services";
  container.position = 3;
  container.directory = "containers/services/web";
  container.root = "containers/services/web/lower";
  container.image = image("web", {{"0 ./a x", "1 ./b ./a", "2 ./c ./a", "0 etc/hostname x", "0 dev/console x"}});
  container.config_json = "{c}";
  container.runtime_json = "{r}";
  system_.containers = {container};
  EXPECT_THAT(entries("services[3]"),
              ElementsAre("5 containers", "5 containers/services", "5 containers/services/web",
                          "5 containers/services/web/lower", "0 containers/services/web/lower/a x",
                          "1 containers/services/web/lower/b -> containers/services/web/lower/./a",
                          "2 containers/services/web/lower/c -> ./a", "0 containers/services/web/config.json {c}",
                          "5 containers/services/web/tmp", "5 containers/services/web/rootfs",
                          "0 containers/services/web/runtime.json {r}"));
}

TEST_F(LinuxkitStreamTest, AContainerThatSharesAnImageHasOnlyItsBundle) {
  ResolvedContainer container;
  container.section = "onboot";
  container.directory = "containers/onboot/001-b";
  container.root = "containers/onboot/000-a/rootfs";
  container.owns_root = false;
  container.readonly = true;
  container.image = image("b", {{"0 x"}});
  system_.containers = {container};
  EXPECT_THAT(entries("onboot[0]"),
              ElementsAre("5 containers", "5 containers/onboot", "5 containers/onboot/001-b",
                          "0 containers/onboot/001-b/config.json", "5 containers/onboot/001-b/rootfs",
                          "0 containers/onboot/001-b/runtime.json"));
}

TEST_F(LinuxkitStreamTest, TheKernelsFilesInTheOrderOfItsImage) {
  config::Kernel config;
  config.cmdline = "quiet";
  config.ucode = "ucode";
  const std::string modules = tar_of({"5 ./", "0 ./lib/m.ko m", "0 ./lib/m.ko again"});
  system_.kernel = ResolvedKernel{
      image("kernel", {{"0 kernel vmlinuz", "0 other x"}, {"0 kernel.tar " + modules, "0 ucode u"}}), config};
  EXPECT_THAT(entries("kernel"), ElementsAre("5 ./", "0 ./lib/m.ko m", "0 ./lib/m.ko again", "5 boot",
                                             "0 boot/ucode.cpio u", "0 boot/cmdline quiet", "0 boot/kernel vmlinuz"));
}

TEST_F(LinuxkitStreamTest, FilesAndTheirParentsOnceEach) {
  const auto file = [&](const std::string& path, config::File::Kind kind, std::size_t position) {
    ResolvedFile out;
    out.config.path = path;
    out.config.kind = kind;
    out.config.contents = "c";
    out.position = position;
    system_.files.push_back(out);
  };
  file("a/b/one", config::File::Kind::regular, 0);
  file("a/b/two", config::File::Kind::regular, 2);
  file("a/d", config::File::Kind::directory, 3);
  file("a/d/three", config::File::Kind::regular, 3);
  EXPECT_THAT(entries("files[0]"), ElementsAre("5 a", "5 a/b", "0 a/b/one c"));
  EXPECT_THAT(entries("files[2]"), ElementsAre("0 a/b/two c"));
  EXPECT_THAT(entries("files[3]"), ElementsAre("5 a/d", "0 a/d/three c"));
}

TEST_F(LinuxkitStreamTest, VolumesOfEveryKind) {
  const oci::Image* data = image("data", {{"0 x data"}});
  oci::ImageSet set{data->reference, data->descriptor, {{data->descriptor, data->manifest}}};
  set.members[0].manifest.config = store_.put("{}", oci::media_type::kConfig);
  system_.volumes = {{"blank", "containers/volumes/blank", "empty", nullptr, {}},
                     {"tree", "containers/volumes/tree", "data", data, {}},
                     {"oci", "containers/volumes/oci", "data", nullptr, oci_layout_files(set)}};
  EXPECT_THAT(entries("volume[0]"), ElementsAre("5 containers", "5 containers/volumes", "5 containers/volumes/blank",
                                                "5 containers/volumes/blank/lower", "5 containers/volumes/blank/tmp/",
                                                "5 containers/volumes/blank/merged/"));
  EXPECT_THAT(entries("volume[1]"),
              ElementsAre("5 containers", "5 containers/volumes", "5 containers/volumes/tree",
                          "5 containers/volumes/tree/lower", "0 containers/volumes/tree/lower/x data",
                          "5 containers/volumes/tree/tmp/", "5 containers/volumes/tree/merged/"));
  std::vector<std::string> names;
  for (const std::string& line : entries("volume[2]")) names.push_back(line.substr(0, line.find(" {")));
  const std::string blobs = "containers/volumes/oci/lower/blobs/sha256/";
  EXPECT_THAT(names, testing::IsSupersetOf({std::string{"0 containers/volumes/oci/lower/oci-layout"}, "5 " + blobs,
                                            "0 " + blobs + set.members[0].manifest.config.digest.hex(),
                                            "0 " + blobs + data->descriptor.digest.hex(),
                                            std::string{"0 containers/volumes/oci/lower/index.json"}}));
}

}  // namespace
}  // namespace kiln::build
