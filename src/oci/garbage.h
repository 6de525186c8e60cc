#pragma once

#include <chrono>
#include <cstdint>
#include <string_view>

#include "oci/store.h"

namespace kiln::oci {

// Whoever calls these has the store to itself (oci/store_use.h).

/// What was deleted.
struct Freed {
  std::uint64_t blobs = 0;
  std::uint64_t bytes = 0;
};

/// Removes a name and those of its blobs that no other entry of index.json needs. Nothing if the store lacks the name.
/// A damaged image can be removed too; what it needed may then stay, as do all blobs while another image is damaged.
std::optional<Freed> remove_image(Store& store, std::string_view name);

/// Deletes the blobs no entry of index.json needs, except those younger than `grace`: a build that is running may
/// have fetched them and not given them their name yet. Throws Error when an entry cannot be read: it is then not known
/// what it needs.
Freed collect_garbage(Store& store, std::chrono::seconds grace);

/// Deletes all images, and everything that was made of them.
Freed clear(Store& store);

}  // namespace kiln::oci
