#include "base/error.h"
#include "runtime/bundle.h"

namespace kiln::runtime {

IdTable number_containers(const config::System& system) {
  IdTable table;
  std::uint32_t next = 100;
  for (const auto* section : {&system.onboot, &system.onshutdown, &system.services})
    for (const config::Container& container : *section) table[container.name] = next++;
  return table;
}

std::uint32_t resolve_id(const config::Id& id, const IdTable& table) {
  if (const auto* number = std::get_if<std::uint32_t>(&id)) return *number;
  const std::string& name = std::get<std::string>(id);
  if (name.empty() || name == "root") return 0;
  const auto found = table.find(name);
  if (found == table.end()) {
    const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
    throw Error{"cannot find id: ", quote(name)}.with_hint(
        is_number ? "write a number without quotes" : "use a number, root, or the name of a container");
  }
  return found->second;
}

}  // namespace kiln::runtime
