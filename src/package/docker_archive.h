#pragma once

#include <string>
#include <vector>

#include "oci/image.h"
#include "oci/store.h"

namespace kiln::package {

/// An image in an archive, with the names `docker load` gives it; without any, it is only known by its ID.
struct ArchivedImage {
  oci::Image image;
  std::vector<std::string> names;
};

/// Writes what `docker image save` would: manifest.json, and of each image its configuration and its layers,
/// uncompressed; what images share once. A function of the images. Read by docker, podman and skopeo (docker-archive).
void write_docker_archive(const std::vector<ArchivedImage>& images, const oci::Store& store, Sink& out);

}  // namespace kiln::package
