#include "build/layers.h"

#include <gtest/gtest.h>

#include <map>

#include "archive/compress.h"
#include "archive/tar_writer.h"
#include "base/error.h"
#include "base/file.h"
#include "oci/store.h"

namespace kiln::build {
namespace {

struct Contents final : tree::ContentVisitor {
  void begin(std::uint32_t entry, std::uint64_t) override { current = entry; }
  void data(Bytes piece) override { files[current] += as_text(piece); }
  void end(std::uint32_t) override {}
  std::uint32_t current = 0;
  std::map<std::uint32_t, std::string> files;
};

/// No two pieces of it are alike.
std::string content(std::size_t size, int seed) {
  std::string text;
  for (std::size_t i = 0; text.size() < size; ++i) text += concat(seed, ":", i * 7919 % 1000003, " ");
  return text.substr(0, size);
}

TEST(Layers, AreReadFromWhereAFrameBegins) {
  std::vector<std::string> files;
  std::string tar;
  for (int i = 0; i < 6; ++i) {
    files.push_back(content(500'000, i));
    archive::TarHeader header;
    header.path = concat("file", i);
    header.size = files.back().size();
    archive::append_tar_header(tar, header);
    tar += files.back();
    tar.append(archive::tar_padding(files.back().size()), '\0');
  }
  tar += archive::tar_end();

  for (const archive::Codec codec : {archive::Codec::gzip, archive::Codec::zstd}) {
    const TempDir directory;
    oci::Store store{directory.path()};
    archive::FrameCompressor compressor{codec, archive::default_level(codec)};
    std::string blob;
    archive::Room room;
    for (std::string_view rest = tar; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 300'000)))
      blob += as_text(compressor.compress(as_bytes(rest.substr(0, 300'000)), room));
    oci::Image image;
    image.reference = oci::Reference::parse("framed");
    image.manifest.layers.push_back(store.put(blob, oci::media_type::kLayerTar));

    SilentReporter reporter;
    Layers layers{store, reporter};
    const Layer& layer = layers.layer(layers.of_image(image)[0]);
    EXPECT_GT(layer.index.frame_before(UINT64_MAX).uncompressed, 2'000'000U);
    for (const std::vector<std::uint32_t>& wanted :
         {std::vector<std::uint32_t>{5}, {0, 5}, {1, 3}, {0, 1, 2, 3, 4, 5}}) {
      Contents contents;
      tree::read_contents(layer.index, *layers.open(layer), wanted, contents);
      ASSERT_EQ(contents.files.size(), wanted.size());
      for (const std::uint32_t entry : wanted) EXPECT_TRUE(contents.files[entry] == files[entry]) << entry;
    }
    const std::unique_ptr<tree::LayerTar> stream = layers.open(layer);
    EXPECT_GT(stream->skip(tar.size()), 2'000'000U) << "frames are passed over unread";
  }
}

}  // namespace
}  // namespace kiln::build
