#include "build/plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <mutex>
#include <set>

#include "archive/compress.h"
#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/file.h"
#include "build/kernel_file.h"
#include "build/render.h"
#include "build/segments.h"

namespace kiln::build {
namespace {

using archive::TarHeader;
using testing::ElementsAre;
using tree::Kind;

struct TestFile {
  std::string path;
  char type = '0';
  std::string content;  // or link target
  std::uint32_t mode = 0644;
};

std::string tar_of(const std::vector<TestFile>& files) {
  std::string tar;
  for (const TestFile& file : files) {
    TarHeader header;
    header.path = file.path;
    header.type = file.type;
    header.mode = file.mode;
    if (file.type == '0') {
      header.size = file.content.size();
    } else {
      header.link = file.content;
    }
    archive::append_tar_header(tar, header);
    if (file.type == '0') {
      tar += file.content;
      tar.append(archive::tar_padding(file.content.size()), '\0');
    }
  }
  tar += archive::tar_end();
  return tar;
}

/// In frames, as packages are: it can be entered in the middle.
std::string in_frames(const std::string& tar) {
  constexpr std::size_t kFrame = 1 << 20;
  archive::FrameCompressor compressor{archive::Codec::zstd, 1};
  archive::Room room;
  std::string out;
  for (std::size_t at = 0; at < tar.size(); at += kFrame) {
    out += as_text(compressor.compress(as_bytes(std::string_view{tar}.substr(at, kFrame)), room));
  }
  return out;
}

/// A store with images made of uncompressed layers, and a system that uses them.
class PlanTest : public testing::Test {
 protected:
  const oci::Image* image(const std::string& name, const std::vector<std::vector<TestFile>>& layers) {
    oci::Image& image = system_.images.emplace_back();
    image.reference = oci::Reference::parse(name);
    for (const auto& layer : layers)
      image.manifest.layers.push_back(store_.put(tar_of(layer), oci::media_type::kLayerTar));
    image.descriptor = store_.put(oci::to_json(image.manifest), oci::media_type::kManifest);
    return &image;
  }

  const oci::Image* framed_image(const std::string& name, const std::vector<TestFile>& files) {
    oci::Image& image = system_.images.emplace_back();
    image.reference = oci::Reference::parse(name);
    image.manifest.layers.push_back(store_.put(in_frames(tar_of(files)), oci::media_type::kLayerZstd));
    image.descriptor = store_.put(oci::to_json(image.manifest), oci::media_type::kManifest);
    return &image;
  }

  void kernel(const std::vector<TestFile>& files) {
    config::Kernel config;
    config.cmdline = "console=test";
    system_.kernel = ResolvedKernel{image("kernel", {files}), config};
  }

  void service(const std::string& name, const oci::Image* image, bool readonly = false) {
    ResolvedContainer container;
    container.name = name;
    container.section = "services";
    container.directory = "containers/services/" + name;
    container.root = container.directory + (readonly ? "/rootfs" : "/lower");
    container.readonly = readonly;
    container.config_json = "{config}";
    container.runtime_json = "{runtime}";
    container.image = image;
    system_.containers.push_back(container);
  }

  void file(const std::string& path, const std::string& contents, std::uint32_t mode = 0600) {
    ResolvedFile file;
    file.config.path = path;
    file.config.contents = contents;
    file.config.mode = mode;
    system_.files.push_back(file);
  }

  Plan plan() {
    layers_ = std::make_unique<Layers>(store_, reporter_);
    return make_plan(system_, *layers_);
  }

  /// "PART: PATH" of everything but the fixed files.
  static std::vector<std::string> paths(const Plan& plan) {
    static const std::string_view kFixed[] = {"dev",      "dev/pts",         "dev/shm", "etc", "etc/hosts",
                                              "etc/mtab", "etc/resolv.conf", "proc",    "sys"};
    std::vector<std::string> out;
    for (const Part& part : plan.parts) {
      for (const Entry& entry : part.entries) {
        if (std::find(std::begin(kFixed), std::end(kFixed), entry.path) == std::end(kFixed)) {
          out.push_back(concat(part.name, ": ", entry.full_path()));
        }
      }
    }
    return out;
  }

