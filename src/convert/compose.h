#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "config/diagnostics.h"
#include "convert/interpolation.h"
#include "oci/manifest.h"

namespace kiln::convert {

/// What a conversion asks of the world around the compose file.
struct Surroundings {
  Variables variables;  ///< the environment and .env
  /// The text of a file beside the compose file, for `env_file`; throws Error.
  std::function<std::string(const std::string& path)> read_file;
  /// The regular files below a path beside the compose file: itself, or a directory's, relative to it, sorted. Nothing
  /// if there is no such thing.
  std::function<std::optional<std::vector<std::string>>(const std::string& path)> list_files;
  /// What an image says of itself; nothing (after a warning of its own) if it cannot be had.
  std::function<std::optional<oci::ImageConfig>(const std::string& image)> image_config;
};

/// Something of the compose file that the system does not have, or has differently, and what to do about it.
struct Remark {
  config::Position where;
  std::string message;
};

struct Conversion {
  std::string yaml;
  std::vector<Remark> remarks;  ///< by position
};

/// A Kiln YAML that runs the services of a compose file (compose-spec) as services of a machine. Docker gives a
/// container more than LinuxKit does (capabilities, the image's environment, its user, its entrypoint before a
/// command), so these are written out. Throws Error with every mistake and its position. `file`: its name for messages.
Conversion convert_compose(const std::string& text, const std::string& file, const Surroundings& surroundings);

}  // namespace kiln::convert
