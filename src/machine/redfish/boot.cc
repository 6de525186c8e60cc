#include "machine/redfish/boot.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/human.h"
#include "oci/json.h"

namespace kiln::machine::redfish {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::json;

constexpr std::chrono::nanoseconds kBetweenLooks = 2s;

bool contains(const std::vector<std::string>& values, std::string_view value) {
  return std::find(values.begin(), values.end(), value) != values.end();
}

std::string listed(const std::vector<std::string>& values) {
  std::string out;
  for (const std::string& value : values) out += concat(out.empty() ? "" : ", ", printable(value));
  return out.empty() ? "none" : out;
}

std::string described(const System& system) {
  return concat(system.id.empty() ? system.path : system.id, system.model.empty() ? "" : " (", printable(system.model),
                system.model.empty() ? "" : ")");
}

System read(Service& service, const std::string& path) {
  const Resource resource = service.get(path);
  System system = read_system(resource.body, concat("system ", quote(path)));
  system.path = path;
  if (!resource.etag.empty()) system.etag = resource.etag;
  return system;
}

std::string target_of(BootSource::Kind kind) {
  switch (kind) {
    case BootSource::Kind::http:
      return "UefiHttp";
    case BootSource::Kind::pxe:
      return "Pxe";
    case BootSource::Kind::iso:
      break;
  }
  return "Cd";
}

std::string_view remedy_for(BootSource::Kind kind) {
  switch (kind) {
    case BootSource::Kind::http:
      return "let it boot by PXE (--pxe, with 'kiln serve --pxe' on its network) or from a virtual CD (--iso)";
    case BootSource::Kind::pxe:
      return "boot it by HTTP (--boot-url) or from a virtual CD (--iso), if it can";
    case BootSource::Kind::iso:
      break;
  }
  return "boot it over the network: --pxe or --boot-url";
}

void check_supported(const System& system, BootSource::Kind kind) {
  const std::string target = target_of(kind);
  if (!system.boot.targets || contains(*system.boot.targets, target)) return;
  throw Error{"system ", described(system), " cannot be told to boot from ",
              target,    ": it can from ",  listed(*system.boot.targets)}
      .with_hint(std::string{remedy_for(kind)});
}

std::string override_json(const System& system, const BootSource& source) {
  Json boot{{"BootSourceOverrideEnabled", "Once"}, {"BootSourceOverrideTarget", target_of(source.kind)}};
  // Only where the BMC has the property: older ones refuse what they do not know.
  if (!system.boot.mode.empty()) boot["BootSourceOverrideMode"] = "UEFI";
  if (source.kind == BootSource::Kind::http) boot["HttpBootUri"] = source.url;
  return oci::dump_json(Json{{"Boot", boot}});
}

bool wants_other_etag(long status) { return status == 412 || status == 428; }

/// Of several types of reset, in order of preference, the first that the machine knows.
std::string choose_reset(const std::optional<std::vector<std::string>>& known, const std::vector<std::string>& wanted) {
  if (!known) return wanted.front();
  const auto found =
      std::find_if(wanted.begin(), wanted.end(), [&](const auto& type) { return contains(*known, type); });
  return found == wanted.end() ? std::string{} : *found;
}

std::optional<std::vector<std::string>> reset_types(Service& service, const System& system) {
  if (system.reset_types || system.reset_action_info.empty()) return system.reset_types;
  return read_reset_types(service.get(system.reset_action_info).body,
                          concat("action ", quote(system.reset_action_info)));
}

void reset(Service& service, const System& system, const std::string& type, Reporter& reporter) {
  reporter.detail(concat("reset ", described(system), ": ", type));
  service.check(service.post(system.reset_target, oci::dump_json(Json{{"ResetType", type}})),
                concat("reset ", quote(type)));
}

void wait_for_power(Service& service, const System& system, const std::string& state, Waiter& waiter,
                    const Patience& patience) {
  std::string last;
  const bool came = wait_until(waiter, patience.power, kBetweenLooks, [&] {
    last = read(service, system.path).power_state;
    return last == state;
  });
  if (came) return;
  throw Error{"system ",
              described(system),
              " is not ",
              state,
              " after ",
              human_duration(patience.power),
              ": its power state is ",
              quote(last)}
      .with_hint("look at the BMC's own log; --timeout gives it more time");
}

struct Drive {
  std::string path;
  VirtualMedia media;
};

std::string media_collection(Service& service, const System& system) {
  if (!system.virtual_media.empty()) return system.virtual_media;
  for (const std::string& manager : system.managers) {
    const std::string path = read_virtual_media_path(service.get(manager).body, concat("manager ", quote(manager)));
    if (!path.empty()) return path;
  }
  throw Error{"system ", described(system), " has no virtual media"}.with_hint(
      "boot it over the network: --pxe or --boot-url");
}

Drive find_drive(Service& service, const System& system) {
  const std::string collection = media_collection(service, system);
  for (const std::string& path : members(service, collection)) {
    VirtualMedia media = read_virtual_media(service.get(path).body, concat("virtual media ", quote(path)));
    if (contains(media.types, "CD") || contains(media.types, "DVD")) return {path, std::move(media)};
  }
  throw Error{"system ", described(system), " has no virtual CD drive among its virtual media ", quote(collection)};
}

}  // namespace