  /// The archive as a text: what kernels and tools see, shared files by "=" and the path that carries the content.
  static std::vector<std::string> listing(const Plan& plan, const SegmentList& list) {
    std::vector<std::string> out;
    for (const Segment& segment : list.segments) {
      for (const SegmentItem& item : segment.items) {
        if (item.entry->layer == kGenerated) continue;
        out.push_back(item.link ? concat(item.entry->full_path(), " = ", item.first->full_path())
                                : concat(item.entry->full_path(), " ", plan.content_size(*item.entry)));
      }
    }
    return out;
  }

  TempDir directory_;
  oci::Store store_{directory_.path() / "store"};
  SilentReporter reporter_;
  ResolvedSystem system_;
  std::unique_ptr<Layers> layers_;
};

TEST_F(PlanTest, KernelTarGoesIntoTheRootAndTheKernelBesideIt) {
  kernel({{"kernel", '0', "vmlinuz"},
          {"kernel.tar", '0', tar_of({{"./lib/modules/m.ko", '0', "module"}})},
          {"other", '0', ""}});
  const Plan plan = this->plan();
  EXPECT_THAT(paths(plan),
              ElementsAre("kernel: boot", "kernel: lib", "kernel: lib/modules", "kernel: lib/modules/m.ko"));
  ASSERT_TRUE(plan.boot.kernel);
  EXPECT_EQ(plan.content_size(*plan.boot.kernel), 7U);
  EXPECT_EQ(plan.boot.cmdline, "console=test");
}

TEST_F(PlanTest, MissingKernelIsNamed) {
  kernel({{"vmlinuz", '0', "x"}});
  EXPECT_THAT([&] { plan(); },
              testing::ThrowsMessage<Error>(testing::HasSubstr(
                  "did not find kernel in kernel image 'docker.io/library/kernel': it has no file 'kernel'")));
}

TEST_F(PlanTest, ContainerHasItsBundleAndItsImage) {
  service("web", image("web", {{{"bin/web", '0', "program"}}}));
  EXPECT_THAT(
      paths(plan()),
      ElementsAre("services/web: containers", "services/web: containers/services",
                  "services/web: containers/services/web", "services/web: containers/services/web/config.json",
                  "services/web: containers/services/web/lower", "services/web: containers/services/web/rootfs",
                  "services/web: containers/services/web/runtime.json", "services/web: containers/services/web/tmp",
                  "services/web: containers/services/web/lower/bin",
                  "services/web: containers/services/web/lower/bin/web"));
}

TEST_F(PlanTest, FilesWinAlsoInsideContainersAndKeepDirectoriesOfImages) {
  system_.init.push_back(image("init", {{{"etc", '5', "", 0711}, {"etc/motd", '0', "image"}}}));
  service("web", image("web", {{{"etc/web.conf", '0', "image"}}}), true);
  file("etc/motd", "ours");
  file("containers/services/web/rootfs/etc/web.conf", "ours");
  const Plan plan = this->plan();
  std::vector<std::string> ours;
  for (const Entry& entry : plan.parts.back().entries) ours.push_back(entry.full_path());
  EXPECT_THAT(ours, ElementsAre("containers/services/web/rootfs/etc/web.conf", "etc/motd"));
  std::vector<std::string> all = paths(plan);
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.substr(a.find(':')) < b.substr(b.find(':')); });
  EXPECT_EQ(
      std::adjacent_find(all.begin(), all.end(),
                         [](const auto& a, const auto& b) { return a.substr(a.find(':')) == b.substr(b.find(':')); }),
      all.end());
}

TEST_F(PlanTest, IdenticalFilesOfContainersAreOneInode) {
  const TestFile library{"lib/libc.so", '0', std::string(5000, 'c')};
  service("a", image("a", {{library}, {{"bin/a", '0', "a"}}}));
  service("b", image("b", {{{"bin/b", '0', "b"}, library, {"lib/other", '0', std::string(5000, 'c'), 0755}}}));
  const Plan plan = this->plan();
  const SegmentList list = make_segments(plan, ArchiveKind::cpio);
  EXPECT_THAT(listing(plan, list),
              ElementsAre("containers/services/a/lower/lib/libc.so 5000", "containers/services/a/lower/bin/a 1",
                          "containers/services/b/lower/bin/b 1", "containers/services/b/lower/lib/other 5000",
                          "containers/services/b/lower/lib/libc.so = containers/services/a/lower/lib/libc.so"));
  EXPECT_EQ(list.root_size - list.content_size, 5000U);
  const SegmentList tar = make_segments(plan, ArchiveKind::tar);
  EXPECT_EQ(tar.root_size, tar.content_size);
}

