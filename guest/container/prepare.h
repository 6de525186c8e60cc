#pragma once

#include <sys/types.h>

#include <string>

#include "container/spec.h"

namespace guest {

/// Makes the mounts, directories and cgroups of runtime.json for the bundle (guest.md §3.1).
/// Returns an empty string, or what failed; the container must then not be created.
std::string prepare_filesystem(const std::string& bundle, const RuntimeSpec& spec);

/// Unmounts what prepare_filesystem mounted, last first, so that a new start begins afresh. Busy mounts are detached.
void release_filesystem(const std::string& bundle, const RuntimeSpec& spec);

/// Gives the created process its interfaces and binds its namespaces (guest.md §3.2). Returns an empty string, or what
/// failed.
std::string prepare_process(pid_t pid, const RuntimeSpec& spec);

/// Mounts a volume's overlay (guest.md §2.1): `tmp` and an overlay of `lower` on `merged`. A volume marked read-only by
/// a missing `tmp` directory is a read-only bind of `lower`. Returns an empty string, or what failed.
std::string mount_volume(const std::string& directory);

}  // namespace guest
