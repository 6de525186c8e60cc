#include "config/document.h"

#include <algorithm>

namespace kiln::config {
namespace {

struct KernelEntry {
  std::string image, cmdline, binary;
  std::optional<std::string> tar, ucode;
};

/// Of Docker Content Trust, which is gone: read so that old files go on working, then dropped.
struct Trust {
  std::vector<std::string> image, org;
};

/// An element of `outputs`. What says where in a cloud the output goes has no meaning any more.
struct OutputEntry {
  std::string format, project, bucket, family, keys;
  bool is_public = false, replace = false;
};

constexpr Key<OutputEntry> kOutputKeys[] = {
    key<&OutputEntry::format>("format"),   key<&OutputEntry::project>("project"),
    key<&OutputEntry::bucket>("bucket"),   key<&OutputEntry::family>("family"),
    key<&OutputEntry::keys>("keys"),       key<&OutputEntry::is_public>("public"),
    key<&OutputEntry::replace>("replace"),
};
constexpr Key<KernelEntry> kKernelKeys[] = {
    key<&KernelEntry::image>("image"), key<&KernelEntry::cmdline>("cmdline"), key<&KernelEntry::binary>("binary"),
    key<&KernelEntry::tar>("tar"),     key<&KernelEntry::ucode>("ucode"),
};
constexpr Key<Trust> kTrustKeys[] = {key<&Trust::image>("image"), key<&Trust::org>("org")};
constexpr Key<Volume> kVolumeKeys[] = {
    key<&Volume::name>("name"),     key<&Volume::image>("image"),         key<&Volume::readonly>("readonly"),
    key<&Volume::format>("format"), key<&Volume::platforms>("platforms"),
};

/// The name of an element for messages, if it has one.
std::string_view name_of(const Node& node, std::string_view key) {
  const Node* name = node.kind == Node::Kind::mapping ? node.find(key) : nullptr;
  return name && name->kind == Node::Kind::string ? std::string_view{name->text} : std::string_view{};
}

/// An element of a list: "service 'web'", or "service item 2" while it has no name.
Place place_of_element(std::string_view kind, const Node& node, std::string_view name_key, std::size_t index) {
  const std::string_view name = name_of(node, name_key);
  return {nullptr, kind, name, name.empty() ? index + 1 : 0};
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

/// A container's name becomes a directory of the image: it must be one component that stays where it is put.
std::string problem_with_name(std::string_view name) {
  constexpr std::size_t kLongest = 240;  // NAME_MAX less the "NNN-" of onboot, with some room
  if (name.empty()) return "name is empty";
  if (name == "." || name == "..") return concat("name ", quote(name), " is not allowed");
  if (name.find('/') != std::string_view::npos) return concat("name ", quote(name), " has a '/' in it");
  if (std::any_of(name.begin(), name.end(), is_control))
    return concat("name ", quote(name), " has a control character in it");
  if (name.size() > kLongest) return concat("name is ", name.size(), " bytes long, at most ", kLongest, " are allowed");
  return "";
}

void read_container_name(Decoder& decoder, const Place& place, const Node& node, Container& out) {
  const Node* name = node.find("name");
  if (!name) return decoder.error(node, concat(place.to_string(), ": name is missing"));
  if (name->kind != Node::Kind::string) return decode(decoder, Place{&place, "", "name", 0}, *name, out.name);
  out.name = name->text;
  const std::string problem = problem_with_name(out.name);
  if (!problem.empty())
    decoder.error(*name, concat(place.to_string(), ": ", problem), "it becomes the name of a directory");
}

void read_container_image(Decoder& decoder, const Place& place, const Node& node, Container& out) {
  const Node* image = node.find("image");
  if (!image) return decoder.error(node, concat(place.to_string(), ": image is missing"));
  decode(decoder, Place{&place, "", "image", 0}, *image, out.image);
  out.where = decoder.position(*image);
  if (image->kind == Node::Kind::string && out.image.empty())
    decoder.error(*image, concat(place.to_string(), ": image is empty"));
}

void check_options(Decoder& decoder, const Place& place, const Node& node, const ContainerOptions& options) {
  const std::int64_t score = options.oom_score_adj.value_or(0);
  if (score < -1000 || score > 1000)
    decoder.error(*node.find("oomScoreAdj"), concat("'oomScoreAdj' of ", place.to_string(),
                                                    ": expected an integer from -1000 to 1000, got ", score));
}

void decode_containers(Decoder& decoder, const Node& node, std::string_view section, std::string_view kind,
                       std::vector<Container>& out, std::vector<VolumeUse>& uses) {
  if (node.kind != Node::Kind::sequence) return decoder.wrong_type(Place{nullptr, "", section, 0}, node, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = *node.items[i];
    const Place place = place_of_element(kind, item, "name", i);
    if (item.kind != Node::Kind::mapping) {
      decoder.wrong_type(place, item, "a mapping");
      continue;
    }
    Container container;
    read_container_name(decoder, place, item, container);
    read_container_image(decoder, place, item, container);
    decode_entries(decoder, place, item, container.options, {"name", "image"});
    check_options(decoder, place, item, container.options);
    decoder.check_options(place, item, container.options);
    collect_volume_uses(decoder, place, item, container.options, uses);
    out.push_back(std::move(container));
  }
}

void decode_kernel(Decoder& decoder, const Node& node, System& out) {
  const Place place{nullptr, "", "kernel", 0};
  KernelEntry entry;
  if (node.kind != Node::Kind::mapping) return decoder.wrong_type(place, node, "a mapping");
  decode_entries(decoder, place, node, entry);
  const Node* image = node.find("image");
  out.kernel =
      Kernel{entry.image, decoder.position(image ? *image : node), entry.cmdline, entry.binary, entry.tar, entry.ucode};
}

void decode_init(Decoder& decoder, const Node& node, System& out) {
  const Place place{nullptr, "", "init", 0};
  if (node.kind != Node::Kind::sequence) return decoder.wrong_type(place, node, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    InitImage init;
    decode(decoder, Place{&place, "", "", i + 1}, *node.items[i], init.image);
    init.where = decoder.position(*node.items[i]);
    if (node.items[i]->kind == Node::Kind::string && init.image.empty())
      decoder.error(*node.items[i], concat("item ", i + 1, " of 'init': image is empty"));
    out.init.push_back(std::move(init));
  }
}

bool is_volume_name_char(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-'; }

void check_volume(Decoder& decoder, const Place& place, const Node& node, const Volume& volume) {
  const Node* name = node.find("name");
  const bool good = !volume.name.empty() && volume.name.size() <= 240 &&
                    std::all_of(volume.name.begin(), volume.name.end(), is_volume_name_char);
  // LinuxKit lets the empty name pass, which would put the volume where all volumes are.
  if (!name || (name->kind == Node::Kind::string && !good))
    decoder.error(name ? *name : node, concat("invalid volume name: ", quote(volume.name)),
                  "use lower-case letters, digits, '-' and '_'");
  const Node* format = node.find("format");
  if (format && format->kind == Node::Kind::string && volume.format != "oci" && volume.format != "filesystem")
    decoder.error(
        *format, concat("'format' of ", place.to_string(), ": expected oci or filesystem, got ", quote(volume.format)));
}

void decode_volumes(Decoder& decoder, const Node& node, System& out) {
  if (node.kind != Node::Kind::sequence) return decoder.wrong_type(Place{nullptr, "", "volumes", 0}, node, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = *node.items[i];
    const Place place = place_of_element("volume", item, "name", i);
    if (item.kind != Node::Kind::mapping) {
      decoder.wrong_type(place, item, "a mapping");
      continue;
    }
    Volume volume;
    decode_entries(decoder, place, item, volume);
    const Node* image = item.find("image");
    volume.where = decoder.position(image ? *image : item);
    check_volume(decoder, place, item, volume);
    out.volumes.push_back(std::move(volume));
  }
}

void decode_files(Decoder& decoder, const Node& node, System& out) {
  if (node.kind != Node::Kind::sequence) return decoder.wrong_type(Place{nullptr, "", "files", 0}, node, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    File file;
    decode_file(decoder, place_of_element("file", *node.items[i], "path", i), *node.items[i], file);
    out.files.push_back(std::move(file));
  }
}

void decode_outputs(Decoder& decoder, const Node& node, Document& out) {
  if (node.kind != Node::Kind::sequence) return decoder.wrong_type(Place{nullptr, "", "outputs", 0}, node, "a list");
  for (std::size_t i = 0; i < node.items.size(); ++i) {
    const Node& item = *node.items[i];
    const Place place = place_of_element("output", item, "format", i);
    OutputEntry entry;
    decode_object(decoder, place, item, entry);
    const Node* format = item.kind == Node::Kind::mapping ? item.find("format") : nullptr;
    if (item.kind == Node::Kind::mapping && entry.format.empty() && (!format || format->kind == Node::Kind::string))
      decoder.error(format ? *format : item, concat(place.to_string(), ": format is missing"));
    out.outputs.push_back({entry.format, decoder.position(format ? *format : item)});
  }
}

void record_service_names(const Decoder& decoder, const Node& services, Document& out) {
  for (const NodePtr& item : services.items) {
    const Node* name = item->kind == Node::Kind::mapping ? item->find("name") : nullptr;
    if (name && name->kind == Node::Kind::string)
      out.service_positions.emplace_back(name->text, decoder.position(*name));
  }
}

/// The sections of a document (§2). The order of keys in the file does not matter.
struct Section {
  std::string_view name;
  void (*decode)(Decoder&, const Node&, Document&);
};

constexpr Section kSections[] = {
    {"kernel", [](Decoder& d, const Node& n, Document& out) { decode_kernel(d, n, out.system); }},
    {"init", [](Decoder& d, const Node& n, Document& out) { decode_init(d, n, out.system); }},
    {"volumes", [](Decoder& d, const Node& n, Document& out) { decode_volumes(d, n, out.system); }},
    {"onboot", [](Decoder& d, const Node& n,
                  Document& out) { decode_containers(d, n, "onboot", "onboot", out.system.onboot, out.volume_uses); }},
    {"onshutdown",
     [](Decoder& d, const Node& n, Document& out) {
       decode_containers(d, n, "onshutdown", "onshutdown", out.system.onshutdown, out.volume_uses);
     }},
    {"services",
     [](Decoder& d, const Node& n, Document& out) {
       decode_containers(d, n, "services", "service", out.system.services, out.volume_uses);
       record_service_names(d, n, out);
     }},
    {"files", [](Decoder& d, const Node& n, Document& out) { decode_files(d, n, out.system); }},
    {"outputs", [](Decoder& d, const Node& n, Document& out) { decode_outputs(d, n, out); }},
    {"trust",
     [](Decoder& d, const Node& n, Document&) {
       Trust trust;
       decode_object(d, Place{nullptr, "", "trust", 0}, n, trust);
     }},
};

}  // namespace

template <>
std::span<const Key<KernelEntry>> keys_of<KernelEntry>() {
  return kKernelKeys;
}
template <>
std::span<const Key<Trust>> keys_of<Trust>() {
  return kTrustKeys;
}
template <>
std::span<const Key<OutputEntry>> keys_of<OutputEntry>() {
  return kOutputKeys;
}
template <>
std::span<const Key<Volume>> keys_of<Volume>() {
  return kVolumeKeys;
}

Document decode_document(Decoder& decoder, const Node& root) {
  Document document;
  const Place place{nullptr, "the document", "", 0};
  if (root.kind != Node::Kind::mapping) {
    decoder.wrong_type(place, root, "a mapping with kernel, init, onboot, services and so on");
    return document;
  }
  for (const Node::Entry& entry : root.entries) {
    const auto* section = std::find_if(std::begin(kSections), std::end(kSections),
                                       [&](const Section& s) { return s.name == entry.key->text; });
    if (section != std::end(kSections)) {
      section->decode(decoder, *entry.value, document);
    } else {
      std::vector<std::string_view> valid;
      for (const Section& s : kSections) {
        if (s.name != "outputs") valid.push_back(s.name);  // known, but nothing to propose
      }
      decoder.unknown_key(place, *entry.key, valid);
    }
  }
  return document;
}

}  // namespace kiln::config
