#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/descriptor.h"

namespace kiln::package {

/// A place in a Dockerfile that names an image which is not one of the file's own stages: of FROM, of COPY --from and
/// of RUN --mount=from.
struct ImageUse {
  std::size_t offset = 0, length = 0;  ///< of the name in the text, as it is written
  std::size_t line = 1;
  std::string name;  ///< arguments replaced
  oci::Platform platform;
};

/// What Kiln has to know of a Dockerfile; carrying it out is an engine's.
struct Dockerfile {
  std::string text;
  std::vector<ImageUse> images;        ///< in the order of the text
  std::vector<oci::Platform> runs_on;  ///< the platforms in which commands are run, each once
  std::vector<std::string> arguments;  ///< names that ARG declares, each once
  bool fetches_urls = false;           ///< ADD of something that is not in the context

  /// The FROMs of other images (and of scratch) that name no platform, by the offset of what they name.
  std::map<std::size_t, oci::Platform> unstated_platforms;

  bool declares(std::string_view argument) const;
  /// The text with other names for the images: `names[i]` for `images[i]`. With `state_platforms`, every FROM that
  /// starts anew says its platform: buildah 1.28 takes the one of the stage before otherwise.
  std::string with_names(const std::vector<std::string>& names, bool state_platforms = false) const;
};

/// Reads a Dockerfile (Dockerfile reference: parser directives, comments, continued lines, here-documents, ARG before
/// FROM and its ${NAME:-default}). `arguments` are those of --build-arg; TARGETPLATFORM and its like are known. `name`
/// is what errors call it. Throws Error where the name of an image cannot be known.
Dockerfile parse_dockerfile(std::string_view text, std::string_view name,
                            const std::map<std::string, std::string>& arguments, const oci::Platform& target,
                            const oci::Platform& host);

}  // namespace kiln::package
