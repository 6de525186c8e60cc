#include "convert/compose_service.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/error.h"
#include "convert/compose_words.h"
#include "convert/interpolation.h"

namespace kiln::convert {
namespace {

using config::Node;

// Keys without a counterpart, and what to do about them. An empty text: nothing is lost.
const std::map<std::string_view, std::string_view> kLost = {
    {"container_name", ""},
    {"expose", ""},
    {"pull_policy", ""},
    {"attach", ""},
    {"tty", ""},
    {"stdin_open", ""},
    {"init", "a service is the first process of its container: let the image bring a program that reaps its children"},
    {"healthcheck", "nothing checks it: let the program end when it is not well, and `restart` start it anew"},
    {"depends_on",
     "all services are started at once: let the program wait for what it needs, or move what runs once to "
     "onboot:, which is done in order before services start"},
    {"links", "services share the machine's network: they reach each other at 127.0.0.1, by the names in /etc/hosts"},
    {"external_links", "name the other machine in /etc/hosts, or in DNS"},
    {"networks",
     "services share the machine's network: they reach each other at 127.0.0.1, by the names in /etc/hosts"},
    {"dns", "name servers are the machine's, which DHCP gives; or write /etc/resolv.conf with files:"},
    {"dns_search", "the domain is the machine's, which DHCP gives"},
    {"logging", "logs are kept in bounded files on the machine: see `service logs`"},
    {"secrets",
     "put the file into the image with files:, mode 0400, and bind it; or fetch it when the machine boots "
     "(metadata)"},
    {"configs", "put the file into the image with files:, and bind it"},
    {"stop_signal", "services are stopped with SIGTERM"},
    {"stop_grace_period", "services have the machine's time to stop"},
    {"platform", "the architecture is that of the machine: kiln build --arch"},
    {"runtime", "containers run under crun"},
    {"userns_mode", "there are no user namespaces: set uid and gid"},
    {"cgroup_parent", "set cgroupsPath"},
    {"isolation", "it is Windows'"},
    {"mac_address", "services share the machine's network"},
    {"domainname", "set hostname to the whole name"},
    {"group_add", "set additionalGids to the numbers of the groups"},
    {"devices", "bind the device (binds: [/dev/NAME:/dev/NAME]) and allow it under devices: with its numbers and mode"},
    {"volumes_from", "repeat the other service's volumes"},
    {"extends", "repeat what the other service has"},
    {"scale", "there is one container of each service"},
    {"develop", ""},
    {"gpus", "bind the devices of the driver, and allow them under devices:"},
    {"deploy", "there is one machine; limits go into mem_limit and cpus"},
    {"blkio_config", "set resources.blockIO"},
    {"storage_opt", "containers have the machine's memory or disk"},
    {"credential_spec", "it is Windows'"},
};

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

class ServiceReader {
 public:
  ServiceReader(ComposeService& out, ComposeReader& reader) : out_{out}, reader_{reader} {}

  void read(const Node& node) {
    for (const auto& [key, value] : node.entries) {
      if (!take(key->text, *key, *value)) unknown(key->text, *key);
    }
  }

 private:
  void unknown(const std::string& key, const Node& where) {
    if (key.starts_with("x-")) return;
    const auto lost = kLost.find(key);
    if (lost == kLost.end()) {
      reader_.remark(where, concat(quote(key), " of service ", quote(out_.name), " is not known to Kiln and left out"));
    } else if (!lost->second.empty()) {
      reader_.remark(where,
                     concat(quote(key), " of service ", quote(out_.name), " has no counterpart: ", lost->second));
    }
  }

  /// False for a key that is none of these.
  bool take(const std::string& key, const Node& where, const Node& value) {
    return take_process(key, value) || take_rights(key, value) || take_storage(key, value) ||
           take_limits(key, where, value) || take_surroundings(key, where, value);
  }

  std::vector<std::string> command_of(const Node& value) {
    if (value.kind == Node::Kind::sequence || value.kind == Node::Kind::null) return reader_.texts(value);
    try {
      return shell_words(reader_.text(value));
    } catch (const Error& error) {
      reader_.error(value, error.message());
      return {};
    }
  }

  bool take_process(const std::string& key, const Node& value) {
    if (key == "image") {
      out_.image = reader_.text(value);
      out_.image_node = &value;
    } else if (key == "command") {
      if (value.kind != Node::Kind::null) out_.command = command_of(value);
    } else if (key == "entrypoint") {
      if (value.kind != Node::Kind::null) out_.entrypoint = command_of(value);
    } else if (key == "environment") {
      for (auto& [name, text] : reader_.pairs(value)) out_.environment[name] = text;
      out_.has_environment = true;
    } else if (key == "env_file") {
      take_env_files(value);
    } else if (key == "working_dir") {
      out_.working_dir = reader_.text(value);
    } else if (key == "user") {
      out_.user = reader_.text(value);
      out_.user_node = &value;
    } else if (key == "restart") {
      take_restart(value);
    } else {
      return false;
    }
    return true;
  }