System find_system(Service& service, const Root& root, const std::string& wanted) {
  const std::vector<std::string> paths = members(service, root.systems);
  std::vector<System> systems;
  for (const std::string& path : paths) {
    System system = read(service, path);
    if (!wanted.empty() && (system.id == wanted || system.name == wanted || path == wanted)) return system;
    systems.push_back(std::move(system));
  }
  if (wanted.empty() && systems.size() == 1) return std::move(systems.front());
  if (systems.empty()) throw Error{"the BMC has no system ", quote(root.systems)};
  std::string all;
  for (const System& system : systems) all += concat(all.empty() ? "" : ", ", described(system));
  if (wanted.empty()) throw Error{"the BMC has several systems: ", all}.with_hint("choose one: --system ID");
  throw Error{"the BMC has no system ", quote(wanted), ": it has ", all};
}

System reload(Service& service, const System& system) { return read(service, system.path); }

std::string architecture_of(Service& service, const System& system) {
  if (system.processors.empty()) return {};
  for (const std::string& path : members(service, system.processors)) {
    std::string architecture = read_architecture(service.get(path).body, concat("processor ", quote(path)));
    if (!architecture.empty()) return architecture;
  }
  return {};
}

void override_boot(Service& service, const System& system, const BootSource& source, Reporter& reporter) {
  check_supported(system, source.kind);
  const std::string json = override_json(system, source);
  http::Reply reply = service.patch(system.path, json, system.etag);
  // Somebody else changed the system meanwhile, or the BMC counts its own changes.
  if (wants_other_etag(reply.status)) reply = service.patch(system.path, json, reload(service, system).etag);
  if (!reply.good() && reply.status != 401 && reply.status != 403 && !system.settings.empty()) {
    reporter.detail(concat("the override goes to ", system.settings));
    reply = service.patch(system.settings, json, service.get(system.settings).etag);
  }
  service.check(reply, concat("setting the boot source of system ", described(system), " to ", target_of(source.kind)));
}

std::string insert_cd(Service& service, const System& system, const std::string& url, Reporter& reporter) {
  Drive drive = find_drive(service, system);
  if (drive.media.inserted && !drive.media.eject_target.empty()) {
    reporter.info(concat("ejecting ", printable(drive.media.image), " from the virtual CD drive"));
    service.check(service.post(drive.media.eject_target, "{}"), "ejecting the virtual CD");
  }
  const Json image{{"Image", url}, {"Inserted", true}, {"WriteProtected", true}};
  // Before InsertMedia there was (version 1.1 of the schema) only PATCH.
  const http::Reply reply = drive.media.insert_target.empty()
                                ? service.patch(drive.path, oci::dump_json(image), service.get(drive.path).etag)
                                : service.post(drive.media.insert_target, oci::dump_json(image));
  service.check(reply, concat("inserting ", quote(url), " as a virtual CD"));
  return drive.path;
}

void eject_cd(Service& service, const std::string& drive, Reporter& reporter) noexcept {
  try {
    const VirtualMedia media = read_virtual_media(service.get_once(drive).body, concat("virtual media ", quote(drive)));
    const http::Reply reply = media.eject_target.empty()
                                  ? service.patch(drive, R"({"Image":null,"Inserted":false})", {})
                                  : service.post(media.eject_target, "{}");
    service.check(reply, "ejecting the virtual CD");
  } catch (const Error& error) {
    reporter.warning(error.message());
  } catch (const std::exception& error) {
    reporter.warning(concat("ejecting the virtual CD: ", std::string_view{error.what()}));
  }
}

void power_cycle(Service& service, const System& system, Waiter& waiter, const Patience& patience, Reporter& reporter) {
  if (system.reset_target.empty()) throw Error{"system ", described(system), " has no action ComputerSystem.Reset"};
  const auto known = reset_types(service, system);
  const bool is_off = system.power_state == "Off";
  const std::string type =
      choose_reset(known, is_off ? std::vector<std::string>{"On", "ForceOn"}
                                 : std::vector<std::string>{"ForceRestart", "PowerCycle", "ForceOff"});
  if (type.empty()) {
    throw Error{"system ",
                described(system),
                " is ",
                printable(system.power_state),
                " and cannot be ",
                is_off ? "switched on" : "restarted",
                ": its types of reset are ",
                listed(*known)};
  }
  reporter.info(concat(is_off ? "switching on " : "restarting ", described(system)));
  reset(service, system, type, reporter);
  if (type == "ForceOff") {
    wait_for_power(service, system, "Off", waiter, patience);
    reset(service, system, "On", reporter);
  }
  wait_for_power(service, system, "On", waiter, patience);
}

bool follow_progress(Service& service, const System& system, Waiter& waiter, const Patience& patience,
                     Reporter& reporter) {
  std::string last;
  bool told = true;
  bool stale = system.boot_progress == "OSRunning";  // what ran before the restart
  const bool came = wait_until(waiter, patience.boot, kBetweenLooks, [&] {
    const System now = read(service, system.path);
    stale = stale && now.boot_progress == "OSRunning";
    if (stale) return false;
    if (now.power_state == "Off") throw Error{"system ", described(system), " went off while it booted"};
    told = !now.boot_progress.empty();
    if (now.boot_progress != last) reporter.info(concat("boot: ", printable(now.boot_progress)));
    last = now.boot_progress;
    return !told || last == "OSRunning";
  });
  if (came) return told;
  throw Error{"system ",       described(system), " has not booted after ", human_duration(patience.boot),
              ": it came to ", quote(last)};
}

}  // namespace kiln::machine::redfish
