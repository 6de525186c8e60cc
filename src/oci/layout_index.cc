#include "oci/layout_index.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"
#include "oci/descriptor_json.h"
#include "oci/json.h"
#include "oci/reference.h"

namespace kiln::oci {
namespace {

constexpr char kRefName[] = "org.opencontainers.image.ref.name";

/// The name of an entry; nothing for an entry without one or of another shape.
std::optional<std::string> name_of(const nlohmann::json& entry) {
  if (!entry.is_object()) return std::nullopt;
  const auto annotations = entry.find("annotations");
  if (annotations == entry.end() || !annotations->is_object()) return std::nullopt;
  const auto name = annotations->find(kRefName);
  if (name == annotations->end() || !name->is_string()) return std::nullopt;
  return name->get<std::string>();
}

std::optional<Descriptor> descriptor_of(const nlohmann::json& entry) {
  try {
    Descriptor descriptor = parse_descriptor(JsonView{entry, "index.json"});
    descriptor.annotations.erase(kRefName);  // it belongs to the entry, not to the image
    return descriptor;
  } catch (const Error&) {
    return std::nullopt;  // another tool's: a digest of another algorithm, say
  }
}

/// Whether `name`, as another tool recorded it, is a short form of the canonical one ("nginx:1.27").
bool expands_to(const std::string& name, std::string_view canonical) {
  if (name == canonical) return true;
  // An expansion only ever puts a registry in front: spare the parser every unrelated entry.
  if (!canonical.ends_with(name)) return false;
  try {
    return Reference::parse(name).canonical() == canonical;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

LayoutIndex::LayoutIndex() : json_{std::make_unique<nlohmann::json>()} {
  *json_ = {{"schemaVersion", 2}, {"mediaType", media_type::kIndex}, {"manifests", nlohmann::json::array()}};
}

LayoutIndex::LayoutIndex(std::string_view json, std::string_view name)
    : json_{std::make_unique<nlohmann::json>(parse_json(json, name))} {
  const JsonView view{*json_, name};
  view.items("manifests");  // checks the types
  if (!view.has("manifests")) (*json_)["manifests"] = nlohmann::json::array();
}

LayoutIndex::~LayoutIndex() = default;
LayoutIndex::LayoutIndex(LayoutIndex&&) noexcept = default;
LayoutIndex& LayoutIndex::operator=(LayoutIndex&&) noexcept = default;

std::optional<Descriptor> LayoutIndex::find(std::string_view name) const {
  std::optional<Descriptor> short_form;
  for (const auto& entry : std::as_const(*json_).at("manifests")) {
    const auto its = name_of(entry);
    if (!its || !expands_to(*its, name) || (*its != name && short_form)) continue;
    auto descriptor = descriptor_of(entry);
    if (descriptor && *its == name) return descriptor;
    if (descriptor) short_form = std::move(descriptor);
  }
  return short_form;
}

std::vector<std::pair<std::string, Descriptor>> LayoutIndex::names() const {
  std::vector<std::pair<std::string, Descriptor>> out;
  for (const auto& entry : std::as_const(*json_).at("manifests")) {
    auto name = name_of(entry);
    auto descriptor = descriptor_of(entry);
    if (name && descriptor) out.emplace_back(*std::move(name), *std::move(descriptor));
  }
  return out;
}

void LayoutIndex::set(std::string_view name, const Descriptor& descriptor) {
  nlohmann::json& entries = (*json_)["manifests"];
  Descriptor entry = descriptor;
  entry.annotations[kRefName] = name;
  // Through text: an ordered and an unordered value do not mix.
  nlohmann::json value = parse_json(dump_json(to_json_value(entry)), "descriptor");
  const auto has_name = [&](const nlohmann::json& other) { return name_of(other) == name; };
  const auto first = std::find_if(entries.begin(), entries.end(), has_name);
  if (first == entries.end()) {
    entries.push_back(std::move(value));
    return;
  }
  *first = std::move(value);
  entries.erase(std::remove_if(first + 1, entries.end(), has_name), entries.end());
}

bool LayoutIndex::remove(std::string_view name) {
  nlohmann::json& entries = (*json_)["manifests"];
  const std::size_t before = entries.size();
  const auto matches = [&](const nlohmann::json& entry) {
    const auto its = name_of(entry);
    return its && expands_to(*its, name);
  };
  entries.erase(std::remove_if(entries.begin(), entries.end(), matches), entries.end());
  return entries.size() != before;
}

std::string LayoutIndex::to_json() const { return dump_json(*json_, 3) + "\n"; }

}  // namespace kiln::oci