TEST_F(PlanTest, OfInitOnlyProgramsAndLibrariesAreShared) {
  const std::vector<TestFile> files{{"usr/lib/a.so", '0', "library"},
                                    {"etc/a.conf", '0', "setting"},
                                    {"init", '0', "guest"},
                                    {"usr/bin/a", '0', "tool"},
                                    {"etc/a", '1', "usr/bin/a"}};
  system_.init.push_back(image("one", {files}));
  service("a", image("a", {files}));
  const Plan plan = this->plan();
  EXPECT_THAT(listing(plan, make_segments(plan, ArchiveKind::cpio)),
              ElementsAre("usr/lib/a.so 7", "etc/a.conf 7", "init 5", "etc/a 4", "usr/bin/a = etc/a",
                          "containers/services/a/lower/etc/a.conf 7", "containers/services/a/lower/etc/a 4",
                          "containers/services/a/lower/init = init",
                          "containers/services/a/lower/usr/bin/a = containers/services/a/lower/etc/a",
                          "containers/services/a/lower/usr/lib/a.so = usr/lib/a.so"));
}

TEST_F(PlanTest, HardLinksOfAnImageStayLinksInBothArchives) {
  system_.init.push_back(image("init", {{{"bin/one", '0', "tool"}, {"bin/two", '1', "bin/one"}}}));
  const Plan plan = this->plan();
  for (const ArchiveKind kind : {ArchiveKind::cpio, ArchiveKind::tar}) {
    EXPECT_THAT(listing(plan, make_segments(plan, kind)), ElementsAre("bin/one 4", "bin/two = bin/one"));
  }
}

TEST_F(PlanTest, FilesMayReplaceWhatTheBootLoaderReads) {
  kernel({{"kernel", '0', "old"}, {"kernel.tar", '0', tar_of({{"m.ko", '0', ""}})}});
  file("boot/kernel", "new kernel", 0640);
  file("boot/cmdline", "loud");
  file("boot/extra", "stays in the tree");
  const Plan plan = this->plan();
  EXPECT_THAT(paths(plan), ElementsAre("kernel: boot", "kernel: m.ko", "files: boot/extra"));
  ASSERT_TRUE(plan.boot.kernel && plan.boot.cmdline_file);
  EXPECT_EQ(plan.boot.cmdline, "loud");
  EXPECT_EQ(plan.metadata(*plan.boot.kernel).mode, 0640U);
  const ExtractedFile extracted = extract_file(plan, *plan.boot.kernel, store_, reporter_);
  EXPECT_EQ(read_file(extracted.path), "new kernel");
}

TEST_F(PlanTest, DatabasesOfApkAreJoined) {
  const std::string path = "lib/apk/db/installed";
  system_.init = {image("one", {{{path, '0', "one\n"}}}), image("none", {{}}), image("two", {{{path, '0', "two\n"}}})};
  const Plan plan = this->plan();
  const Part& part = plan.parts.at(3);
  EXPECT_EQ(part.name, "init apk database");
  ASSERT_EQ(part.entries.size(), 1U);
  EXPECT_EQ(part.entries[0].full_path(), path);
  EXPECT_EQ(plan.generated.at(part.entries[0].entry).content, "one\n\n\ntwo\n\n\n");
  const tree::Metadata meta = plan.metadata(part.entries[0]);
  EXPECT_EQ(meta.mode, 0644U);
  EXPECT_EQ(meta.mtime, 0);
}

TEST_F(PlanTest, MtabOfAnImageIsKeptButForItsTime) {
  service("a", image("a", {{{"etc/mtab", '2', "../proc/mounts"}}}));
  const Plan plan = this->plan();
  for (const Entry& entry : plan.parts.at(0).entries) {
    if (entry.path != "etc/mtab") continue;
    ASSERT_NE(entry.layer, kGenerated);
    EXPECT_EQ(plan.layer_entry(entry).link, "../proc/mounts");
    EXPECT_EQ(plan.metadata(entry).mtime, kFixedTime);
    return;
  }
  FAIL() << "no etc/mtab";
}

