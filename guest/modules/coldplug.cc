#include "modules/coldplug.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace guest {
namespace {

constexpr int kMaxRounds = 5;

bool one_of(std::string_view bus, const auto& buses) {
  return std::find(buses.begin(), buses.end(), bus) != buses.end();
}

/// Whether the devices of a bus are worth a look. Scanning costs an open a device, and some buses have thousands.
bool wanted_bus(std::string_view bus, ColdplugScope scope) {
  constexpr std::array<std::string_view, 11> kWithoutAliases = {"clockevents",  "clocksource", "container",    "edac",
                                                                "event_source", "gpio",        "machinecheck", "memory",
                                                                "node",         "nvmem",       "workqueue"};
  constexpr std::array<std::string_view, 2> kLater = {"acpi", "cpu"};
  return !one_of(bus, kWithoutAliases) && (scope == ColdplugScope::all || !one_of(bus, kLater));
}

/// Of the devices on buses that are looked at: keyboards, buttons and mice. (18 is virtio's number for them.)
bool can_wait(std::string_view alias) {
  constexpr std::array<std::string_view, 2> kInput = {"input:", "virtio:d00000012v"};
  return std::any_of(kInput.begin(), kInput.end(),
                     [&](std::string_view kind) { return alias.substr(0, kind.size()) == kind; });
}

void collect(const std::string& directory, std::vector<std::string>& aliases) {
  for (const std::string& device : list_directory(directory)) {
    std::string alias = read_value(directory + "/" + device + "/modalias");
    if (!alias.empty()) aliases.push_back(std::move(alias));
  }
}

std::vector<std::string> present_aliases(ColdplugScope scope) {
  std::vector<std::string> aliases;
  for (const std::string& bus : list_directory("/sys/bus")) {
    if (wanted_bus(bus, scope)) collect("/sys/bus/" + bus + "/devices", aliases);
  }
  if (scope == ColdplugScope::all) collect("/sys/class/input", aliases);
  std::sort(aliases.begin(), aliases.end());
  aliases.erase(std::unique(aliases.begin(), aliases.end()), aliases.end());
  return aliases;
}

}  // namespace

void load_for_aliases(ModuleLoader& loader, std::vector<std::string> aliases) {
  std::sort(aliases.begin(), aliases.end());
  // A module that fails has logged it; the others are still wanted.
  for (const std::string& module : loader.resolve(aliases)) loader.load(module).ignore();
}

void coldplug(ModuleLoader& loader, ColdplugScope scope, UeventSocket& announced) {
  auto load = [&](std::vector<std::string> aliases) {
    if (scope == ColdplugScope::essential) std::erase_if(aliases, can_wait);
    load_for_aliases(loader, std::move(aliases));
  };
  load(present_aliases(scope));
  for (int round = 1; round < kMaxRounds; ++round) {
    bool overrun = false;
    std::vector<std::string> fresh = announced.read_aliases(overrun);
    if (overrun) fresh = present_aliases(scope);
    if (fresh.empty()) return;
    load(std::move(fresh));
  }
}

void load_listed_modules(ModuleLoader& loader, Log& log) {
  constexpr char kDirectory[] = "/etc/modules-load.d";
  for (const std::string& file : list_directory(kDirectory)) {
    if (file.size() < 5 || file.substr(file.size() - 5) != ".conf") continue;
    std::string text;
    if (read_file(std::string{kDirectory} + "/" + file, text).failed()) continue;
    std::string_view rest = text;
    std::string_view line;
    while (take_line(rest, line)) {
      line = trim(line);
      if (line.empty() || line[0] == '#' || line[0] == ';') continue;
      if (loader.load(module_name(line)).value() == ENOENT) {
        log.line(format("kiln: %s/%s: no module '%s'", kDirectory, file.c_str(), printable(line).c_str()));
      }
    }
  }
}

}  // namespace guest
