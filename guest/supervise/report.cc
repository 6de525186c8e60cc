#include "supervise/report.h"

#include <sys/wait.h>

#include "base/json.h"
#include "base/text.h"

namespace guest {

std::string unit_json(const Unit& unit) {
  const ServiceState& state = unit.state();
  bool running = unit.pid() > 0 && state.alive();
  std::string text = format("{\"section\": \"%s\", \"name\": %s, \"state\": \"%s\"", section_name(unit.section()),
                            json::quote(unit.name()).c_str(), state.name());
  if (running) text += format(", \"pid\": %d", unit.pid());
  if (auto status = state.last_status()) {
    if (WIFSIGNALED(*status)) {
      text += ", \"signal\": " + json::quote(signal_name(WTERMSIG(*status)));
    } else {
      text += format(", \"exitStatus\": %d", WEXITSTATUS(*status));
    }
  }
  if (!unit.problem().empty()) text += ", \"error\": " + json::quote(unit.problem());
  text += format(", \"restarts\": %d", state.restarts());
  if (unit.begun() > Microseconds{}) text += format(", \"begin\": %.6f", seconds(unit.begun()));
  if (state.started() > Microseconds{}) text += format(", \"started\": %.6f", seconds(state.started()));
  if (!running && unit.ended() > Microseconds{}) text += format(", \"end\": %.6f", seconds(unit.ended()));
  if (running) text += format(", \"uptime\": %.3f", seconds(since_boot() - state.started()));
  return text + "}";
}

std::string boot_json(const std::vector<Stage>& stages, const std::vector<const Unit*>& units, int runtime_copies,
                      std::uint64_t used_kib) {
  std::string text = "{\n  \"stages\": [";
  const char* separator = "\n    ";
  for (const Stage& stage : stages) {
    text += format("%s{\"name\": %s, \"begin\": %.6f, \"end\": %.6f}", separator, json::quote(stage.name).c_str(),
                   seconds(stage.begin), seconds(stage.end));
    separator = ",\n    ";
  }
  text += "\n  ],\n  \"containers\": [";
  separator = "\n    ";
  for (const Unit* unit : units) {
    text += separator + unit_json(*unit);
    separator = ",\n    ";
  }
  return text + format("\n  ],\n  \"runtimeCopies\": %d,\n  \"memoryUsedKiB\": %llu\n}\n", runtime_copies,
                       static_cast<unsigned long long>(used_kib));
}

}  // namespace guest
