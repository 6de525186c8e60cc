#include "oci/index_merge.h"

#include <algorithm>
#include <set>
#include <tuple>

namespace kiln::oci {
namespace {

/// arm64 is arm64/v8: some builders write the variant, some do not.
std::string variant_of(const Platform& platform) {
  return platform.architecture == "arm64" && platform.variant == "v8" ? "" : platform.variant;
}

bool is_same_platform(const Descriptor& a, const Descriptor& b) {
  if (!a.platform || !b.platform) return a.platform.has_value() == b.platform.has_value();
  return a.platform->matches(*b.platform) && variant_of(*a.platform) == variant_of(*b.platform);
}

bool goes_before(const Descriptor& a, const Descriptor& b) {
  const auto key = [](const Descriptor& entry) {
    const auto target = attestation_target(entry);
    return std::tuple{target.has_value(), target.value_or(""), entry.platform ? entry.platform->to_string() : ""};
  };
  return key(a) < key(b);
}

bool has(const Index& index, const Descriptor& entry) {
  return std::any_of(index.manifests.begin(), index.manifests.end(),
                     [&](const Descriptor& other) { return other.digest == entry.digest; });
}

}  // namespace

void drop_dangling(Index& index) {
  std::set<std::string> digests;
  for (const Descriptor& entry : index.manifests) digests.insert(entry.digest.to_string());
  std::set<Digest> seen;
  std::erase_if(index.manifests, [&](const Descriptor& entry) {
    const auto target = attestation_target(entry);
    return (target && !digests.contains(*target)) || !seen.insert(entry.digest).second;
  });
}

void sort_entries(Index& index) { std::stable_sort(index.manifests.begin(), index.manifests.end(), goes_before); }

void replace_image(Index& index, const Descriptor& image, const std::optional<Descriptor>& attestation) {
  std::erase_if(index.manifests, [&](const Descriptor& entry) {
    return !attestation_target(entry) && (!entry.platform || is_same_platform(entry, image));
  });
  index.manifests.push_back(image);
  if (attestation) index.manifests.push_back(*attestation);
  drop_dangling(index);
  sort_entries(index);
}

Index merge_indexes(const Index& remote, const Index& local) {
  if (std::all_of(local.manifests.begin(), local.manifests.end(),
                  [&](const Descriptor& entry) { return has(remote, entry); })) {
    return remote;
  }
  Index merged = local;
  for (const Descriptor& entry : remote.manifests) {
    const bool replaced = !attestation_target(entry) &&
                          std::any_of(local.manifests.begin(), local.manifests.end(), [&](const Descriptor& ours) {
                            return !attestation_target(ours) && is_same_platform(ours, entry);
                          });
    if (!replaced) merged.manifests.push_back(entry);
  }
  drop_dangling(merged);
  sort_entries(merged);
  return merged;
}

}  // namespace kiln::oci