TEST_F(PlanTest, VolumesHaveTheirImageBelowLower) {
  system_.volumes = {{"data",
                      "containers/volumes/data",
                      "docker.io/library/data",
                      image("data", {{{"db/one", '0', "1"}, {"etc/resolv.conf", '0', "x"}}}),
                      {}},
                     {"blank", "containers/volumes/blank", "empty", nullptr, {}}};
  const Plan plan = this->plan();
  EXPECT_THAT(
      paths(plan),
      ElementsAre("volumes/data: containers", "volumes/data: containers/volumes",
                  "volumes/data: containers/volumes/data", "volumes/data: containers/volumes/data/lower",
                  "volumes/data: containers/volumes/data/merged", "volumes/data: containers/volumes/data/tmp",
                  "volumes/data: containers/volumes/data/lower/db",
                  "volumes/data: containers/volumes/data/lower/db/one", "volumes/blank: containers/volumes/blank",
                  "volumes/blank: containers/volumes/blank/lower", "volumes/blank: containers/volumes/blank/merged",
                  "volumes/blank: containers/volumes/blank/tmp"));
  for (const Entry& entry : plan.parts[0].entries) {
    if (entry.path == "etc/resolv.conf") {
      EXPECT_EQ(entry.kind, Kind::symlink);
    }
  }
}

