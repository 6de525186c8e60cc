#include "tree/layer_index.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "archive/pax.h"
#include "base/error.h"
#include "tree/layer_path.h"
#include "tree/test_layers.h"

namespace kiln::tree {
namespace {

using archive::append_tar_entry;
using testing::ThrowsMessage;

/// One of everything a layer may have.
std::string example_tar() {
  std::string tar;
  append_tar_entry(tar, {.path = "./", .type = '5', .mode = 0755});
  append_tar_entry(tar,
                   {.path = "/etc//./passwd",
                    .mode = 04644,
                    .uid = 1000,
                    .gid = 100,
                    .mtime = -5,
                    .mtime_nsec = 7,
                    .user_name = "anna",
                    .group_name = "users",
                    .records = {{"SCHILY.xattr.user.b", std::string{"\0\xff", 2}}, {"SCHILY.xattr.user.a", "1"}}},
                   "root:x:0:0\n");
  append_tar_entry(tar, {.path = "etc/empty", .mode = 0600, .user_name = "anna"});
  append_tar_entry(tar, {.path = "etc/link", .type = '1', .mode = 0644, .link = "/etc/passwd"});
  append_tar_entry(tar, {.path = "bin", .type = '2', .mode = 0777, .link = "../usr/./bin"});
  append_tar_entry(tar, {.path = "dev/null", .type = '3', .mode = 0666, .rdev_major = 1, .rdev_minor = 3});
  append_tar_entry(tar, {.path = "dev/sda", .type = '4', .mode = 0660, .rdev_major = 8});
  append_tar_entry(tar, {.path = "run/fifo", .type = '6', .mode = 0600});
  append_tar_entry(tar, {.path = "etc/.wh.gone"});
  append_tar_entry(tar, {.path = "var/.wh..wh..opq"});
  append_tar_entry(tar, {.path = ".wh..wh.plnk/1.2"});
  return tar += archive::tar_end();
}

std::string dump(const LayerIndex& index) {
  std::string out;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const LayerEntry e = index.entry(i);
    constexpr std::string_view kWords = "dflhcbp";
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", e.meta.mode);
    out += concat(kWords[static_cast<std::size_t>(e.kind)], " ", std::string_view{mode}, " ", e.meta.uid, "(",
                  e.user_name, "):", e.meta.gid, "(", e.group_name, ") ", e.meta.mtime, ".", e.meta.mtime_nsec, " ",
                  e.meta.rdev_major, ",", e.meta.rdev_minor, " ", e.size, " ", quote(e.path));
    if (!e.link.empty()) out += concat(" -> ", e.link);
    if (e.kind == Kind::regular) out += concat(" ", e.content.hex().substr(0, 8));
    for (const Extent& extent : e.extents)
      out += concat(" [", extent.file_offset, " ", extent.tar_offset, " ", extent.size, "]");
    for (const Xattr& xattr : e.xattrs) out += concat(" ", xattr.name, "=", quote(xattr.value));
    if (index.summary(i).whiteout != Whiteout::none)
      out += concat(" whiteout ", static_cast<int>(index.summary(i).whiteout));
    out += '\n';
  }
  return out;
}

TEST(LayerIndex, HasEverythingTheTarSays) {
  const std::string file = index_of(example_tar());
  const LayerIndex index{as_bytes(file), "test"};
  EXPECT_EQ(dump(index),
            "d 0755 0():0() 0.0 0,0 0 ''\n"
            "f 4644 1000(anna):100(users) -5.7 0,0 11 'etc/passwd' 7cf1f940 [0 2048 11] user.a='1' user.b='\\x00\xff'\n"
            "f 0600 0(anna):0() 0.0 0,0 0 'etc/empty' e3b0c442\n"
            "h 0644 0():0() 0.0 0,0 0 'etc/link' -> etc/passwd\n"
            "l 0777 0():0() 0.0 0,0 0 'bin' -> ../usr/./bin\n"
            "c 0666 0():0() 0.0 1,3 0 'dev/null'\n"
            "b 0660 0():0() 0.0 8,0 0 'dev/sda'\n"
            "p 0600 0():0() 0.0 0,0 0 'run/fifo'\n"
            "f 0000 0():0() 0.0 0,0 0 'etc/.wh.gone' e3b0c442 whiteout 1\n"
            "f 0000 0():0() 0.0 0,0 0 'var/.wh..wh..opq' e3b0c442 whiteout 2\n"
            "f 0000 0():0() 0.0 0,0 0 '.wh..wh.plnk/1.2' e3b0c442 whiteout 3\n");
  EXPECT_EQ(index.tar_size(), example_tar().size());
  EXPECT_EQ(index.path(1), "etc/passwd");
  EXPECT_EQ(index.link(4), "../usr/./bin");
}

TEST(LayerIndex, RemembersHowItStoodInTheTar) {
  std::string tar;
  const auto add = [&](const std::string& path, char type, const std::string& link) {
    archive::append_tar_header(
        tar, {.path = path, .type = type, .link = link, .records = {{"ctime", "5.5"}, {"KILN.x", path}}});
  };
  for (const char* path : {"clean", "./dot", "slash/", "./both/", "/absolute", "a//b/../c"}) {
    add(path, path == std::string_view{"clean"} ? '0' : '5', "");
  }
  add("plain", '1', "clean");
  add("dotted", '1', "./clean");
  add("odd", '1', "/./clean");
  add("symlink", '2', "./to//");
  tar += archive::tar_end();
  const std::string file = index_of(tar);
  const LayerIndex index{as_bytes(file), "test"};
  std::vector<std::string> written;
  for (std::size_t i = 0; i < index.size(); ++i) {
    const AsWritten entry = index.as_written(i);
    written.push_back(concat(entry.path, entry.link.empty() ? "" : " -> ", entry.link));
    ASSERT_EQ(entry.records.size(), 2U);
    EXPECT_EQ(entry.records[0], (Xattr{"KILN.x", entry.path}));
    EXPECT_EQ(entry.records[1], (Xattr{"ctime", "5.5"}));
  }
  EXPECT_THAT(written,
              testing::ElementsAre("clean", "./dot", "slash/", "./both/", "/absolute", "a//b/../c", "plain -> clean",
                                   "dotted -> ./clean", "odd -> /./clean", "symlink -> ./to//"));
}

TEST(LayerIndex, DoesNotDependOnHowTheTarArrives) {
  const std::string expected = index_of(example_tar());
  for (std::size_t step : archive::kSteps) EXPECT_EQ(index_of(example_tar(), {}, step), expected) << step;
}

TEST(LayerIndex, OfSparseFilesHashesTheHoles) {
  // Regions 2..5 and 1000000..1000003 of 2000000 bytes.
  std::string header;
  archive::append_tar_header(header, {.path = "GNUSparseFile.0/s", .size = 6});
  // The writer refuses such records on purpose, so the extended header is put together by hand.
  std::string records;
  archive::append_pax_record(records, "GNU.sparse.name", "s");
  archive::append_pax_record(records, "GNU.sparse.size", "2000000");
  archive::append_pax_record(records, "GNU.sparse.map", "2,3,1000000,3");
  std::string tar;
  archive::append_tar_header(tar, {.path = "h", .type = 'x', .size = records.size()});
  tar += records + std::string(archive::tar_padding(records.size()), '\0') + header + "abcdef" + std::string(506, '\0');
  const std::string file = index_of(tar);
  const LayerIndex index{as_bytes(file), "test"};
  std::string content(2000000, '\0');
  content.replace(2, 3, "abc").replace(1000000, 3, "def");
  const LayerEntry entry = index.entry(0);
  EXPECT_EQ(entry.content, Sha256::of(content));
  EXPECT_EQ(entry.size, content.size());
  ASSERT_EQ(entry.extents.size(), 2U);
  EXPECT_EQ(entry.extents[1].tar_offset, entry.extents[0].tar_offset + 3);
}

TEST(LayerIndex, RealSparseTar) {
  // pieces, hole-only and plain of the 10 GB archive; huge itself would take seconds to hash.
  const std::string tar = read_file(KILN_TESTDATA "/../../archive/testdata/tar/sparse-pax-1.0.tar");
  EXPECT_THAT([&] { index_of(tar, {.holes = 1 << 30}); },
              ThrowsMessage<Error>(
                  "layer entry 3 'sparse/huge': the layer's sparse files have holes of more than 1073741824 bytes"));
}

TEST(LayerIndex, MapsAFile) {
  TempDir directory;
  const auto path = directory.path() / "index";
  write_file(path, index_of(tar_of({"f a x", "d b"})));
  LayerIndex index{path};
  const LayerIndex moved{std::move(index)};
  EXPECT_EQ(moved.size(), 2U);
  EXPECT_EQ(moved.path(1), "b");
}

TEST(LayerIndex, KnowsWhereTheLayerCanBeEntered) {
  using archive::FramePoint;
  archive::FramePoints points;
  constexpr std::uint64_t kFirst = archive::FramePoints::kApart, kSecond = kFirst + (1 << 20);
  points.add({100, kFirst});
  points.add({200, kSecond});
  const std::string file = index_of(tar_of({"f a x", "d b"}), points);
  const LayerIndex index{as_bytes(file), "test"};
  EXPECT_EQ(index.path(1), "b");
  EXPECT_EQ(index.frame_before(0), FramePoint{});
  EXPECT_EQ(index.frame_before(kFirst - 1), FramePoint{});
  EXPECT_EQ(index.frame_before(kFirst), (FramePoint{100, kFirst}));
  EXPECT_EQ(index.frame_before(kSecond - 1), (FramePoint{100, kFirst}));
  EXPECT_EQ(index.frame_before(kSecond), (FramePoint{200, kSecond}));
  EXPECT_EQ(index.frame_before(UINT64_MAX), (FramePoint{200, kSecond}));

  const std::string without = index_of(tar_of({"f a x"}));
  EXPECT_EQ((LayerIndex{as_bytes(without), "test"}.frame_before(UINT64_MAX)), FramePoint{});
}

TEST(LayerIndex, NoticesEveryDamagedByte) {
  archive::FramePoints points;
  points.add({100, archive::FramePoints::kApart});
  const std::string good = index_of(tar_of({"f a x", "l b a"}), points);
  for (std::size_t at = 0; at < good.size(); ++at) {
    std::string bad = good;
    bad[at] = static_cast<char>(bad[at] ^ 1);
    EXPECT_THROW((LayerIndex{as_bytes(bad), "test"}), Error) << at;
  }
  for (std::size_t size = 0; size < good.size(); ++size)
    EXPECT_THROW((LayerIndex{as_bytes(good).first(size), "test"}), Error) << size;
}

TEST(LayerIndex, SaysWhatIsWrongWithAFile) {
  const std::string good = index_of(tar_of({"f a x"}));
  std::string other = good, newer = good, torn = good;
  other[0] = 'x';
  newer[8] = 99;
  torn.replace(20, 100, 100, '\0');
  EXPECT_THAT([] { LayerIndex(as_bytes("short"), "index"); },
              ThrowsMessage<Error>("index: it has 5 bytes, at least 56 are needed"));
  EXPECT_THAT([&] { LayerIndex(as_bytes(other), "index"); }, ThrowsMessage<Error>("index: it is not a layer index"));
  EXPECT_THAT([&] { LayerIndex(as_bytes(newer), "index"); },
              ThrowsMessage<Error>("index: its version is 99, expected 3"));
  EXPECT_THAT([&] { LayerIndex(as_bytes(torn), "index"); },
              ThrowsMessage<Error>("index: it is damaged: its checksum does not fit"));
  EXPECT_THAT([&] { LayerIndex(as_bytes(good), "index").entry(1); },
              ThrowsMessage<Error>("index: it has 1 entries, and entry 1 was asked for"));
}

struct BadLayer {
  const char* name;
  std::string tar;
  std::string message;
  LayerLimits limits = {};
};

std::string one(archive::TarHeader header, std::string_view content = {}) {
  std::string tar;
  append_tar_entry(tar, std::move(header), content);
  return tar;
}

TEST(LayerIndex, RefusesWhatCannotBeALayer) {
  const std::string nine = one({.path = "a"}) + one({.path = "b"});
  const BadLayer cases[] = {
      {"OutOfRoot", nine + one({.path = "../x"}), "layer entry 3 '../x': it leads out of the image's root"},
      {"OutOfRootInside", one({.path = "a/../../x"}), "layer entry 1 'a/../../x': it leads out of the image's root"},
      {"AbsoluteOutOfRoot", one({.path = "/../x"}), "layer entry 1 '/../x': it leads out of the image's root"},
      {"HardLinkOutOfRoot", one({.path = "x", .type = '1', .link = "../../etc/shadow"}),
       "layer entry 1 'x': it leads out of the image's root"},
      {"HardLinkToRoot", one({.path = "x", .type = '1', .link = "/"}),
       "layer entry 1 'x': it is a hard link to the image's root"},
      {"FileAsRoot", one({.path = "."}), "layer entry 1 '.': it would replace the image's root, which is a directory"},
      {"SymlinkToNothing", one({.path = "x", .type = '2'}), "layer entry 1 'x': it is a symlink without a target"},
      {"LongName", one({.path = "d/" + std::string(256, 'n')}),
       concat("layer entry 1 'd/", std::string(256, 'n'), "': a name in it has 256 bytes, Linux allows 255")},
      {"WhiteoutOfNothing", one({.path = "d/.wh."}),
       "layer entry 1 'd/.wh.': it is a whiteout of '', which names no file"},
      {"WhiteoutOfParent", one({.path = "d/.wh..."}),
       "layer entry 1 'd/.wh...': it is a whiteout of '..', which names no file"},
      {"CutOff", one({.path = "a"}, "content").substr(0, 515),
       "layer entry 1 'a': the tar is cut off at byte 515, in the content of 'a'"},
      {"NotATar", std::string(600, 'n'),
       "layer entry 1: tar header at byte 0: its checksum is not a number, expected 55696"},
      {"Entries", nine, "layer entry 2 'b': the layer has more than 1 entries", {.entries = 1}},
      {"PathLimit",
       one({.path = "abc/def"}),
       "layer entry 1 'abc/def': its path is 7 bytes long, at most 6 are accepted",
       {.path = 6}},
      {"LinkLimit",
       one({.path = "x", .type = '2', .link = "1234567"}),
       "layer entry 1 'x': its link target is 7 bytes long, at most 6 are accepted",
       {.link = 6}},
      {"XattrLimit",
       one({.path = "x", .records = {{"SCHILY.xattr.user.a", "12345"}}}),
       "layer entry 1 'x': its extended attributes are 11 bytes long, at most 10 are accepted",
       {.xattrs = 10}},
      {"TarSize", nine, "layer: its tar has more than 512 bytes uncompressed", {.tar_size = 512}},
      {"Metadata", nine + nine, "layer entry 3 'a': the layer's metadata has more than 100 bytes", {.metadata = 100}},
  };
  for (const BadLayer& c : cases) {
    SCOPED_TRACE(c.name);
    try {
      index_of(c.tar, c.limits);
      ADD_FAILURE() << "it was accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.message(), c.message);
    }
  }
}

/// A tar of one large file of zeros that is never in memory.
class ZeroBomb final : public Source {
 public:
  explicit ZeroBomb(std::uint64_t size) : left_{size} {
    archive::append_tar_header(header_, {.path = "bomb", .size = size});
  }
  std::size_t read(MutableBytes into) override {
    if (!header_.empty()) {
      const std::size_t size = std::min(into.size(), header_.size());
      std::copy_n(as_bytes(header_).begin(), size, into.begin());
      header_.erase(0, size);
      return size;
    }
    const std::size_t size = std::min<std::uint64_t>(into.size(), left_);
    std::fill_n(into.begin(), size, std::byte{0});
    left_ -= size;
    return size;
  }