  void take_env_files(const Node& value) {
    out_.has_environment = true;
    const auto add = [&](const Node& where, const std::string& path, bool required) {
      try {
        for (auto& [name, text] : parse_env_file(reader_.surroundings().read_file(path), path))
          out_.from_files[name] = text;
      } catch (const Error& error) {
        if (required) reader_.error(where, concat("env_file: ", error.message()));
      }
    };
    if (value.kind != Node::Kind::sequence) return add(value, reader_.text(value), true);
    for (const auto& item : value.items) {
      const Node* path = item->find("path");
      const Node* required = item->find("required");
      add(*item, reader_.text(path != nullptr ? *path : *item), required == nullptr || required->text != "false");
    }
  }

  void take_restart(const Node& value) {
    const std::string policy = reader_.text(value);
    if (policy == "always" || policy == "unless-stopped") {
      out_.restart = "always";
    } else if (policy.starts_with("on-failure")) {
      out_.restart = "on-failure";
    } else if (policy != "no") {
      reader_.error(value, concat("restart is ", quote(policy), ", expected no, always, unless-stopped or on-failure"));
    }
  }

  bool take_rights(const std::string& key, const Node& value) {
    if (key == "cap_add") {
      for (const std::string& name : reader_.texts(value)) out_.add.push_back(capability(name));
    } else if (key == "cap_drop") {
      for (const std::string& name : reader_.texts(value)) out_.drop.push_back(capability(name));
    } else if (key == "privileged") {
      out_.privileged = reader_.flag(value);
    } else if (key == "security_opt") {
      for (const std::string& option : reader_.texts(value)) {
        if (option == "no-new-privileges" || option == "no-new-privileges:true") {
          out_.no_new_privileges = true;
        } else {
          reader_.remark(value, concat("security_opt ", quote(option), " has no counterpart: there are no profiles"));
        }
      }
    } else {
      return false;
    }
    return true;
  }

  static std::string capability(std::string name) {
    name = upper(std::move(name));
    return name == "ALL" || name.starts_with("CAP_") ? name : "CAP_" + name;
  }

  bool take_storage(const std::string& key, const Node& value) {
    if (key == "volumes") {
      for (const auto& item : value.items) take_volume(*item);
    } else if (key == "tmpfs") {
      for (std::string& target : reader_.texts(value))
        out_.volumes.push_back({&value, "", std::move(target), "", true});
    } else if (key == "read_only") {
      out_.readonly = reader_.flag(value);
    } else if (key == "shm_size") {
      if (const auto size = byte_size(reader_.text(value))) {
        out_.shm_size = *size;
      } else {
        reader_.error(value, "shm_size: expected a number of bytes, such as 64m");
      }
    } else {
      return false;
    }
    return true;
  }

  void take_volume(const Node& item) {
    if (item.kind != Node::Kind::mapping) return take_short_volume(item);
    const auto field = [&](const char* key) {
      const Node* node = item.find(key);
      return node != nullptr ? reader_.text(*node) : std::string{};
    };
    const std::string type = field("type"), target = field("target");
    if (target.empty()) return reader_.error(item, "a volume has no target");
    if (type == "tmpfs") {
      out_.volumes.push_back({&item, "", target, "", true});
    } else if (type != "volume" && type != "bind") {
      reader_.error(item, concat("volume type ", quote(type), ", expected volume, bind or tmpfs"));
    } else {
      out_.volumes.push_back({&item, field("source"), target, field("read_only") == "true" ? "ro" : "", false});
    }
  }

  void take_short_volume(const Node& item) {
    const std::vector<std::string> parts = split(reader_.text(item), ':');
    if (parts.size() > 3) return reader_.error(item, "a volume is SOURCE:TARGET[:OPTIONS]");
    if (parts.size() == 1) {
      out_.volumes.push_back({&item, "", parts[0], "", false});
    } else {
      out_.volumes.push_back({&item, parts[0], parts[1], parts.size() == 3 ? parts[2] : "", false});
    }
  }

  bool take_limits(const std::string& key, const Node& where, const Node& value) {
    if (key == "ulimits") {
      take_ulimits(value);
    } else if (key == "mem_limit" || key == "mem_reservation") {
      if (const auto size = byte_size(reader_.text(value))) {
        (key == "mem_limit" ? out_.memory_limit : out_.memory_reservation) = *size;
      } else {
        reader_.error(value, concat(key, ": expected a number of bytes, such as 512m"));
      }
    } else if (key == "pids_limit") {
      out_.pids_limit = reader_.text(value);
    } else if (key == "cpu_shares") {
      out_.cpu_shares = reader_.text(value);
    } else if (key == "cpuset") {
      out_.cpuset = reader_.text(value);
    } else if (key == "cpus") {
      take_cpus(value);
    } else if (key == "oom_score_adj") {
      out_.oom_score_adj = reader_.text(value);
    } else if (key == "sysctls") {
      take_sysctls(where, value);
    } else {
      return false;
    }
    return true;
  }

