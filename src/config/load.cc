#include "config/load.h"

#include <map>
#include <optional>
#include <tuple>

#include "base/error.h"
#include "config/document.h"

namespace kiln::config {
namespace {

/// Resolves `@pkg:` and `@kiln:` where an image is expected, each package once. Other text that begins with '@' stays
/// as it is: LinuxKit would blank it (spec yaml.md §10).
class Templates {
 public:
  Templates(const PackageResolver& resolver, Diagnostics& diagnostics)
      : resolver_{resolver}, diagnostics_{diagnostics} {}

  void resolve(System& system, const std::string& directory) {
    if (system.kernel) resolve(system.kernel->image, system.kernel->where, directory);
    for (InitImage& init : system.init) resolve(init.image, init.where, directory);
    for (Volume& volume : system.volumes) resolve(volume.image, volume.where, directory);
    for (auto* section : {&system.onboot, &system.onshutdown, &system.services})
      for (Container& container : *section) resolve(container.image, container.where, directory);
  }

 private:
  void resolve(std::string& image, const Position& where, const std::string& directory) {
    for (const std::string_view scheme : {"pkg", "kiln"}) {
      const std::string prefix = concat("@", scheme, ":");
      if (image.starts_with(prefix))
        return resolve(image, std::string{scheme}, image.substr(prefix.size()), where, directory);
    }
  }

  void resolve(std::string& image, const std::string& scheme, const std::string& rest, const Position& where,
               const std::string& directory) {
    const auto [entry, is_new] = resolved_.try_emplace({scheme, rest, directory});
    if (is_new) {
      try {
        if (!resolver_) throw Error{"packages cannot be used here"};
        if (scheme == "pkg" && directory.empty())
          throw Error{"'@pkg:' is a directory beside the YAML file, and this one is from a URL"}.with_hint(
              "use a local copy of the file, or an image of the package");
        entry->second = resolver_(scheme, rest, directory);
      } catch (const Error& e) {
        diagnostics_.error(where, concat("package ", quote(image), ": ", e.message()), e.hint());
      }
    }
    if (!entry->second.empty()) image = entry->second;
  }

  const PackageResolver& resolver_;
  Diagnostics& diagnostics_;
  std::map<std::tuple<std::string, std::string, std::string>, std::string> resolved_;
};

template <typename T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

/// A later text wins if it is not empty; `tar` and `ucode` if they are given at all, so that "" clears them (§8).
void merge_kernel(std::optional<Kernel>& into, std::optional<Kernel>&& from) {
  if (!from) return;
  if (!into) {
    into = std::move(from);
    return;
  }
  if (!from->image.empty()) {
    into->image = from->image;
    into->where = from->where;
  }
  if (!from->cmdline.empty()) into->cmdline = from->cmdline;
  if (!from->binary.empty()) into->binary = from->binary;
  if (from->tar) into->tar = from->tar;
  if (from->ucode) into->ucode = from->ucode;
}

void merge(System& into, System&& from) {
  merge_kernel(into.kernel, std::move(from.kernel));
  append(into.init, std::move(from.init));
  append(into.volumes, std::move(from.volumes));
  append(into.onboot, std::move(from.onboot));
  append(into.onshutdown, std::move(from.onshutdown));
  append(into.services, std::move(from.services));
  append(into.files, std::move(from.files));
}

using Names = std::vector<std::pair<std::string, Position>>;

void check_unique(std::string_view what, const Names& names, Diagnostics& diagnostics) {
  std::map<std::string_view, const Position*> first;
  for (const auto& [name, where] : names) {
    const auto [entry, is_new] = first.emplace(name, &where);
    if (!is_new)
      diagnostics.error(
          where, concat("duplicate ", what, " name: ", quote(name), ", first given at ", entry->second->to_string()));
  }
}

std::vector<Document> decode_all(const std::vector<Input>& inputs, Diagnostics& diagnostics,
                                 const OptionsCheck& check = {}) {
  std::vector<Document> documents;
  for (const Input& input : inputs) {
    Decoder decoder{input.name, diagnostics, &check};
    const NodePtr root = parse_yaml(input.text, input.name, diagnostics, Limits{});
    documents.push_back(root ? decode_document(decoder, *root) : Document{});
  }
  return documents;
}

/// What holds between all files: distinct service and volume names, and a volume for every use of one.
void check_together(const std::vector<Document>& documents, Diagnostics& diagnostics) {
  Names services, volume_names;
  std::vector<Volume> volumes;
  for (const Document& document : documents) {
    services.insert(services.end(), document.service_positions.begin(), document.service_positions.end());
    volumes.insert(volumes.end(), document.system.volumes.begin(), document.system.volumes.end());
  }
  for (const Volume& volume : volumes) volume_names.emplace_back(volume.name, volume.where);
  check_unique("service", services, diagnostics);
  check_unique("volume", volume_names, diagnostics);
  for (const Document& document : documents) check_volume_uses(document.volume_uses, volumes, diagnostics);
}

System merge_all(std::vector<Document> documents) {
  System system;
  for (Document& document : documents) merge(system, std::move(document.system));
  for (auto* section : {&system.onboot, &system.onshutdown, &system.services})
    for (Container& container : *section) resolve_volumes(container);
  return system;
}

}  // namespace

std::vector<OutputFormat> output_formats(const std::vector<Input>& inputs) {
  Diagnostics diagnostics;
  std::vector<OutputFormat> formats;
  for (Document& document : decode_all(inputs, diagnostics)) append(formats, std::move(document.outputs));
  return formats;
}

System load(const std::vector<Input>& inputs, const PackageResolver& resolve_package, const OptionsCheck& check) {
  Diagnostics diagnostics;
  std::vector<Document> documents = decode_all(inputs, diagnostics, check);
  check_together(documents, diagnostics);
  diagnostics.throw_if_any();

  // Resolving may build packages, which takes minutes: only for a configuration that is right so far.
  Templates templates{resolve_package, diagnostics};
  for (std::size_t i = 0; i < inputs.size(); ++i) templates.resolve(documents[i].system, inputs[i].directory);
  diagnostics.throw_if_any();

  return merge_all(std::move(documents));
}

System load_shown(const Input& input) {
  Diagnostics diagnostics;
  Decoder decoder{input.name, diagnostics};
  std::vector<Document> documents(1);
  if (const NodePtr root = parse_yaml(input.text, input.name, diagnostics, Limits{})) {
    Node said = *root;
    std::erase_if(said.entries, [](const Node::Entry& entry) { return entry.value->kind == Node::Kind::null; });
    documents.front() = decode_document(decoder, said);
  }
  check_together(documents, diagnostics);
  diagnostics.throw_if_any();
  return merge_all(std::move(documents));
}

}  // namespace kiln::config
