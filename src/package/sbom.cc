#include "package/sbom.h"

#include <openssl/evp.h>

#include <ctime>
#include <nlohmann/json.hpp>
#include <set>

#include "base/error.h"
#include "oci/manifest.h"

namespace kiln::package {
namespace {

using Json = nlohmann::ordered_json;

constexpr char kInToto[] = "application/vnd.in-toto+json";
constexpr char kSpdxType[] = "https://spdx.dev/Document";

/// SHA-1 and SHA-256 of what is written to it.
class TwoHashes final : public Sink {
 public:
  TwoHashes() {
    if (sha1_ == nullptr || EVP_DigestInit_ex(sha1_.get(), EVP_sha1(), nullptr) != 1)
      throw Error{"SHA-1 is not available"};
  }
  void write(Bytes data) override {
    EVP_DigestUpdate(sha1_.get(), data.data(), data.size());
    sha256_.update(data);
  }
  Json finish() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(sha1_.get(), digest, &size);
    std::string hex;
    for (unsigned i = 0; i < size; ++i) hex += {"0123456789abcdef"[digest[i] >> 4], "0123456789abcdef"[digest[i] & 15]};
    return {{{"algorithm", "SHA1"}, {"checksumValue", hex}},
            {{"algorithm", "SHA256"}, {"checksumValue", sha256_.finish().hex()}}};
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> sha1_{EVP_MD_CTX_new()};
  Sha256Hasher sha256_;
};

/// SPDX identifiers are letters, digits, '.' and '-' (SPDX 2.3, clause 3.2.4 and 8.2).
std::string identifier(std::string_view kind, std::string_view name) {
  std::string id = concat("SPDXRef-", kind, "-");
  for (const char c : name) {
    const bool plain =
        (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '.' || c == '-';
    id += plain ? c : '-';
  }
  return id;
}

std::string utc(std::int64_t seconds) {
  const std::time_t time = seconds;
  std::tm parts{};
  gmtime_r(&time, &parts);
  char text[32];
  std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Json describe_package(const DebianPackage& package, std::string_view suite) {
  Json out;
  out["name"] = package.name;
  out["SPDXID"] = identifier("Package", package.name);
  out["versionInfo"] = package.version;
  out["packageFileName"] = package.file_name;
  out["supplier"] = "Organization: Debian";
  if (!package.maintainer.empty()) out["originator"] = concat("Person: ", package.maintainer);
  out["downloadLocation"] = "NOASSERTION";
  out["filesAnalyzed"] = false;
  out["checksums"] = {{{"algorithm", "SHA256"}, {"checksumValue", package.sha256}}};
  if (!package.homepage.empty()) out["homepage"] = package.homepage;
  out["sourceInfo"] = concat("built from source package ", package.source, " ", package.source_version);
  out["licenseConcluded"] = "NOASSERTION";
  out["licenseDeclared"] = "NOASSERTION";
  out["copyrightText"] = "NOASSERTION";
  out["externalRefs"] = {{{"referenceCategory", "PACKAGE-MANAGER"},
                          {"referenceType", "purl"},
                          {"referenceLocator", DebianArchive::package_url(package, suite)}}};
  return out;
}

Json relationship(std::string_view from, std::string_view type, std::string_view to) {
  return {{"spdxElementId", from}, {"relationshipType", type}, {"relatedSpdxElement", to}};
}

/// Adds the regular files of a package, and that it contains them.
void describe_files(const Composition& composition, const Composition::Origin& origin, Json& files,
                    Json& relationships) {
  for (const std::string& path : origin.files) {
    const auto found = composition.files.find(path);
    if (found == composition.files.end() || found->second.type != '0') continue;
    TwoHashes hashes;
    composition.spool.read(found->second.content, hashes);
    const std::string id = identifier("File", Sha256::of(path).hex().substr(0, 16));
    files.push_back({{"fileName", path},
                     {"SPDXID", id},
                     {"checksums", hashes.finish()},
                     {"licenseConcluded", "NOASSERTION"},
                     {"copyrightText", "NOASSERTION"}});
    relationships.push_back(relationship(identifier("Package", origin.package.name), "CONTAINS", id));
  }
}

}  // namespace

std::string spdx_document(const Composition& composition, std::string_view name, std::string_view suite) {
  Json packages = Json::array();
  Json files = Json::array();
  Json relationships = Json::array();
  for (const Composition::Origin& origin : composition.origins) {
    packages.push_back(describe_package(origin.package, suite));
    relationships.push_back(relationship("SPDXRef-DOCUMENT", "DESCRIBES", identifier("Package", origin.package.name)));
    describe_files(composition, origin, files, relationships);
  }
  Json document;
  document["spdxVersion"] = "SPDX-2.3";
  document["dataLicense"] = "CC0-1.0";
  document["SPDXID"] = "SPDXRef-DOCUMENT";
  document["name"] = name;
  // A URI of its own for each content, without a host that would have to exist.
  document["documentNamespace"] =
      concat("urn:kiln:sbom:", Sha256::of(concat(name, packages.dump(), files.dump())).hex());
  document["creationInfo"] = {{"created", utc(composition.time)}, {"creators", {"Tool: kiln"}}};
  document["packages"] = std::move(packages);
  document["files"] = std::move(files);
  document["relationships"] = std::move(relationships);
  return document.dump();
}

oci::Descriptor store_attestation(const std::string& spdx, std::string_view name, const oci::Descriptor& image,
                                  oci::Store& store) {
  Json statement;
  statement["_type"] = "https://in-toto.io/Statement/v0.1";
  statement["predicateType"] = kSpdxType;
  statement["subject"] = {{{"name", name}, {"digest", {{"sha256", image.digest.hex()}}}}};
  statement["predicate"] = Json::parse(spdx);
  oci::Descriptor layer = store.put(statement.dump(), kInToto);
  layer.annotations["in-toto.io/predicate-type"] = kSpdxType;

  oci::ImageConfig config;
  config.platform = {"unknown", "unknown", ""};
  config.diff_ids = {layer.digest};
  oci::Manifest manifest;
  manifest.media_type = oci::media_type::kManifest;
  manifest.config = store.put(oci::to_json(config), oci::media_type::kConfig);
  manifest.layers = {layer};
  oci::Descriptor descriptor = store.put(oci::to_json(manifest), oci::media_type::kManifest);
  descriptor.platform = oci::Platform{"unknown", "unknown", ""};
  descriptor.annotations[oci::annotation::kReferenceType] = "attestation-manifest";
  descriptor.annotations[oci::annotation::kReferenceDigest] = image.digest.to_string();
  return descriptor;
}

}  // namespace kiln::package
