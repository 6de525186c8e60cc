#pragma once

#include <functional>
#include <optional>

#include "base/lock_file.h"
#include "oci/store.h"

namespace kiln::oci {

// Between fetching a blob and giving its image a name, and while a build reads what it was resolved to, nothing in
// index.json says that it is needed. So builds and pulls claim the store as a whole, any number of them at once, and
// what deletes blobs waits until it has the store to itself (DIR/kiln/in-use.lock).

inline constexpr char kInUseLock[] = "in-use.lock";

/// A build's claim, for as long as it lives. Nothing in a store that cannot be written: nobody can delete from it
/// either.
std::optional<LockFile> use_store(const Store& store);

/// The claim of what deletes. Calls `waiting` if others use the store, before it waits for them.
LockFile own_store(const Store& store, const std::function<void()>& waiting);

}  // namespace kiln::oci