TEST_F(PlanTest, OnlyWhatChangedIsRendered) {
  const oci::Image* a = image("a", {{{"bin/a", '0', std::string(100'000, 'a')}}});
  const oci::Image* b = image("b", {{{"bin/b", '0', std::string(100'000, 'b')}}});
  service("a", a);
  service("b", b);
  const SegmentCache cache{store_};
  const auto rendered = [&] {
    const Plan plan = this->plan();
    const SegmentList list = make_segments(plan, ArchiveKind::cpio);
    Renderer renderer{plan, list, {}, cache, reporter_};
    std::vector<std::string> names;
    for (std::size_t i = 0; i < list.segments.size(); ++i) {
      if (renderer.segments()[i].size == 0) names.push_back(list.segments[i].name);
    }
    EXPECT_EQ(renderer.missing(), names.size());
    renderer.run(2);
    return names;
  };
  EXPECT_THAT(rendered(), ElementsAre("services/a", "services/a", "services/b", "services/b", "end"));
  EXPECT_THAT(rendered(), ElementsAre());
  system_.containers[1].config_json = "{changed}";
  EXPECT_THAT(rendered(), ElementsAre("services/b"));
}

/// Notes the activities that came to their end.
class FinishedReporter final : public Reporter {
 public:
  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t total) override {
    class Noted final : public Activity {
     public:
      Noted(FinishedReporter& reporter, std::string what, std::uint64_t total)
          : reporter_{reporter}, what_{std::move(what)}, total_{total} {}
      void expect(std::uint64_t total_bytes) override { total_ = total_bytes; }
      void advance(std::uint64_t bytes) override { done_ += bytes; }
      void finish(std::string_view) override {
        const std::lock_guard lock{reporter_.mutex_};
        reporter_.finished_.push_back(concat(what_, ": ", done_.load(), " of ", total_));
      }

     private:
      FinishedReporter& reporter_;
      std::string what_;
      std::uint64_t total_;
      std::atomic<std::uint64_t> done_{0};
    };
    return std::make_unique<Noted>(*this, concat(verb, " ", subject), total);
  }
  void info(std::string_view) override {}
  void detail(std::string_view) override {}
  void warning(std::string_view) override {}

  const std::vector<std::string>& finished() const { return finished_; }

 private:
  std::mutex mutex_;
  std::vector<std::string> finished_;
};

TEST_F(PlanTest, APartIsShownOnceHoweverManySegmentsItHas) {
  service("a", image("a", {{{"bin/a", '0', std::string(100'000, 'a')}, {"bin/b", '1', "bin/a"}},
                           {{"bin/c", '0', std::string(50'000, 'c')}}}));
  const SegmentCache cache{store_};
  const Plan plan = this->plan();
  const SegmentList list = make_segments(plan, ArchiveKind::cpio);
  FinishedReporter reporter;
  Renderer{plan, list, {}, cache, reporter}.run(2);
  EXPECT_THAT(reporter.finished(), ElementsAre(testing::MatchesRegex("render services/a: (15[0-9]+) of .*")));
  Renderer{plan, list, {}, cache, reporter}.run(2);
  EXPECT_EQ(reporter.finished().size(), 1U);
}

TEST_F(PlanTest, OfALayerThePiecesThatChangedAreRendered) {
  std::set<std::string> archives;
  for (const std::string_view how : {"whole", "framed"}) {
    std::vector<TestFile> files;
    for (unsigned i = 0; i < 400; ++i) {
      std::string content = concat(i, "\n");
      while (content.size() < 50'000 + 100 * i) content += concat("line ", content.size() * (i + 1), "\n");
      files.push_back({concat("data/", i), '0', std::move(content)});
    }
    files[200].content.resize(9'000'000, 'x');  // larger than what is a frame
    const auto archive = [&](const SegmentCache& cache) {
      system_.containers.clear();
      service("a", how == "framed" ? framed_image("a", files) : image("a", {files}));
      const Plan plan = this->plan();
      const SegmentList list = make_segments(plan, ArchiveKind::cpio, 2);
      Renderer renderer{plan, list, Compression::parse("zstd:1"), cache, reporter_};
      renderer.run(2);
      std::string text;
      for (const SegmentFile& segment : renderer.segments()) text += read_file(segment.path).substr(0, segment.size);
      return std::tuple{list.segments.size(), renderer.missing(), text};
    };
    const oci::Store used{directory_.path() / concat("used ", how)}, empty{directory_.path() / concat("empty ", how)};
    const SegmentCache cache{used};
    const auto [segments, missing, first] = archive(cache);
    EXPECT_GE(segments, 6U);
    EXPECT_EQ(missing, segments);
    for (const std::size_t changed : {7, 390}) files[changed].content[100] = '!';
    const auto [segments_after, missing_after, changed] = archive(cache);
    EXPECT_EQ(segments_after, segments);
    EXPECT_EQ(missing_after, 2U);
    const auto [segments_anew, missing_anew, anew] = archive(SegmentCache{empty});
    EXPECT_EQ(missing_anew, segments);
    EXPECT_NE(changed, first);
    EXPECT_TRUE(changed == anew);
    archives.insert(anew);
  }
  EXPECT_EQ(archives.size(), 1U) << "how a layer is compressed shows in the archive";
}

TEST_F(PlanTest, DamagedSegmentIsRenderedAgain) {
  service("a", image("a", {{{"bin/a", '0', std::string(100'000, 'a')}}}));
  const SegmentCache cache{store_};
  const Plan plan = this->plan();
  const SegmentList list = make_segments(plan, ArchiveKind::cpio);
  Renderer first{plan, list, {}, cache, reporter_};
  first.run(1);
  const SegmentFile damaged = first.segments()[1];
  std::filesystem::resize_file(damaged.path, damaged.size / 2);
  Renderer second{plan, list, {}, cache, reporter_};
  EXPECT_EQ(second.missing(), 1U);
  EXPECT_EQ(second.segments()[1].size, 0U);
  second.run(1);
  EXPECT_EQ(second.segments()[1].size, damaged.size);
}

TEST_F(PlanTest, SegmentsAreFollowedInOrderWhileOthersAreRendered) {
  for (const char* name : {"a", "b", "c"}) {
    const std::string text(name == std::string_view{"b"} ? 3'000'000 : 1000, name[0]);  // the one rendered first
    service(name, image(name, {{{concat("bin/", name), '0', text}}}));
  }
  const SegmentCache cache{store_};
  const Plan plan = this->plan();
  const SegmentList list = make_segments(plan, ArchiveKind::cpio, 2);
  Renderer renderer{plan, list, {}, cache, reporter_};
  std::vector<std::filesystem::path> followed, expected;
  renderer.run(2, [&](const SegmentFile& segment) {
    EXPECT_EQ(std::filesystem::file_size(segment.path), segment.size + 16);  // the cache's trailer
    followed.push_back(segment.path);
  });
  for (const SegmentFile& segment : renderer.segments()) expected.push_back(segment.path);
  EXPECT_EQ(followed, expected);
}

TEST_F(PlanTest, WhoeverFollowsMayFail) {
  service("a", image("a", {{{"bin/a", '0', std::string(100'000, 'a')}}}));
  const SegmentCache cache{store_};
  const Plan plan = this->plan();
  const SegmentList list = make_segments(plan, ArchiveKind::cpio);
  Renderer renderer{plan, list, {}, cache, reporter_};
  EXPECT_THAT([&] { renderer.run(2, [](const SegmentFile&) { throw Error{"disk is full"}; }); },
              testing::ThrowsMessage<Error>("disk is full"));
}

}  // namespace
}  // namespace kiln::build
