#pragma once

#include <optional>

#include "oci/manifest.h"

namespace kiln::oci {

/// Removes attestations of images that are not (any more) in the index, and entries that are there twice.
void drop_dangling(Index& index);

/// Images by platform, then attestations in the order of their images: an index does not tell when what was built.
void sort_entries(Index& index);

/// Puts an image into the index instead of the one of its platform (os, architecture and variant), with its attestation
/// if it has one.
void replace_image(Index& index, const Descriptor& image, const std::optional<Descriptor>& attestation = {});

/// What a registry is to have (spec pkg.md §8): the entries of `local`, and those of `remote` for other platforms, with
/// what attests them. `remote` itself if that has everything already.
Index merge_indexes(const Index& remote, const Index& local);

}  // namespace kiln::oci