 private:
  std::string header_;
  std::uint64_t left_;
};

TEST(LayerIndex, StopsATarBombByItsRatio) {
  ZeroBomb bomb{std::uint64_t{10} << 30};
  StringSink sink;
  EXPECT_THAT([&] { write_layer_index(bomb, sink, {.compressed_size = 50000}); },
              ThrowsMessage<Error>(testing::StartsWith("layer: 50000 bytes became more than 100")));
}

struct PathCase {
  std::string_view path, clean;
};
TEST(LayerPath, IsCleaned) {
  const PathCase cases[] = {
      {"", ""},
      {"/", ""},
      {".", ""},
      {"./", ""},
      {"a", "a"},
      {"./a/", "a"},
      {"/a/b", "a/b"},
      {"a//b/./c/", "a/b/c"},
      {"a/../b", "b"},
      {"a/b/../../c", "c"},
      {"a/..", ""},
      {"...", "..."},
      {"..a/b..", "..a/b.."},
      {"a///", "a"},
      {"./.", ""},
  };
  for (const PathCase& c : cases) EXPECT_EQ(clean_layer_path(c.path), c.clean) << c.path;
  EXPECT_THAT([] { clean_layer_path("a/../.."); }, ThrowsMessage<Error>("it leads out of the image's root"));
  EXPECT_THAT([] { clean_layer_path("a/" + std::string(256, 'n')); },
              ThrowsMessage<Error>("a name in it has 256 bytes, Linux allows 255"));
}

struct WhiteoutCase {
  std::string_view path;
  Whiteout whiteout;
  std::string_view directory, name;
};
TEST(Whiteout, IsRecognised) {
  const WhiteoutCase cases[] = {
      {"a", Whiteout::none, {}, {}},
      {".wh.a", Whiteout::file, "", "a"},
      {"d/e/.wh.a", Whiteout::file, "d/e/", "a"},
      {".wh..wh..opq", Whiteout::opaque, "", ""},
      {"d/e/.wh..wh..opq", Whiteout::opaque, "d/e", ""},
      {"d/.wh..wh.aufs", Whiteout::plumbing, {}, {}},
      {".wh..wh.plnk/1.2", Whiteout::plumbing, {}, {}},
      {"d/.wh.x/y", Whiteout::plumbing, {}, {}},
      {"d/a.wh.b", Whiteout::none, {}, {}},
      {".wh", Whiteout::none, {}, {}},
  };
  for (const WhiteoutCase& c : cases) {
    const Whiteout whiteout = classify_whiteout(c.path);
    EXPECT_EQ(whiteout, c.whiteout) << c.path;
    if (whiteout != Whiteout::file && whiteout != Whiteout::opaque) continue;
    EXPECT_EQ(whiteout_subject(c.path, whiteout).directory, c.directory);
    EXPECT_EQ(whiteout_subject(c.path, whiteout).name, c.name);
  }
}

}  // namespace
}  // namespace kiln::tree
