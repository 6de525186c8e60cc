#include <memory>

#include "archive/fuzz_support.h"
#include "base/error.h"
#include "tree/layer_content.h"
#include "tree/merge.h"

// A hostile tar as a layer, all the way: index, merged over itself, every file's content read back and compared.
namespace {

using namespace kiln;

struct Checker final : tree::ContentVisitor {
  explicit Checker(const tree::LayerIndex& index_) : index{index_} {}
  void begin(std::uint32_t, std::uint64_t) override {}
  void data(Bytes piece) override { hasher.update(piece); }
  void end(std::uint32_t entry) override {
    if (hasher.finish() != index.entry(entry).content) __builtin_trap();
  }
  const tree::LayerIndex& index;
  Sha256Hasher hasher;
};

void read_back(const tree::LayerIndex& index, Bytes tar) {
  std::vector<std::uint32_t> files;
  for (std::uint32_t i = 0; i < index.size(); ++i)
    if (index.summary(i).kind == tree::Kind::regular) files.push_back(i);
  MemorySource source{tar};
  Checker checker{index};
  tree::WholeTar layer{source};
  tree::read_contents(index, layer, files, checker);
}

void merge_over_itself(const tree::LayerIndex& index) {
  const tree::LayerIndex* const layers[] = {&index, &index};
  try {
    for (const tree::Node& node : tree::merge(layers))
      if (node.kind == tree::Kind::hard_link || node.layer > 1 || node.target_layer > node.layer) __builtin_trap();
  } catch (const Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text = archive::with_good_checksums(data, size);
  const Bytes tar = as_bytes(text);
  MemorySource source{tar};
  StringSink sink;
  try {
    tree::write_layer_index(source, sink, {.holes = 1 << 20});
  } catch (const Error&) {
    return 0;
  }
  const tree::LayerIndex index{as_bytes(sink.text()), "fuzz"};  // what was accepted must be good
  read_back(index, tar);
  merge_over_itself(index);
  return 0;
}
