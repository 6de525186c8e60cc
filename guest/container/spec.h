#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace guest {

/// A mount of runtime.json, made before the container is created.
struct RuntimeMount {
  std::string destination;
  std::string type;
  std::string source;
  std::vector<std::string> options;
};

/// A network interface of runtime.json.
struct RuntimeInterface {
  std::string name;
  std::string add;   ///< kind to create ("veth", "wireguard", …); empty: move an existing interface
  std::string peer;  ///< the end of a veth pair that stays in the root namespace
  bool create_in_root = false;
};

/// A namespace of the container to keep alive at a path.
struct NamespaceBind {
  std::string name;  ///< as in /proc/PID/ns
  std::string path;
};

/// runtime.json (oci-runtime.md §8): what happens around the container runtime's own work. Every field is optional.
struct RuntimeSpec {
  std::vector<RuntimeMount> mounts;
  std::vector<std::string> mkdir;
  std::vector<std::string> cgroups;
  std::vector<RuntimeInterface> interfaces;
  std::vector<NamespaceBind> bind_namespaces;

  /// Whether something must be done to the process between its creation and its start.
  bool needs_process() const { return !interfaces.empty() || !bind_namespaces.empty(); }
};

enum class RestartPolicy { no, on_failure, always };

/// What the supervisor itself wants from config.json.
struct ServiceSpec {
  RestartPolicy restart = RestartPolicy::no;
  int stop_signal = 15;
};

inline constexpr char kRestartAnnotation[] = "org.kiln.restart";
inline constexpr char kStopSignalAnnotation[] = "org.opencontainers.image.stopSignal";

RuntimeSpec read_runtime_spec(const json::Value& value);

/// Takes the restart policy and the stop signal from the annotations. Returns an empty string, or what is wrong with
/// them; the defaults then stand.
std::string read_service_spec(const json::Value& config, ServiceSpec& spec);

}  // namespace guest
