#include "tree/layer_content.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "tree/test_layers.h"

namespace kiln::tree {
namespace {

/// "begin 3 SIZE DIGEST end 3" for every file; and the largest piece.
struct Recorder final : ContentVisitor {
  void begin(std::uint32_t entry, std::uint64_t promised) override { log += concat("begin ", entry, " ", promised); }
  void data(Bytes piece) override {
    EXPECT_FALSE(piece.empty());
    largest = std::max(largest, piece.size());
    size += piece.size();
    hasher.update(piece);
  }
  void end(std::uint32_t entry) override {
    log += concat(" ", size, " ", hasher.finish().hex().substr(0, 8), " end ", entry, "\n");
    size = 0;
  }
  std::string log;
  Sha256Hasher hasher;
  std::size_t largest = 0;
  std::uint64_t size = 0;
};

std::string read(const std::string& tar, const std::vector<std::uint32_t>& entries, std::size_t step) {
  const std::string file = index_of(tar);
  const LayerIndex index{as_bytes(file), "test"};
  archive::ChunkedSource source{tar, step};
  WholeTar layer{source};
  Recorder recorder;
  read_contents(index, layer, entries, recorder);
  return recorder.log;
}

TEST(LayerContent, WantedFilesInOnePass) {
  const std::string tar = tar_of({"f zero a", "d dir", "f one b", "f two c", "f empty", "f three a"});
  for (std::size_t step : archive::kSteps)
    EXPECT_EQ(read(tar, {0, 3, 4, 5}, step),
              "begin 0 1 1 ca978112 end 0\n"
              "begin 3 1 1 2e7d2c03 end 3\n"
              "begin 4 0 0 e3b0c442 end 4\n"
              "begin 5 1 1 ca978112 end 5\n")
        << step;
  EXPECT_EQ(read(tar, {}, 1), "");
}

/// Skips up to multiples of `apart`, as a layer of frames does, and counts what it was made to read.
class FramedTar final : public LayerTar {
 public:
  FramedTar(std::string_view data, std::uint64_t apart) : data_{data}, apart_{apart} {}
  std::size_t read(MutableBytes into) override {
    const std::string_view piece = data_.substr(position_, std::min(into.size(), std::size_t{512}));
    std::copy(piece.begin(), piece.end(), reinterpret_cast<char*>(into.data()));
    position_ += piece.size();
    bytes_read += piece.size();
    return piece.size();
  }
  std::uint64_t skip(std::uint64_t most) override {
    const std::uint64_t before = position_;
    position_ = std::max(before, (before + most) / apart_ * apart_);
    return position_ - before;
  }
  std::uint64_t bytes_read = 0;

 private:
  std::string_view data_;
  std::uint64_t apart_;
  std::uint64_t position_ = 0;
};

TEST(LayerContent, PassesOverFramesOfWhatIsNotWanted) {
  std::vector<std::string> lines;
  for (char name = 'a'; name <= 'z'; ++name)
    lines.push_back(concat("f ", std::string(1, name), " ", std::string(3000, name)));
  const std::string tar = tar_of(lines);
  const std::string file = index_of(tar);
  const LayerIndex index{as_bytes(file), "test"};
  const std::vector<std::uint32_t> wanted = {0, 12, 13, 25};
  for (const std::uint64_t apart : {1, 512, 4096, 10000, 1 << 20}) {
    FramedTar layer{tar, apart};
    Recorder recorder;
    read_contents(index, layer, wanted, recorder);
    EXPECT_EQ(recorder.log, read(tar, wanted, 512)) << apart;
    if (apart == 4096) {
      EXPECT_LT(layer.bytes_read, tar.size() / 3);
    }
    if (apart == 1 << 20) {
      EXPECT_GT(layer.bytes_read, tar.size() * 9 / 10);
    }
  }
}

TEST(LayerContent, StopsAfterTheLastWantedFile) {
  const std::string tar = tar_of({"f first a", "f second b"});
  const std::string file = index_of(tar);
  const LayerIndex index{as_bytes(file), "test"};
  archive::ChunkedSource source{std::string_view{tar}.substr(0, 600), 100};  // the second is missing
  WholeTar layer{source};
  Recorder recorder;
  const std::uint32_t wanted[] = {0};
  read_contents(index, layer, wanted, recorder);
  EXPECT_EQ(recorder.log, "begin 0 1 1 ca978112 end 0\n");
}

TEST(LayerContent, HolesComeAsZerosInSmallPieces) {
  const std::string tar = read_file(KILN_TESTDATA "/../../archive/testdata/tar/sparse-gnu.tar");
  for (std::size_t step : {std::size_t{513}, std::size_t{1} << 20}) {
    // The index of the first four entries would hash 10 GB of zeros; sparse/pieces begins a tar of its own at 5632.
    const std::string rest = tar.substr(5632);
    const std::string file = index_of(rest);
    const LayerIndex index{as_bytes(file), "test"};
    archive::ChunkedSource source{rest, step};
    WholeTar layer{source};
    Recorder recorder;
    const std::uint32_t wanted[] = {0, 1};
    read_contents(index, layer, wanted, recorder);
    EXPECT_EQ(recorder.log, concat("begin 0 5242880 5242880 ", index.entry(0).content.hex().substr(0, 8),
                                   " end 0\nbegin 1 6 6 ", Sha256::of("plain\n").hex().substr(0, 8), " end 1\n"));
    EXPECT_LE(recorder.largest, 256U * 1024);
    std::string content(5242880, '\0');
    for (int i = 0; i < 5; ++i) content.replace(static_cast<std::size_t>(i) << 20, 8, concat("piece ", i, "\n"));
    EXPECT_EQ(index.entry(0).content, Sha256::of(content));
  }
}

TEST(LayerContent, SaysWhatIsWrong) {
  const std::string tar = tar_of({"f first a", "d dir", "f second b"});
  const std::string file = index_of(tar);
  const LayerIndex index{as_bytes(file), "test"};
  const auto reading = [&](std::vector<std::uint32_t> entries, std::size_t size) {
    MemorySource source{as_bytes(tar).first(size)};
    WholeTar layer{source};
    Recorder recorder;
    read_contents(index, layer, entries, recorder);
  };
  using testing::ThrowsMessage;
  EXPECT_THAT([&] { reading({1}, tar.size()); },
              ThrowsMessage<Error>("layer entry 2 'dir': it has no content, as it is not a regular file"));
  EXPECT_THAT(
      [&] {
        reading({2, 0}, tar.size());
      },
      ThrowsMessage<Error>("layer file 'first': its content lies before that of the file read last"));
  EXPECT_THAT(
      [&] {
        reading({0, 2}, 1000);
      },
      ThrowsMessage<Error>("the layer's tar ends at byte 1000, in or before the content of 'second'"));
}

}  // namespace
}  // namespace kiln::tree
