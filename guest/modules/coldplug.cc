#include "modules/coldplug.h"

#include <algorithm>
#include <array>

#include "base/text.h"

namespace guest {
namespace {

constexpr int kMaxRounds = 5;

bool essential_bus(std::string_view bus) {
  constexpr std::array<std::string_view, 3> kLater = {"acpi", "cpu", "event_source"};
  return std::find(kLater.begin(), kLater.end(), bus) == kLater.end();
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
    if (scope == ColdplugScope::all || essential_bus(bus)) collect("/sys/bus/" + bus + "/devices", aliases);
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

void coldplug(ModuleLoader& loader, ColdplugScope scope) {
  std::vector<std::string> seen;
  for (int round = 0; round < kMaxRounds; ++round) {
    std::vector<std::string> aliases = present_aliases(scope);
    std::vector<std::string> fresh;
    std::set_difference(aliases.begin(), aliases.end(), seen.begin(), seen.end(), std::back_inserter(fresh));
    if (fresh.empty()) return;
    int before = loader.loaded();
    load_for_aliases(loader, std::move(fresh));
    if (loader.loaded() == before) return;
    seen = std::move(aliases);
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
