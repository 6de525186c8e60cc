#include "convert/service_text.h"

#include "base/error.h"
#include "convert/system_text.h"

namespace kiln::convert {
namespace {

constexpr std::string_view kHead = R"(kernel:
  image: "@kiln:kernel-cloud"
  cmdline: "console=ttyS0 console=ttyAMA0"
init:
  - "@kiln:init"
  - "@kiln:crun"
onboot:
  - name: dhcpcd
    image: "@kiln:dhcpcd"
    command: ["/usr/sbin/dhcpcd", "--nobackground", "-f", "/dhcpcd.conf", "-1"]
)";

void add_map(Block& block, std::string_view key, const std::map<std::string, std::string>& map) {
  if (map.empty()) return;
  std::string text;
  for (const auto& [name, value] : map)
    text += concat(text.empty() ? "" : ", ", yaml_text(name), ": ", yaml_text(value));
  block.raw(key, concat("{", text, "}"));
}

void add_resources(Block& block, const Service& service) {
  std::string memory, cpu, all;
  const auto add = [](std::string& to, std::string_view key, std::string_view value) {
    if (!value.empty()) to += concat(to.empty() ? "" : ", ", key, ": ", value);
  };
  const auto number = [](std::uint64_t value) { return value > 0 ? std::to_string(value) : std::string{}; };
  add(memory, "limit", number(service.memory_limit));
  add(memory, "reservation", number(service.memory_reservation));
  add(cpu, "shares", service.cpu_shares);
  add(cpu, "quota", service.cpu_quota);
  add(cpu, "period", service.cpu_quota.empty() ? "" : "100000");
  add(cpu, "cpus", service.cpuset.empty() ? "" : yaml_text(service.cpuset));
  if (!memory.empty()) add(all, "memory", concat("{", memory, "}"));
  if (!cpu.empty()) add(all, "cpu", concat("{", cpu, "}"));
  if (!service.pids_limit.empty() && service.pids_limit != "-1")
    add(all, "pids", concat("{limit: ", service.pids_limit, "}"));
  if (!all.empty()) block.raw("resources", concat("{", all, "}"));
}

void add_process(Block& block, const Service& service) {
  if (!service.command.empty()) block.flow("command", service.command);
  block.list("env", service.env);
  if (!service.cwd.empty()) block.text("cwd", service.cwd);
  if (!service.uid.empty()) block.raw("uid", service.uid);
  if (!service.gid.empty()) block.raw("gid", service.gid);
  block.list("capabilities", service.capabilities);
  if (service.no_new_privileges) block.raw("noNewPrivileges", "true");
  if (service.readonly) block.raw("readonly", "true");
  if (!service.net.empty()) block.raw("net", service.net);
  if (!service.pid.empty()) block.raw("pid", service.pid);
  if (!service.ipc.empty()) block.raw("ipc", service.ipc);
  if (service.hostname.empty()) return;
  block.raw("uts", "new");
  block.text("hostname", service.hostname);
}

void add_storage(Block& block, const Service& service) {
  block.list("binds", service.binds);
  block.list("tmpfs", service.tmpfs);
  if (service.shm_size > 0) {
    block.raw("mounts",
              concat("[{destination: /dev/shm, type: tmpfs, options: [nosuid, nodev, noexec, mode=1777, size=",
                     service.shm_size, "]}]"));
  }
  if (service.all_devices) block.raw("devices", "[{path: all, type: a}]");
}

/// Its item of `services:`.
std::string service_item(const Service& service) {
  Block block{4};
  block.text("image", service.image);
  add_process(block, service);
  add_storage(block, service);
  block.list("rlimits", service.rlimits);
  add_resources(block, service);
  add_map(block, "sysctl", service.sysctl);
  if (!service.oom_score_adj.empty()) block.raw("oomScoreAdj", service.oom_score_adj);
  add_map(block, "annotations", service.annotations);
  if (!service.mkdir.empty()) {
    std::string list;
    for (const std::string& directory : service.mkdir) list += concat(list.empty() ? "" : ", ", yaml_text(directory));
    block.raw("runtime", concat("{mkdir: [", list, "]}"));
  }
  return concat("  - name: ", yaml_text(service.name), "\n", block.lines());
}

std::string file_item(const FileEntry& entry) {
  Block block{4};
  if (entry.is_directory) block.raw("directory", "true");
  if (!entry.source.empty()) block.text("source", entry.source);
  if (!entry.contents.empty()) block.text("contents", entry.contents);
  block.text("mode", entry.is_directory ? "0755" : "0644");
  return concat("  - path: ", yaml_text(entry.path), "\n", block.lines());
}

}  // namespace

std::string system_text(const std::string& origin, const std::vector<Service>& services,
                        const std::vector<FileEntry>& files) {
  std::string text = concat("# The services of ", yaml_text(origin), ", by `kiln convert`.\n", kHead, "services:\n");
  for (const Service& service : services) text += service_item(service);
  text += "files:\n";
  for (const FileEntry& file : files) text += file_item(file);
  return text;
}

}  // namespace kiln::convert
