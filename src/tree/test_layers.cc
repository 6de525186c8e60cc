#include "tree/test_layers.h"

#include <map>
#include <sstream>

#include "base/error.h"

namespace kiln::tree {

std::string tar_of(const std::vector<std::string>& lines) {
  std::string tar;
  for (const std::string& line : lines) {
    std::istringstream words{line};
    std::string what, path, rest;
    words >> what >> path >> rest;
    constexpr std::string_view kWords = "dflhcp", kTypes = "502136";
    const char type = kTypes[kWords.find(what)];
    const bool link = what == "l" || what == "h";
    archive::append_tar_entry(tar, {.path = path, .type = type, .mode = 0755, .link = link ? rest : ""},
                              what == "f" ? rest : "");
  }
  return tar += archive::tar_end();
}

Layers::Layers(const std::vector<std::vector<std::string>>& layers) {
  for (const auto& lines : layers) files_.push_back(index_of(tar_of(lines)));
  for (const std::string& file : files_) indexes_.push_back(std::make_unique<LayerIndex>(as_bytes(file), "test layer"));
}

std::vector<const LayerIndex*> Layers::pointers() const {
  std::vector<const LayerIndex*> pointers;
  for (const auto& index : indexes_) pointers.push_back(index.get());
  return pointers;
}

std::string dump(const std::vector<Node>& nodes, const std::vector<const LayerIndex*>& layers) {
  std::string out;
  std::map<std::pair<std::uint32_t, std::uint32_t>, std::size_t> shared;
  for (const Node& node : nodes) {
    const LayerEntry target = layers[node.target_layer]->entry(node.target_entry);
    constexpr std::string_view kWords = "dfl?ccp";
    out +=
        concat(node.layer, " ", kWords[static_cast<std::size_t>(node.kind)], " ", node.path.empty() ? "." : node.path);
    if (node.kind == Kind::regular) out += concat(" ", target.content.hex().substr(0, 8));
    if (node.kind == Kind::symlink) out += concat(" ", target.link);
    if (node.linked)
      out += concat(" =", shared.emplace(std::pair{node.target_layer, node.target_entry}, shared.size()).first->second);
    out += '\n';
  }
  return out;
}

}  // namespace kiln::tree
