#include "package/layer.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "archive/decompress.h"
#include "base/error.h"

namespace kiln::package {
namespace {

LayerFile directory(std::int64_t time) {
  LayerFile file;
  file.type = '5';
  file.mode = 0755;
  file.mtime = time;
  return file;
}

/// One line an entry, from the ustar headers (no pax headers are needed here).
std::string list(const std::string& tar) {
  std::string text;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    const char* header = tar.data() + at;
    const std::size_t size = std::stoul(std::string{header + 124, 11}, nullptr, 8);
    text += concat(header[156], " ", std::string{header + 100, 7}, " ", header);
    if (header[157] != '\0') text += concat(" -> ", header + 157);
    if (size > 0) text += concat(" = ", tar.substr(at + 512, size));
    text += '\n';
    at += 512 + (size + 511) / 512 * 512;
  }
  return text;
}

class Layers : public testing::Test {
 protected:
  LayerFile file(std::string_view content, std::uint32_t mode = 0644) {
    LayerFile out;
    out.mode = mode;
    out.content = spool_.append(content);
    return out;
  }
  std::string tar(const std::map<std::string, LayerFile>& files) {
    StringSink out;
    write_tar(
        files, [](std::string_view) { return directory(5); }, spool_, out);
    return out.take();
  }

  TempDir directory_;
  Spool spool_{directory_.path()};
};

TEST_F(Layers, AreSortedAndComplete) {
  std::map<std::string, LayerFile> files;
  files["usr/bin/tool"] = file("program", 0755);
  files["usr.txt"] = file("text");
  files["usr/bin"] = directory(9);
  LayerFile symlink;
  symlink.type = '2';
  symlink.mode = 0777;
  symlink.link = "usr/bin";
  files["bin"] = symlink;
  files["empty"] = file("");
  EXPECT_EQ(list(tar(files)),
            "2 0000777 bin -> usr/bin\n"
            "0 0000644 empty\n"
            "5 0000755 usr/\n"
            "5 0000755 usr/bin/\n"
            "0 0000755 usr/bin/tool = program\n"
            "0 0000644 usr.txt = text\n");
}

TEST_F(Layers, LinkWhatHasTheSameContent) {
  std::map<std::string, LayerFile> files;
  files["b"] = file("shared");
  files["a"] = files["b"];
  files["c"] = file("shared");  // equal bytes, but another file
  EXPECT_EQ(list(tar(files)), "0 0000644 a = shared\n1 0000644 b -> a\n0 0000644 c = shared\n");
}

TEST_F(Layers, DependOnNothingButTheirFiles) {
  std::map<std::string, LayerFile> files;
  files["a"] = file("one");
  files["b"] = file("two");
  Spool other{directory_.path()};
  other.append("padding that moves every offset");
  std::map<std::string, LayerFile> again;
  again["b"].content = other.append("two");
  again["a"].content = other.append("one");
  StringSink out;
  write_tar(
      again, [](std::string_view) { return directory(5); }, other, out);
  EXPECT_EQ(out.text(), tar(files));
}

TEST_F(Layers, GoIntoTheStore) {
  oci::Store store{directory_.path() / "store"};
  std::map<std::string, LayerFile> files;
  files["a"] = file("one");
  files["b"] = files["a"];
  files["empty"] = file("");
  const StoredLayer layer = store_layer(
      files, [](std::string_view) { return directory(5); }, spool_, store);
  EXPECT_EQ(layer.diff_id, oci::Digest::of(tar(files)));
  EXPECT_EQ(layer.content_size, 3U);
  EXPECT_TRUE(store.has(layer.descriptor));
  EXPECT_EQ(layer.descriptor.media_type, oci::media_type::kLayerZstd);
}

TEST_F(Layers, AreCutIntoFrames) {
  oci::Store store{directory_.path() / "store"};
  std::map<std::string, LayerFile> files;
  std::string large(5 << 19, 'x');  // 2.5 MiB
  for (std::size_t i = 0; i < large.size(); i += 100) large[i] = static_cast<char>(i % 251);
  files["large"] = file(large);
  const StoredLayer layer = store_layer(
      files, [](std::string_view) { return directory(5); }, spool_, store);
  const std::string blob = read_file(store.blob_path(layer.descriptor.digest));
  MemorySource source{as_bytes(blob)};
  archive::FramePoints points;
  StringSink out;
  copy(*archive::decompress(source, "layer", &points), out);
  EXPECT_EQ(out.text(), tar(files));
  ASSERT_EQ(points.all().size(), 2U);
  EXPECT_EQ(points.all()[1].uncompressed, 2U << 20);
}

}  // namespace
}  // namespace kiln::package
