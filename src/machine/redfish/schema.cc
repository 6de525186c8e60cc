#include "machine/redfish/schema.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/human.h"
#include "oci/json.h"

namespace kiln::machine::redfish {
namespace {

using oci::JsonView;

/// The path of a resource that `key` refers to: {"@odata.id": PATH}.
std::string link(const JsonView& object, const char* key) {
  const auto found = object.member(key);
  return found ? found->text("@odata.id") : std::string{};
}

std::vector<std::string> links(const JsonView& object, const char* key) {
  std::vector<std::string> paths;
  for (const JsonView& item : object.items(key)) paths.push_back(item.required("@odata.id").text());
  return paths;
}

std::optional<std::vector<std::string>> allowable(const JsonView& object, const char* key) {
  const auto found = object.member(key);
  if (!found) return std::nullopt;
  return found->texts();
}

SerialService read_serial(const JsonView& console, const char* key) {
  const auto service = console.member(key);
  if (!service) return {};
  SerialService out{service->flag("ServiceEnabled"), 0, service->text("ConsoleEntryCommand")};
  constexpr std::uint64_t kMostPort = 65535;
  if (const auto port = service->member("Port")) {
    if (port->size() > kMostPort) port->fail("expected a port");
    out.port = static_cast<unsigned>(port->size());
  }
  return out;
}

Boot read_boot(const JsonView& system) {
  const auto boot = system.member("Boot");
  if (!boot) return {};
  return {boot->text("BootSourceOverrideEnabled"), boot->text("BootSourceOverrideTarget"),
          boot->text("BootSourceOverrideMode"), boot->member("HttpBootUri").has_value(),
          allowable(*boot, "BootSourceOverrideTarget@Redfish.AllowableValues")};
}

void read_reset(const JsonView& system, System& out) {
  const auto actions = system.member("Actions");
  const auto reset = actions ? actions->member("#ComputerSystem.Reset") : std::nullopt;
  if (!reset) return;
  out.reset_target = reset->text("target");
  out.reset_types = allowable(*reset, "ResetType@Redfish.AllowableValues");
  out.reset_action_info = reset->text("@Redfish.ActionInfo");
}

/// GiB, as a number that need not be whole.
std::uint64_t read_memory(const JsonView& system) {
  const auto summary = system.member("MemorySummary");
  const auto gibibytes = summary ? summary->member("TotalSystemMemoryGiB") : std::nullopt;
  if (!gibibytes) return 0;
  constexpr double kMost = 1 << 20;
  const double value = gibibytes->number();
  if (!(value >= 0 && value <= kMost)) gibibytes->fail("expected a size of memory in GiB");
  constexpr double kGibibyte = 1 << 30;
  return static_cast<std::uint64_t>(std::llround(value * kGibibyte));
}

}  // namespace

Root read_root(std::string_view json) {
  const nlohmann::json document = oci::parse_json(json, "the BMC's service root");
  const JsonView root{document, "the BMC's service root"};
  Root out{link(root, "Systems"), {}};
  if (const auto further = root.member("Links")) out.sessions = link(*further, "Sessions");
  if (out.systems.empty()) root.fail("it has no 'Systems'");
  return out;
}

Collection read_collection(std::string_view json, std::string_view name) {
  const nlohmann::json document = oci::parse_json(json, name);
  const JsonView collection{document, name};
  return {links(collection, "Members"), collection.text("Members@odata.nextLink")};
}

System read_system(std::string_view json, std::string_view name) {
  const nlohmann::json document = oci::parse_json(json, name);
  const JsonView system{document, name};
  System out;
  out.path = system.text("@odata.id");
  out.id = system.text("Id");
  out.name = system.text("Name");
  out.model = system.text("Model");
  out.power_state = system.text("PowerState");
  out.etag = system.text("@odata.etag");
  if (const auto progress = system.member("BootProgress")) out.boot_progress = progress->text("LastState");
  if (const auto processors = system.member("ProcessorSummary")) out.processor = processors->text("Model");
  out.memory_bytes = read_memory(system);
  out.boot = read_boot(system);
  read_reset(system, out);
  if (const auto settings = system.member("@Redfish.Settings")) out.settings = link(*settings, "SettingsObject");
  out.processors = link(system, "Processors");
  out.virtual_media = link(system, "VirtualMedia");
  if (const auto further = system.member("Links")) out.managers = links(*further, "ManagedBy");
  if (const auto console = system.member("SerialConsole")) {
    out.ssh = read_serial(*console, "SSH");
    out.ipmi = read_serial(*console, "IPMI");
  }
  return out;
}

std::string read_architecture(std::string_view json, std::string_view name) {
  const nlohmann::json document = oci::parse_json(json, name);
  const JsonView processor{document, name};
  const std::string instructions = processor.text("InstructionSet");
  if (instructions == "ARM-A64") return "arm64";
  if (instructions == "x86-64") return "amd64";
  if (instructions == "RV64") return "riscv64";
  if (!instructions.empty()) return {};
  // Without it there is the family; servers of both have 64 bits.
  const std::string family = processor.text("ProcessorArchitecture");
  if (family == "ARM") return "arm64";
  if (family == "x86") return "amd64";
  return {};
}

std::optional<std::vector<std::string>> read_reset_types(std::string_view json, std::string_view name) {
  const nlohmann::json document = oci::parse_json(json, name);
  const JsonView info{document, name};
  for (const JsonView& parameter : info.items("Parameters")) {
    if (parameter.text("Name") == "ResetType") return allowable(parameter, "AllowableValues");
  }
  return std::nullopt;
}

std::string read_virtual_media_path(std::string_view json, std::string_view name) {
  const nlohmann::json document = oci::parse_json(json, name);
  return link(JsonView{document, name}, "VirtualMedia");
}

VirtualMedia read_virtual_media(std::string_view json, std::string_view name) {
  const nlohmann::json document = oci::parse_json(json, name);
  const JsonView media{document, name};
  VirtualMedia out{media.texts("MediaTypes"), media.text("Image"), media.flag("Inserted"), {}, {}};
  if (const auto actions = media.member("Actions")) {
    if (const auto insert = actions->member("#VirtualMedia.InsertMedia")) out.insert_target = insert->text("target");
    if (const auto eject = actions->member("#VirtualMedia.EjectMedia")) out.eject_target = eject->text("target");
  }
  return out;
}

std::string read_error(std::string_view json) {
  try {
    const nlohmann::json document = oci::parse_json(json, "error");
    const auto error = JsonView{document, "error"}.member("error");
    if (!error) return {};
    std::string messages;
    for (const JsonView& info : error->items("@Message.ExtendedInfo")) {
      const std::string message = info.text("Message");
      if (!message.empty()) messages += concat(messages.empty() ? "" : " ", message);
    }
    return printable(messages.empty() ? error->text("message") : messages);
  } catch (const Error&) {
    return {};
  }
}

}  // namespace kiln::machine::redfish
