#include "base/error.h"
#include "config/document.h"
#include "config/load.h"

namespace kiln::config {
namespace {

// A label comes from a stranger and holds a page of text at most.
constexpr Limits kLabelLimits{1 << 20, 20'000, 50, 20'000, 4 << 20};

}  // namespace

ContainerOptions parse_label(const std::string& json, const std::string& image) {
  ContainerOptions options;
  if (json.find_first_not_of(" \t\r\n") == std::string::npos) return options;
  Diagnostics diagnostics;
  const std::string name = concat("label org.mobyproject.config of image ", quote(image));
  Decoder decoder{name, diagnostics};
  const Place place{nullptr, "the label", "", 0};
  if (const NodePtr root = parse_yaml(json, name, diagnostics, kLabelLimits)) {
    if (root->kind == Node::Kind::mapping) {
      decode_entries(decoder, place, *root, options, {"name", "image"});
      for (const Node::Entry& entry : root->entries)
        if (entry.key->text == "name" || entry.key->text == "image")
          decoder.error(*entry.key, concat("the label sets ", quote(entry.key->text), ", which only the YAML may"));
    } else {
      decoder.wrong_type(place, *root, "a mapping");
    }
  }
  diagnostics.throw_if_any();
  return options;
}

}  // namespace kiln::config
