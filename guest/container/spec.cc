#include "container/spec.h"

#include <array>

#include "base/process.h"
#include "base/text.h"

namespace guest {

RuntimeSpec read_runtime_spec(const json::Value& value) {
  RuntimeSpec spec;
  for (const json::Value& mount : value["mounts"].items()) {
    spec.mounts.push_back(
        {mount["destination"].text(), mount["type"].text(), mount["source"].text(), mount["options"].strings()});
  }
  spec.mkdir = value["mkdir"].strings();
  spec.cgroups = value["cgroups"].strings();
  for (const json::Value& interface : value["interfaces"].items()) {
    spec.interfaces.push_back({interface["name"].text(), interface["add"].text(), interface["peer"].text(),
                               interface["createInRoot"].boolean()});
  }
  constexpr std::array<const char*, 7> kNamespaces = {"cgroup", "ipc", "mnt", "net", "pid", "user", "uts"};
  for (const char* name : kNamespaces) {
    const std::string& path = value["bindNS"][name].text();
    if (!path.empty()) spec.bind_namespaces.push_back({name, path});
  }
  return spec;
}

std::string read_service_spec(const json::Value& config, ServiceSpec& spec) {
  const json::Value& annotations = config["annotations"];
  std::string problem;
  const std::string& restart = annotations[kRestartAnnotation].text();
  if (restart == "always") {
    spec.restart = RestartPolicy::always;
  } else if (restart == "on-failure") {
    spec.restart = RestartPolicy::on_failure;
  } else if (!restart.empty() && restart != "no") {
    problem = format("annotation %s is '%s': expected no, on-failure or always", kRestartAnnotation,
                     printable(restart).c_str());
  }
  const std::string& signal = annotations[kStopSignalAnnotation].text();
  if (!signal.empty()) {
    if (int number = parse_signal(signal); number > 0) {
      spec.stop_signal = number;
    } else {
      problem = format("annotation %s is '%s': expected the name or number of a signal", kStopSignalAnnotation,
                       printable(signal).c_str());
    }
  }
  return problem;
}

}  // namespace guest
