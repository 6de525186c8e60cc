#include "build/sbom.h"

#include <fmt/chrono.h>

#include <ctime>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/file.h"
#include "oci/json.h"

namespace kiln::build {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kInToto = "application/vnd.in-toto+json";
constexpr std::string_view kPredicateType = "in-toto.io/predicate-type";
constexpr std::string_view kSpdxType = "https://spdx.dev/Document";
constexpr std::uint64_t kMostSbom = std::uint64_t{256} << 20;

// What is appended document by document.
constexpr const char* kLists[] = {"externalDocumentRefs",       "packages",      "files",      "snippets",
                                  "hasExtractedLicensingInfos", "relationships", "annotations"};

/// The prefix and a path of SPDX ("./usr/bin/x", "/usr/bin/x") as one clean path.
std::string joined(std::string_view prefix, std::string_view path) {
  const bool absolute = prefix.empty() && path.starts_with('/');
  std::string out = absolute ? "/" : std::string{prefix};
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    if (name.empty() || name == ".") continue;
    if (!out.empty() && out.back() != '/') out += '/';
    out += name;
  }
  return out;
}

void put_prefix(Json& list, const char* key, std::string_view prefix) {
  for (Json& element : list) {
    const auto name = element.is_object() ? element.find(key) : element.end();
    if (!element.is_object() || name == element.end() || !name->is_string()) continue;
    if (const auto& text = name->get_ref<const std::string&>(); !text.empty()) *name = joined(prefix, text);
  }
}

void append_document(Json& lists, const ImageSbom& sbom) {
  Json document;
  try {
    document = Json::parse(sbom.spdx);
  } catch (const nlohmann::json::exception&) {
    throw Error{sbom.name, ": its SBOM is not valid JSON"};
  }
  if (!document.is_object()) throw Error{sbom.name, ": its SBOM is no SPDX document"};
  for (const char* key : kLists) {
    const auto list = document.find(key);
    if (list == document.end() || list->is_null()) continue;
    if (!list->is_array()) throw Error{sbom.name, ": its SBOM has no list under ", quote(key)};
    if (key == std::string_view{"files"}) put_prefix(*list, "fileName", sbom.prefix);
    if (key == std::string_view{"packages"}) put_prefix(*list, "packageFileName", sbom.prefix);
    for (Json& element : *list) lists[key].push_back(std::move(element));
  }
}

/// A UUID that is a hash: version 8 of RFC 9562.
std::string uuid_of(std::string_view text) {
  std::string hex = Sha256::of(text).hex().substr(0, 32);
  hex[12] = '8';
  hex[16] = "89ab"[static_cast<unsigned>(hex[16]) & 3];
  for (const std::size_t dash : {8U, 13U, 18U, 23U}) hex.insert(dash, 1, '-');
  return hex;
}

std::string utc(std::int64_t seconds) {
  return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(static_cast<std::time_t>(seconds)));
}

std::string read_blob(const oci::Store& store, const oci::Descriptor& blob, const std::string& name) {
  UniqueFd fd = store.open(blob);
  FdSource source{fd.get(), name};
  return read_text(source, kMostSbom, name);
}

/// The predicate of an in-toto statement.
std::string predicate_of(const std::string& statement, const std::string& name) {
  const nlohmann::json parsed = oci::parse_json(statement, name);
  const auto predicate = parsed.is_object() ? parsed.find("predicate") : parsed.end();
  if (!parsed.is_object() || predicate == parsed.end()) throw Error{name, ": it has no predicate"};
  return predicate->dump();
}

bool is_spdx(const oci::Descriptor& layer) {
  const auto type = layer.annotations.find(std::string{kPredicateType});
  return layer.media_type == kInToto && type != layer.annotations.end() && type->second == kSpdxType;
}

class Collector {
 public:
  Collector(const oci::Platform& platform, const ImageFetcher& fetch, const oci::Store& store,
            const SbomMaker& otherwise)
      : platform_{platform}, fetch_{fetch}, store_{store}, otherwise_{otherwise} {}

  void add(const oci::Image* image, const std::string& prefix) {
    if (image == nullptr) return;
    const std::string name = concat("SBOM of ", quote(image->reference.canonical()));
    bool has_any = false;
    for (const oci::Descriptor& layer : attested_layers(*image, name)) {
      if (!is_spdx(layer)) continue;
      out_.push_back({name, predicate_of(read_blob(store_, layer, name), name), prefix});
      has_any = true;
    }
    if (has_any || !otherwise_) return;
    if (auto made = otherwise_(*image)) out_.push_back({name, *std::move(made), prefix});
  }

  std::vector<ImageSbom> take() { return std::move(out_); }

 private:
  /// Of the image's attestation, if it has one.
  std::vector<oci::Descriptor> attested_layers(const oci::Image& image, const std::string& name) const {
    const oci::ImageSet set = fetch_.images(image.reference, std::span{&platform_, 1});
    if (!oci::is_index(set.root.media_type)) return {};
    const oci::ImageSet::Member* attestation = nullptr;
    for (const oci::ImageSet::Member& member : set.members) {
      if (oci::attestation_target(member.descriptor) != image.descriptor.digest.to_string()) continue;
      if (attestation != nullptr) throw Error{name, ": the image has several attestations, expected one"};
      attestation = &member;
    }
    return attestation != nullptr ? attestation->manifest.layers : std::vector<oci::Descriptor>{};
  }

  const oci::Platform& platform_;
  const ImageFetcher& fetch_;
  const oci::Store& store_;
  const SbomMaker& otherwise_;
  std::vector<ImageSbom> out_;
};

}  // namespace

std::string merge_sboms(const std::vector<ImageSbom>& sboms, std::int64_t created) {
  Json lists = Json::object();
  for (const ImageSbom& sbom : sboms) append_document(lists, sbom);
  Json document;
  document["spdxVersion"] = "SPDX-2.3";
  document["dataLicense"] = "CC0-1.0";
  document["SPDXID"] = "SPDXRef-DOCUMENT";
  document["name"] = "sbom";
  document["documentNamespace"] = concat("https://github.com/linuxkit/linuxkit/sbom-", uuid_of(oci::dump_json(lists)));
  Json creation;
  creation["licenseListVersion"] = "3.20";
  creation["creators"] = {"Organization: LinuxKit", "Tool: linuxkit"};
  creation["created"] = utc(created);
  document["creationInfo"] = std::move(creation);
  for (const char* key : kLists) {
    if (lists.contains(key)) document[key] = std::move(lists[key]);
  }
  return oci::dump_json(document);
}

std::vector<ImageSbom> collect_sboms(const ResolvedSystem& system, const ImageFetcher& fetch, const oci::Store& store,
                                     const SbomMaker& otherwise) {
  Collector collector{system.platform, fetch, store, otherwise};
  if (system.kernel) collector.add(system.kernel->image, "");
  for (const ResolvedInit& init : system.init) collector.add(init.image, "");
  for (const ResolvedVolume& volume : system.volumes) collector.add(volume.image, volume.directory + "/lower/");
  for (const ResolvedContainer& container : system.containers) {
    if (container.owns_root) collector.add(container.image, container.root + "/");
  }
  return collector.take();
}

}  // namespace kiln::build
