#include <gtest/gtest.h>

#include <map>
#include <random>

#include "base/error.h"
#include "tree/merge.h"
#include "tree/path_sort.h"
#include "tree/test_layers.h"

// merge() against an obvious and slow applier that does to a map what unpacking layer by layer does to a directory.

namespace kiln::tree {
namespace {

using Entry = std::pair<std::uint32_t, std::uint32_t>;  // layer, entry

struct Thing {
  Entry from;
  Entry target;  ///< hard links: what they are a name of
  Kind kind = Kind::regular;
  bool broken = false;
};

struct ByComponents {
  bool operator()(const std::string& a, const std::string& b) const { return compare_paths(a, b) < 0; }
};
using State = std::map<std::string, Thing, ByComponents>;

void erase_below(State& state, const std::string& path) {
  std::erase_if(state, [&](const auto& item) { return is_below(item.first, path); });
}

void apply_whiteouts(State& state, const LayerIndex& layer) {
  for (std::size_t i = 0; i < layer.size(); ++i) {
    const auto summary = layer.summary(i);
    if (summary.whiteout != Whiteout::file && summary.whiteout != Whiteout::opaque) continue;
    const WhiteoutSubject subject = whiteout_subject(summary.path, summary.whiteout);
    const std::string path = concat(subject.directory, subject.name);
    erase_below(state, path);
    if (summary.whiteout == Whiteout::file) state.erase(path);
  }
}

void make_parents(State& state, const std::string& path) {
  for (std::size_t slash = path.find('/'); slash != std::string::npos; slash = path.find('/', slash + 1)) {
    const auto parent = state.find(path.substr(0, slash));
    if (parent != state.end() && parent->second.kind != Kind::directory) state.erase(parent);
  }
}

void apply_entry(State& state, const LayerIndex& layer, Entry at) {
  const LayerEntry entry = layer.entry(at.second);
  const std::string path{entry.path};
  Thing thing{at, at, entry.kind, false};
  if (entry.kind == Kind::hard_link) {
    const auto target = state.find(std::string{entry.link});
    thing.broken = target == state.end() || target->second.broken || target->second.kind == Kind::directory;
    if (!thing.broken) thing.target = target->second.target;
    thing.kind = thing.broken ? Kind::regular : target->second.kind;
  }
  make_parents(state, path);
  if (entry.kind != Kind::directory) erase_below(state, path);
  state[path] = thing;
}

std::string expected(const std::vector<const LayerIndex*>& layers) {
  State state;
  for (std::uint32_t layer = 0; layer < layers.size(); ++layer) {
    apply_whiteouts(state, *layers[layer]);
    for (std::uint32_t i = 0; i < layers[layer]->size(); ++i)
      if (layers[layer]->summary(i).whiteout == Whiteout::none) apply_entry(state, *layers[layer], {layer, i});
  }
  std::map<Entry, int> names;
  for (const auto& [path, thing] : state) {
    if (thing.broken) return "error";
    ++names[thing.target];
  }
  std::vector<Node> nodes;
  for (const auto& [path, thing] : state)
    nodes.push_back({path, thing.from.first, thing.from.second, thing.target.first, thing.target.second, thing.kind,
                     names[thing.target] > 1});
  return dump(nodes, layers);
}

std::string actual(const std::vector<const LayerIndex*>& layers) {
  try {
    return dump(merge(layers), layers);
  } catch (const Error&) {
    return "error";
  }
}

class RandomLayers {
 public:
  explicit RandomLayers(unsigned seed) : random_{seed} {}

  std::vector<std::vector<std::string>> layers() {
    std::vector<std::vector<std::string>> layers(1 + below(4));
    for (auto& layer : layers)
      for (unsigned i = below(9); i-- > 0;) layer.push_back(line());
    return layers;
  }

 private:
  unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }

  /// From so few names that they collide all the time.
  std::string path() {
    static const char* const kNames[] = {"a", "b", "a-b", "b.c"};
    std::string path = kNames[below(4)];
    for (unsigned depth = below(3); depth > 0; --depth) path += concat("/", kNames[below(3)]);
    return path;
  }

  std::string whiteout() {
    const std::string about = path();
    const std::size_t base = about.rfind('/') + 1;
    return concat("f ", about.substr(0, base), ".wh.", below(3) == 0 ? ".wh..opq" : about.substr(base));
  }

  std::string line() {
    switch (below(8)) {
      case 0:
      case 1:
        return whiteout();
      case 2:
      case 3:
        return concat("d ", path());
      case 4:
        return concat("h ", path(), " ", path());
      case 5:
        return concat("p ", path());
      default:
        return concat("f ", path(), " ", below(5));
    }
  }

  std::mt19937 random_;
};

TEST(MergeProperty, AgreesWithUnpackingLayerByLayer) {
  unsigned errors = 0;
  for (unsigned seed = 0; seed < 10000; ++seed) {
    const auto lines = RandomLayers{seed}.layers();
    const Layers layers{lines};
    const auto pointers = layers.pointers();
    const std::string wanted = expected(pointers);
    errors += wanted == "error";
    ASSERT_EQ(actual(pointers), wanted) << "seed " << seed << ": " << testing::PrintToString(lines);
  }
  EXPECT_LT(errors, 5000U) << "too few cases get beyond a broken link";
}

TEST(PathSort, AgreesWithComparison) {
  std::mt19937 random{7};
  for (int round = 0; round < 200; ++round) {
    std::vector<std::string> paths(random() % 100);
    for (std::string& path : paths)
      for (auto size = random() % 30; path.size() < size;) path += "/.-a\xff\x01"[random() % 6];
    std::vector<PathItem> items;
    for (std::uint32_t i = 0; i < paths.size(); ++i)
      items.push_back({0, paths[i].data(), static_cast<std::uint32_t>(random() % 3), i,
                       static_cast<std::uint16_t>(paths[i].size()), 0, 0});
    sort_by_path(items);
    for (std::size_t i = 1; i < items.size(); ++i) {
      const int order = compare_paths(items[i - 1].path(), items[i].path());
      ASSERT_TRUE(order < 0 || (order == 0 && items[i - 1].time() < items[i].time()))
          << items[i - 1].path() << " " << items[i].path();
    }
  }
}

}  // namespace
}  // namespace kiln::tree
