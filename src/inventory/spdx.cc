#include "inventory/spdx.h"

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.h"
#include "base/sha256.h"

namespace kiln::inventory {
namespace {

using Json = nlohmann::ordered_json;

bool is_letter_or_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

/// Identifiers are letters, digits, '.' and '-' (SPDX 2.3, clause 7.2), and each stands for one thing: names that
/// differ in other characters alone are told apart by numbers.
class Identifiers {
 public:
  explicit Identifiers(const std::string& digest) : ending_{digest.substr(0, 12)} {}

  std::string make(std::string_view kind, std::string_view name) {
    std::string id = concat("SPDXRef-", kind, "-");
    for (const char c : name) id += is_letter_or_digit(c) || c == '.' ? c : '-';
    id += concat("-", ending_);
    std::string unique = id;
    for (unsigned& n = repeated_[id]; !taken_.insert(unique).second;) unique = concat(id, "-", ++n + 1);
    return unique;
  }

 private:
  std::string ending_;
  std::set<std::string> taken_;
  std::map<std::string, unsigned> repeated_;
};

/// package-url, "Rules for each purl component".
std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_letter_or_digit(c) || c == '.' || c == '-' || c == '_' || c == '~' || c == ':') {
      out += c;
    } else {
      out += {'%', "0123456789ABCDEF"[byte >> 4], "0123456789ABCDEF"[byte & 15]};
    }
  }
  return out;
}

Json relationship(std::string_view from, std::string_view type, std::string_view to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

/// What SPDX wants of every package, and nobody here knows.
void add_unknowns(Json& out) {
  out["downloadLocation"] = "NOASSERTION";
  out["filesAnalyzed"] = false;
  out["licenseConcluded"] = "NOASSERTION";
  out["licenseDeclared"] = "NOASSERTION";
  out["copyrightText"] = "NOASSERTION";
}

Json describe_image(const ImageContents& contents, const std::string& id) {
  Json out;
  out["name"] = contents.name;
  out["SPDXID"] = id;
  out["versionInfo"] = concat("sha256:", contents.digest);
  out["primaryPackagePurpose"] = "CONTAINER";
  add_unknowns(out);
  out["checksums"] = {{{"algorithm", "SHA256"}, {"checksumValue", contents.digest}}};
  return out;
}

Json describe_package(const InstalledPackage& package, const OsRelease& os, const std::string& id) {
  Json out;
  out["name"] = package.name;
  out["SPDXID"] = id;
  out["versionInfo"] = package.version;
  if (!package.maintainer.empty()) out["originator"] = concat("Person: ", package.maintainer);
  add_unknowns(out);
  if (!package.homepage.empty()) out["homepage"] = package.homepage;
  // Not all that packages write there is an SPDX expression, which is what licenseDeclared has to be.
  if (!package.licence.empty()) out["licenseComments"] = concat("the package says: ", package.licence);
  const std::string& version = package.source_version.empty() ? package.version : package.source_version;
  out["sourceInfo"] = concat("built from source package ", package.source, " ", version);
  out["externalRefs"] = {{{"referenceCategory", "PACKAGE-MANAGER"},
                          {"referenceType", "purl"},
                          {"referenceLocator", package_url(package, os)}}};
  return out;
}

/// Databases are bytes: what is not UTF-8 becomes U+FFFD.
std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

std::string package_url(const InstalledPackage& package, const OsRelease& os) {
  const bool is_deb = package.kind == InstalledPackage::Kind::deb;
  const std::string vendor = !os.id.empty() ? os.id : is_deb ? "debian" : "alpine";
  std::string url = concat("pkg:", is_deb ? "deb" : "apk", "/", percent_encoded(vendor), "/",
                           percent_encoded(package.name), "@", percent_encoded(package.version));
  char separator = '?';
  const auto add = [&](const char* key, const std::string& value) {
    url += concat(std::string(1, std::exchange(separator, '&')), key, "=", percent_encoded(value));
  };
  if (!package.architecture.empty()) add("arch", package.architecture);
  if (!os.id.empty() && !os.version_id.empty()) add("distro", concat(os.id, "-", os.version_id));
  return url;
}

std::string spdx_document(const ImageContents& contents) {
  Identifiers identifiers{contents.digest};
  const std::string image = identifiers.make("Image", contents.name);
  Json packages = Json::array({describe_image(contents, image)});
  Json relationships = Json::array({relationship("SPDXRef-DOCUMENT", "DESCRIBES", image)});
  for (const InstalledPackage& package : contents.packages) {
    const std::string id = identifiers.make("Package", concat(package.name, "-", package.architecture));
    packages.push_back(describe_package(package, contents.os, id));
    relationships.push_back(relationship(image, "CONTAINS", id));
  }
  Json document;
  document["spdxVersion"] = "SPDX-2.3";
  document["dataLicense"] = "CC0-1.0";
  document["SPDXID"] = "SPDXRef-DOCUMENT";
  document["name"] = contents.name;
  // A URI of its own for each content, without a host that would have to exist.
  document["documentNamespace"] = concat("urn:kiln:sbom:", Sha256::of(to_text(packages)).hex());
  document["creationInfo"] = {{"created", contents.created}, {"creators", {"Tool: kiln"}}};
  document["packages"] = std::move(packages);
  document["relationships"] = std::move(relationships);
  return to_text(document);
}

}  // namespace kiln::inventory
