#include "netboot/api.h"

#include <nlohmann/json.hpp>

#include "netboot/site.h"

namespace kiln::netboot {
namespace {

using Json = nlohmann::ordered_json;

/// Seconds, to the millisecond: enough for people, and short.
double seconds(std::chrono::nanoseconds time) {
  return static_cast<double>(std::chrono::duration_cast<std::chrono::milliseconds>(time).count()) / 1000;
}

Json stages_json(const Machine& machine, std::chrono::nanoseconds now) {
  Json stages = Json::array();
  for (std::size_t i = 0; i < kStages; ++i) {
    Json stage{{"stage", name_of(static_cast<Stage>(i))}};
    stage["reached_ago"] = machine.reached[i] ? Json(seconds(now - *machine.reached[i])) : Json(nullptr);
    stage["sent"] = machine.sent[i];
    stage["size"] = machine.size[i];
    stages.push_back(std::move(stage));
  }
  return stages;
}

Json machine_json(const Site& site, const Machine& machine) {
  const std::chrono::nanoseconds now = site.clock().now();
  return Json{{"mac", machine.mac.to_string()},
              {"name", machine.name},
              {"uuid", machine.uuid},
              {"serial", machine.serial},
              {"architecture", machine.architecture},
              {"firmware", machine.firmware},
              {"ip", machine.ip},
              {"os", machine.os},
              {"memory", machine.memory},
              {"stage", name_of(machine.stage)},
              {"stages", stages_json(machine, now)},
              {"boots", machine.boots},
              {"sent", machine.sent_total},
              {"file", machine.file},
              {"transfers", machine.transfers},
              {"offered", machine.offered},
              {"report", machine.report},
              {"error", machine.error},
              {"diagnosis", site.diagnosis(machine).value_or("")},
              {"first_seen_ago", seconds(now - machine.first_seen)},
              {"last_seen_ago", seconds(now - machine.last_seen)}};
}

Json image_json(const BootImage& image) {
  Json segments = Json::array();
  for (const BootFile& file : image.initramfs) segments.push_back({{"name", file.name}, {"size", file.size}});
  return Json{{"id", image.id},
              {"architecture", image.architecture},
              {"cmdline", image.cmdline},
              {"kernel", {{"size", image.kernel.size}, {"built_as", name_of(image.built_form)}}},
              {"initramfs", {{"size", image.initramfs_size}, {"segments", std::move(segments)}}},
              {"root_size", image.root_size}};
}

std::string_view state_of(const Catalog::System& system) {
  if (system.building) return "building";
  return system.error.empty() ? "ready" : "failed";
}

// What came from the network is UTF-8 already (printable()); a file name of this host may not be.
std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

}  // namespace

std::string machines_json(const Site& site) {
  Json machines = Json::array();
  for (const Machine* machine : site.machines().list()) machines.push_back(machine_json(site, *machine));
  return to_text(Json{{"uptime", seconds(site.uptime())},
                      {"forgotten", site.machines().forgotten()},
                      {"machines", std::move(machines)}});
}

std::string systems_json(Site& site) {
  Json systems = Json::array();
  for (const Catalog::System& system : site.catalog().systems()) {
    Json json{{"label", system.label},
              {"source", system.source->description()},
              {"architecture", system.served_architecture()},
              {"state", state_of(system)},
              {"error", system.error},
              {"builds", system.builds},
              {"build_seconds", seconds(system.build_time)}};
    json["image"] = system.image ? image_json(*system.image) : Json(nullptr);
    systems.push_back(std::move(json));
  }
  Json programs = Json::array();
  for (const auto& [name, program] : site.programs().all()) {
    programs.push_back({{"name", name}, {"size", program->size()}});
  }
  return to_text(Json{{"systems", std::move(systems)},
                      {"ipxe", std::move(programs)},
                      {"policy_error", site.policy_error()},
                      {"url", site.settings().base_url}});
}

}  // namespace kiln::netboot
