// config.json of a container: runtime-spec's model in the order of Go's types (spec oci-runtime.md §2).
#include <set>

#include "config/resources.h"
#include "runtime/bundle.h"
#include "runtime/capabilities.h"
#include "runtime/devices.h"
#include "runtime/mounts.h"
#include "runtime/rlimits.h"

namespace kiln::runtime {
namespace {

using config::ContainerOptions;
using config::Value;
using Texts = std::vector<std::string>;

constexpr char kRuntimeSpecVersion[] = "1.2.1";

void add_if_any(Value& object, std::string key, Value value) {
  if (!value.empty()) object.add(std::move(key), std::move(value));
}

std::string text_or(const std::optional<std::string>& text, const std::string& otherwise) {
  return text && !text->empty() ? *text : otherwise;
}

Value user(const ContainerOptions& options, const IdTable& ids) {
  Value value;
  value.add("uid", resolve_id(options.uid.value_or(0U), ids));
  value.add("gid", resolve_id(options.gid.value_or(0U), ids));
  Value gids;
  for (const config::Id& gid : options.additional_gids.value_or(std::vector<config::Id>{}))
    gids.append(resolve_id(gid, ids));
  add_if_any(value, "additionalGids", std::move(gids));
  return value;
}

Texts arguments(const ContainerOptions& options, const oci::ImageConfig& image) {
  if (options.command) return *options.command;
  Texts all = image.entrypoint;
  all.insert(all.end(), image.cmd.begin(), image.cmd.end());
  return all;
}

/// §5: the union of both lists bounds; only `capabilities` is effective at once.
Value capabilities(const ContainerOptions& options) {
  const Texts effective = expand_capabilities(options.capabilities.value_or(Texts{}));
  const Texts ambient = expand_capabilities(options.ambient.value_or(Texts{}));
  std::set<std::string> every{effective.begin(), effective.end()};
  every.insert(ambient.begin(), ambient.end());
  const Value bounding = to_value(Texts{every.begin(), every.end()});
  Value value{Value::Object{}};
  add_if_any(value, "bounding", bounding);
  add_if_any(value, "effective", to_value(effective));
  add_if_any(value, "inheritable", bounding);
  add_if_any(value, "permitted", bounding);
  add_if_any(value, "ambient", to_value(ambient));
  return value;
}

Value process(const ContainerOptions& options, const oci::ImageConfig& image, const IdTable& ids) {
  Value value;
  value.add("user", user(options, ids));
  add_if_any(value, "args", to_value(arguments(options, image)));
  add_if_any(value, "env", to_value(options.env.value_or(image.env)));
  value.add("cwd", text_or(options.cwd, image.working_dir.empty() ? "/" : image.working_dir));
  value.add("capabilities", capabilities(options));
  add_if_any(value, "rlimits", parse_rlimits(options.rlimits.value_or(Texts{})));
  if (options.no_new_privileges.value_or(false)) value.add("noNewPrivileges", true);
  if (options.oom_score_adj) value.add("oomScoreAdj", *options.oom_score_adj);
  return value;
}

Value root(const ContainerOptions& options) {
  Value value;
  value.add("path", "rootfs");
  if (options.readonly.value_or(false)) value.add("readonly", true);
  return value;
}

struct NamespaceRule {
  const char* type;
  std::optional<std::string> ContainerOptions::*option;
  const char* otherwise;  ///< the value when nothing is given
};

// The order is LinuxKit's (§4.1). Sharing with the host is the default, except for process ids.
constexpr NamespaceRule kNamespaces[] = {
    {"network", &ContainerOptions::net, "root"}, {"ipc", &ContainerOptions::ipc, "root"},
    {"uts", &ContainerOptions::uts, "root"},     {"pid", &ContainerOptions::pid, "new"},
    {"user", &ContainerOptions::userns, "root"},
};

Value namespaces(const ContainerOptions& options) {
  Value list;
  for (const NamespaceRule& rule : kNamespaces) {
    const std::string value = text_or(options.*rule.option, rule.otherwise);
    if (value == "host" || value == "root") continue;
    Value entry;
    entry.add("type", rule.type);
    const bool is_new = value == "new" || (value == "none" && rule.option == &ContainerOptions::net);
    if (!is_new) entry.add("path", value);
    list.append(std::move(entry));
  }
  return list.append(Value{}.add("type", "mount"));
}

Value texts_by_key(const std::optional<std::map<std::string, std::string>>& texts) {
  Value object;
  if (texts)
    for (const auto& [key, text] : *texts) object.add(key, text);
  return object;
}

Value linux_section(const ContainerOptions& options) {
  config::Resources resources = options.resources.value_or(config::Resources{});
  Devices devices =
      container_devices(options.devices.value_or(std::vector<config::Device>{}), std::move(resources.devices));
  resources.devices = std::move(devices.rules);
  Value value;
  if (options.uid_mappings) add_if_any(value, "uidMappings", to_value(*options.uid_mappings));
  if (options.gid_mappings) add_if_any(value, "gidMappings", to_value(*options.gid_mappings));
  add_if_any(value, "sysctl", texts_by_key(options.sysctl));
  value.add("resources", config::resources_for_json(resources));
  add_if_any(value, "cgroupsPath", text_or(options.cgroups_path, ""));
  value.add("namespaces", namespaces(options));
  add_if_any(value, "devices", std::move(devices.nodes));
  add_if_any(value, "rootfsPropagation", text_or(options.rootfs_propagation, ""));
  add_if_any(value, "maskedPaths", to_value(options.masked_paths.value_or(Texts{})));
  add_if_any(value, "readonlyPaths", to_value(options.readonly_paths.value_or(Texts{})));
  return value;
}

}  // namespace

std::string config_json(const ContainerOptions& options, const oci::ImageConfig& image, const IdTable& ids) {
  Value value;
  value.add("ociVersion", kRuntimeSpecVersion);
  value.add("process", process(options, image, ids));
  value.add("root", root(options));
  add_if_any(value, "hostname", text_or(options.hostname, ""));
  value.add("mounts", to_value(container_mounts(options)));
  add_if_any(value, "annotations", texts_by_key(options.annotations));
  value.add("linux", linux_section(options));
  return config::to_go_json(value);
}

}  // namespace kiln::runtime