  void take_ulimits(const Node& value) {
    for (const auto& [name, limit] : value.entries) {
      const Node* soft = limit->find("soft");
      const Node* hard = limit->find("hard");
      const std::string low = reader_.text(soft != nullptr ? *soft : *limit);
      const std::string high = reader_.text(hard != nullptr ? *hard : soft != nullptr ? *soft : *limit);
      const auto written = [](const std::string& number) { return number == "-1" ? std::string{"unlimited"} : number; };
      out_.rlimits.push_back(concat(name->text, ",", written(low), ",", written(high)));
    }
  }

  void take_cpus(const Node& value) {
    const std::string text = reader_.text(value);
    double cpus = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpus);
    if (error != std::errc{} || end != text.data() + text.size() || !(cpus > 0) || cpus > 4096) {
      return reader_.error(value, "cpus: expected a number of processors, such as 0.5");
    }
    constexpr double kPeriod = 100'000;  // microseconds, as docker
    out_.cpu_quota = std::to_string(static_cast<std::int64_t>(cpus * kPeriod));
  }

  void take_sysctls(const Node& where, const Node& value) {
    for (const auto& [name, text] : reader_.pairs(value)) {
      if (name.starts_with("net.")) {
        reader_.remark(where,
                       concat("sysctl ", quote(name), " of service ", quote(out_.name),
                              " belongs to the machine's network, which it shares: let @kiln:sysctl set it, from "
                              "a file in /etc/sysctl.d"));
      } else {
        out_.sysctls[name] = text;
      }
    }
  }

  bool take_surroundings(const std::string& key, const Node& where, const Node& value) {
    if (key == "network_mode") {
      take_network(value);
    } else if (key == "hostname") {
      out_.hostname = reader_.text(value);
    } else if (key == "pid") {
      out_.pid = reader_.text(value);
      if (out_.pid != "host") {
        reader_.remark(value,
                       concat("pid: ", quote(out_.pid), " has no counterpart: the service has processes of its own"));
        out_.pid.clear();
      }
    } else if (key == "ipc" || key == "uts" || key == "cgroup") {
      const std::string mode = reader_.text(value);
      if (key == "ipc" && mode == "private") out_.ipc = "new";
    } else if (key == "ports") {
      take_ports(value);
    } else if (key == "extra_hosts") {
      reader_.remark(where, "extra_hosts: the names are put into /etc/hosts for all services");
      for (auto& [name, address] : hosts_of(value)) out_.extra_hosts[name] = address;
    } else if (key == "labels") {
      out_.labels = reader_.pairs(value);
    } else if (key == "profiles") {
      reader_.remark(where, concat("service ", quote(out_.name), " is only started with a profile; here it always is"));
    } else if (key == "build") {
      reader_.remark(where, concat("service ", quote(out_.name),
                                   " is built from a Dockerfile: build and push its image first, or "
                                   "make it a package (kiln pkg build) and write image: \"@pkg:PATH\""));
    } else {
      return false;
    }
    return true;
  }

  std::map<std::string, std::string> hosts_of(const Node& value) {
    std::map<std::string, std::string> out;
    if (value.kind == Node::Kind::mapping) return reader_.pairs(value);
    for (const std::string& entry : reader_.texts(value)) {
      const std::size_t at = entry.find_first_of("=:");
      if (at == std::string::npos) {
        reader_.error(value, "extra_hosts: expected NAME:ADDRESS");
      } else {
        out[entry.substr(0, at)] = entry.substr(at + 1);
      }
    }
    return out;
  }

  void take_network(const Node& value) {
    const std::string mode = reader_.text(value);
    if (mode == "none") {
      out_.net = "new";
    } else if (mode != "host" && mode != "bridge") {
      reader_.remark(value, concat("network_mode ", quote(mode), ": the service has the machine's network"));
    }
  }

  /// A service's port is the machine's: nothing maps one to another.
  void take_ports(const Node& value) {
    for (const auto& item : value.items) {
      std::string published, target;
      if (item->kind == Node::Kind::mapping) {
        if (const Node* node = item->find("published")) published = reader_.text(*node);
        if (const Node* node = item->find("target")) target = reader_.text(*node);
      } else {
        std::vector<std::string> parts = split(split(reader_.text(*item), '/')[0], ':');
        target = parts.back();
        if (parts.size() > 1) published = parts[parts.size() - 2];
      }
      if (published.empty() || published == target) continue;
      reader_.remark(*item, concat("port ", target, " of service ", quote(out_.name), " is the machine's port ", target,
                                   ", not ", published, ": have the program listen on ", published,
                                   "; in QEMU, kiln run --publish ", published, ":", target));
    }
  }

  ComposeService& out_;
  ComposeReader& reader_;
};

}  // namespace

ComposeService read_service(const std::string& name, const Node& node, ComposeReader& reader) {
  ComposeService service;
  service.name = name;
  service.where = &node;
  ServiceReader{service, reader}.read(node);
  return service;
}

}  // namespace kiln::convert
