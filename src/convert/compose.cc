#include "convert/compose.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <set>

#include "base/error.h"
#include "config/node.h"
#include "convert/system_text.h"
#include "oci/reference.h"

namespace kiln::convert {
namespace {

using config::Node;

constexpr std::size_t kMostFiles = 100;  // of a directory that is bound

// What Docker gives every container (moby, "DefaultCapabilities"); LinuxKit gives none.
constexpr const char* kDefaultCapabilities[] = {
    "CAP_AUDIT_WRITE", "CAP_CHOWN",   "CAP_DAC_OVERRIDE",     "CAP_FOWNER",    "CAP_FSETID",
    "CAP_KILL",        "CAP_MKNOD",   "CAP_NET_BIND_SERVICE", "CAP_NET_RAW",   "CAP_SETFCAP",
    "CAP_SETGID",      "CAP_SETPCAP", "CAP_SETUID",           "CAP_SYS_CHROOT"};

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

std::vector<std::string> split(std::string_view text, char separator) {
  std::vector<std::string> out;
  for (;;) {
    const std::size_t end = text.find(separator);
    out.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return out;
    text.remove_prefix(end + 1);
  }
}

std::optional<std::uint64_t> whole_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

/// "512m", "1gb", "1024": bytes (compose-spec, "byte value").
std::optional<std::uint64_t> byte_size(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::tolower(c); });
  if (text.ends_with('b')) text.pop_back();
  unsigned shift = 0;
  if (!text.empty() && text.back() == 'k') shift = 10;
  if (!text.empty() && text.back() == 'm') shift = 20;
  if (!text.empty() && text.back() == 'g') shift = 30;
  if (shift > 0) text.pop_back();
  const auto number = whole_number(text);
  if (!number || *number > (std::uint64_t{1} << 62 >> shift)) return std::nullopt;
  return *number << shift;
}

/// A command in one string as a shell would split it, quotes and backslashes understood; nothing else of a shell is.
std::vector<std::string> shell_words(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  bool is_word = false;
  char quote = '\0';
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\\' && quote != '\'' && i + 1 < text.size()) {
      word += text[++i];
      is_word = true;
    } else if (quote != '\0') {
      if (c == quote) {
        quote = '\0';
      } else {
        word += c;
      }
    } else if (c == '"' || c == '\'') {
      quote = c;
      is_word = true;
    } else if (c == ' ' || c == '\t' || c == '\n') {
      if (is_word) words.push_back(std::exchange(word, {}));
      is_word = false;
    } else {
      word += c;
      is_word = true;
    }
  }
  if (quote != '\0') throw Error{"a quote is not closed"};
  if (is_word) words.push_back(std::move(word));
  return words;
}

/// Entries of files: that binds lead to.
struct FileEntry {
  std::string path, source, contents;
  bool is_directory = false;
};

/// What the services have in common.
struct Shared {
  const Surroundings& around;
  std::string file;
  config::Diagnostics diagnostics;
  std::vector<Remark> remarks;
  std::vector<FileEntry> files;
  std::set<std::string> volumes;  ///< named ones that are declared

  config::Position position(const Node& node) const { return {file, node.line, node.column}; }
  void error(const Node& node, std::string message, std::string hint = "") {
    diagnostics.error(position(node), std::move(message), std::move(hint));
  }
  void remark(const Node& node, std::string message) { remarks.push_back({position(node), std::move(message)}); }

  /// A scalar with its variables substituted.
  std::string text(const Node& node) {
    if (node.kind == Node::Kind::sequence || node.kind == Node::Kind::mapping) {
      error(node, "expected a single value");
      return {};
    }
    try {
      return interpolate(node.text, around.variables, [&](const std::string& name) {
        remark(node, concat("variable ", quote(name), " is not set: it is taken as empty"));
      });
    } catch (const Error& failed) {
      error(node, failed.message());
      return {};
    }
  }

  /// A list of texts, or one text as a list of one.
  std::vector<std::string> texts(const Node& node) {
    if (node.kind == Node::Kind::null) return {};
    if (node.kind != Node::Kind::sequence) return {text(node)};
    std::vector<std::string> out;
    for (const auto& item : node.items) out.push_back(text(*item));
    return out;
  }

  bool flag(const Node& node) {
    const std::string value = text(node);
    if (value != "true" && value != "false") error(node, concat("expected true or false, got ", quote(value)));
    return value == "true";
  }

  /// A mapping, or a list of NAME=VALUE. A name without a value has the environment's, if it has one.
  std::map<std::string, std::string> pairs(const Node& node) {
    std::map<std::string, std::string> out;
    const auto add = [&](const std::string& name, std::optional<std::string> value) {
      if (!value) value = around.variables(name);
      if (value) out[name] = *value;
    };
    if (node.kind == Node::Kind::mapping) {
      for (const auto& [key, value] : node.entries) {
        add(key->text, value->kind == Node::Kind::null ? std::nullopt : std::optional{text(*value)});
      }
      return out;
    }
    for (const std::string& entry : texts(node)) {
      const std::size_t equals = entry.find('=');
      add(entry.substr(0, equals),
          equals == std::string::npos ? std::nullopt : std::optional{entry.substr(equals + 1)});
    }
    return out;
  }
};

class Service {
 public:
  Service(std::string name, const Node& node, Shared& shared) : name_{std::move(name)}, node_{node}, shared_{shared} {}

  /// Its item of `services:`.
  std::string convert() {
    for (const auto& [key, value] : node_.entries) {
      if (!take(key->text, *key, *value)) unknown(key->text, *key);
    }
    if (image_node_ == nullptr) {
      shared_.error(
          node_, concat("service ", quote(name_), " has no image"),
          "build it first and name the image; or make it a package of its own, and write image: \"@pkg:PATH\"");
      return {};
    }
    if (image_.empty()) return {};  // a mistake that was told
    complete_from_image();
    return item();
  }

 private:
  void unknown(const std::string& key, const Node& where) {
    if (key.starts_with("x-")) return;
    const auto lost = kLost.find(key);
    if (lost == kLost.end()) {
      shared_.remark(where, concat(quote(key), " of service ", quote(name_), " is not known to Kiln and left out"));
    } else if (!lost->second.empty()) {
      shared_.remark(where, concat(quote(key), " of service ", quote(name_), " has no counterpart: ", lost->second));
    }
  }

  /// False for a key that is none of these.
  bool take(const std::string& key, const Node& where, const Node& value) {
    return take_process(key, value) || take_rights(key, value) || take_storage(key, value) ||
           take_limits(key, where, value) || take_surroundings(key, where, value);
  }

  std::vector<std::string> command_of(const Node& value) {
    if (value.kind == Node::Kind::sequence || value.kind == Node::Kind::null) return shared_.texts(value);
    try {
      return shell_words(shared_.text(value));
    } catch (const Error& error) {
      shared_.error(value, error.message());
      return {};
    }
  }

  bool take_process(const std::string& key, const Node& value) {
    if (key == "image") {
      image_ = shared_.text(value);
      image_node_ = &value;
    } else if (key == "command") {
      if (value.kind != Node::Kind::null) command_ = command_of(value);
    } else if (key == "entrypoint") {
      if (value.kind != Node::Kind::null) entrypoint_ = command_of(value);
    } else if (key == "environment") {
      for (auto& [name, text] : shared_.pairs(value)) environment_[name] = text;
      has_environment_ = true;
    } else if (key == "env_file") {
      take_env_files(value);
    } else if (key == "working_dir") {
      working_dir_ = shared_.text(value);
    } else if (key == "user") {
      user_ = shared_.text(value);
      user_node_ = &value;
    } else if (key == "restart") {
      take_restart(value);
    } else {
      return false;
    }
    return true;
  }

  void take_env_files(const Node& value) {
    has_environment_ = true;
    const auto add = [&](const Node& where, const std::string& path, bool required) {
      try {
        for (auto& [name, text] : parse_env_file(shared_.around.read_file(path), path)) from_files_[name] = text;
      } catch (const Error& error) {
        if (required) shared_.error(where, concat("env_file: ", error.message()));
      }
    };
    if (value.kind != Node::Kind::sequence) return add(value, shared_.text(value), true);
    for (const auto& item : value.items) {
      const Node* path = item->find("path");
      const Node* required = item->find("required");
      add(*item, shared_.text(path != nullptr ? *path : *item), required == nullptr || required->text != "false");
    }
  }

  void take_restart(const Node& value) {
    const std::string policy = shared_.text(value);
    if (policy == "always" || policy == "unless-stopped") {
      restart_ = "always";
    } else if (policy.starts_with("on-failure")) {
      restart_ = "on-failure";
    } else if (policy != "no") {
      shared_.error(value, concat("restart is ", quote(policy), ", expected no, always, unless-stopped or on-failure"));
    }
  }

  bool take_rights(const std::string& key, const Node& value) {
    if (key == "cap_add") {
      for (const std::string& name : shared_.texts(value)) add_.push_back(capability(name));
    } else if (key == "cap_drop") {
      for (const std::string& name : shared_.texts(value)) drop_.push_back(capability(name));
    } else if (key == "privileged") {
      privileged_ = shared_.flag(value);
    } else if (key == "security_opt") {
      for (const std::string& option : shared_.texts(value)) {
        if (option == "no-new-privileges" || option == "no-new-privileges:true") {
          no_new_privileges_ = true;
        } else {
          shared_.remark(value, concat("security_opt ", quote(option), " has no counterpart: there are no profiles"));
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
      for (std::string& target : shared_.texts(value)) tmpfs_.push_back(std::move(target));
    } else if (key == "read_only") {
      readonly_ = shared_.flag(value);
    } else if (key == "shm_size") {
      if (const auto size = byte_size(shared_.text(value))) {
        shm_size_ = *size;
      } else {
        shared_.error(value, "shm_size: expected a number of bytes, such as 64m");
      }
    } else {
      return false;
    }
    return true;
  }

  void take_volume(const Node& item) {
    if (item.kind != Node::Kind::mapping) {
      const std::vector<std::string> parts = split(shared_.text(item), ':');
      if (parts.size() == 1) return anonymous_volume(item, parts[0]);
      if (parts.size() > 3) return shared_.error(item, "a volume is SOURCE:TARGET[:OPTIONS]");
      return bind(item, parts[0], parts[1], parts.size() == 3 ? parts[2] : "");
    }
    const auto field = [&](const char* key) {
      const Node* node = item.find(key);
      return node != nullptr ? shared_.text(*node) : std::string{};
    };
    const std::string type = field("type"), target = field("target");
    if (target.empty()) return shared_.error(item, "a volume has no target");
    if (type == "tmpfs") {
      tmpfs_.push_back(target);
    } else if (type != "volume" && type != "bind") {
      shared_.error(item, concat("volume type ", quote(type), ", expected volume, bind or tmpfs"));
    } else if (field("source").empty()) {
      anonymous_volume(item, target);
    } else {
      bind(item, field("source"), target, field("read_only") == "true" ? "ro" : "");
    }
  }

  void anonymous_volume(const Node& item, const std::string& target) {
    shared_.remark(item, concat("volume ", quote(target), " of service ", quote(name_),
                                " has no name: it is a tmpfs, empty at every start"));
    tmpfs_.push_back(target);
  }

  static std::string bind_options(const std::string& options) {
    std::string out;
    for (const std::string& option : split(options, ',')) {
      if (option == "ro" || option == "rw") out += "," + option;  // z, Z, cached, delegated mean nothing here
    }
    return out.empty() ? "" : ":" + out.substr(1);
  }

  void bind(const Node& item, const std::string& source, const std::string& target, const std::string& options) {
    if (!target.starts_with('/'))
      return shared_.error(item, concat("volume target ", quote(target), " is not absolute"));
    const std::string suffix = concat(":", target, bind_options(options));
    if (source.starts_with('/')) {
      shared_.remark(item, concat("volume ", quote(source), " is a path of the machine that boots, not of this one"));
      directories_.push_back(source);
      binds_.push_back(source + suffix);
    } else if (source.starts_with('.') || source.starts_with('~')) {
      bind_files(item, source, suffix);
    } else {
      if (shared_.volumes.count(source) == 0) {
        return shared_.error(item, concat("volume ", quote(source), " is not declared under the file's volumes:"));
      }
      const std::string directory = concat("/var/lib/volumes/", source);
      shared_.remark(item, concat("volume ", quote(source), " is ", directory,
                                  ", which is in memory: to keep it, format and mount a disk at /var onboot"));
      directories_.push_back(directory);
      binds_.push_back(directory + suffix);
    }
  }

  /// What stands beside the compose file becomes part of the image.
  void bind_files(const Node& item, const std::string& source, const std::string& suffix) {
    const auto files = shared_.around.list_files(source);
    if (!files) {
      shared_.error(item, concat("volume ", quote(source), ": there is no such file or directory"));
      return;
    }
    if (files->size() > kMostFiles) {
      shared_.error(item,
                    concat("volume ", quote(source), " has ", files->size(), " files, at most ", kMostFiles,
                           " become entries of files:"),
                    "put them into the service's image, or make a package of them");
      return;
    }
    const std::string place = concat("etc/services/", name_, "/", split(suffix, ':')[1].substr(1));
    const bool is_file = files->size() == 1 && files->front().empty();
    if (!is_file) shared_.files.push_back({place, "", "", true});
    for (const std::string& file : *files) {
      shared_.files.push_back(
          {is_file ? place : concat(place, "/", file), is_file ? source : concat(source, "/", file), "", false});
    }
    shared_.remark(item, concat("volume ", quote(source), " is copied into the image, as /", place,
                                ": changes of the files want a new build"));
    binds_.push_back(concat("/", place, suffix));
  }

  bool take_limits(const std::string& key, const Node& where, const Node& value) {
    if (key == "ulimits") {
      take_ulimits(value);
    } else if (key == "mem_limit" || key == "mem_reservation") {
      if (const auto size = byte_size(shared_.text(value))) {
        (key == "mem_limit" ? memory_limit_ : memory_reservation_) = *size;
      } else {
        shared_.error(value, concat(key, ": expected a number of bytes, such as 512m"));
      }
    } else if (key == "pids_limit") {
      pids_limit_ = shared_.text(value);
    } else if (key == "cpu_shares") {
      cpu_shares_ = shared_.text(value);
    } else if (key == "cpuset") {
      cpuset_ = shared_.text(value);
    } else if (key == "cpus") {
      take_cpus(value);
    } else if (key == "oom_score_adj") {
      oom_score_adj_ = shared_.text(value);
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
      const std::string low = shared_.text(soft != nullptr ? *soft : *limit);
      const std::string high = shared_.text(hard != nullptr ? *hard : soft != nullptr ? *soft : *limit);
      const auto written = [](const std::string& number) { return number == "-1" ? std::string{"unlimited"} : number; };
      rlimits_.push_back(concat(name->text, ",", written(low), ",", written(high)));
    }
  }

  void take_cpus(const Node& value) {
    const std::string text = shared_.text(value);
    double cpus = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), cpus);
    if (error != std::errc{} || end != text.data() + text.size() || !(cpus > 0) || cpus > 4096) {
      return shared_.error(value, "cpus: expected a number of processors, such as 0.5");
    }
    constexpr double kPeriod = 100'000;  // microseconds, as docker
    cpu_quota_ = std::to_string(static_cast<std::int64_t>(cpus * kPeriod));
  }

  void take_sysctls(const Node& where, const Node& value) {
    for (const auto& [name, text] : shared_.pairs(value)) {
      if (name.starts_with("net.")) {
        shared_.remark(where,
                       concat("sysctl ", quote(name), " of service ", quote(name_),
                              " belongs to the machine's network, which it shares: let @kiln:sysctl set it, from "
                              "a file in /etc/sysctl.d"));
      } else {
        sysctls_[name] = text;
      }
    }
  }

  bool take_surroundings(const std::string& key, const Node& where, const Node& value) {
    if (key == "network_mode") {
      take_network(value);
    } else if (key == "hostname") {
      hostname_ = shared_.text(value);
    } else if (key == "pid") {
      pid_ = shared_.text(value);
      if (pid_ != "host") {
        shared_.remark(value,
                       concat("pid: ", quote(pid_), " has no counterpart: the service has processes of its own"));
        pid_.clear();
      }
    } else if (key == "ipc" || key == "uts" || key == "cgroup") {
      const std::string mode = shared_.text(value);
      if (key == "ipc" && mode == "private") ipc_ = "new";
    } else if (key == "ports") {
      take_ports(value);
    } else if (key == "extra_hosts") {
      shared_.remark(where, "extra_hosts: the names are put into /etc/hosts for all services");
      for (auto& [name, address] : hosts_of(value)) hosts_[name] = address;
    } else if (key == "labels") {
      annotations_ = shared_.pairs(value);
    } else if (key == "profiles") {
      shared_.remark(where, concat("service ", quote(name_), " is only started with a profile; here it always is"));
    } else if (key == "build") {
      shared_.remark(where, concat("service ", quote(name_),
                                   " is built from a Dockerfile: build and push its image first, or "
                                   "make it a package (kiln pkg build) and write image: \"@pkg:PATH\""));
    } else {
      return false;
    }
    return true;
  }

  std::map<std::string, std::string> hosts_of(const Node& value) {
    std::map<std::string, std::string> out;
    if (value.kind == Node::Kind::mapping) return shared_.pairs(value);
    for (const std::string& entry : shared_.texts(value)) {
      const std::size_t at = entry.find_first_of("=:");
      if (at == std::string::npos) {
        shared_.error(value, "extra_hosts: expected NAME:ADDRESS");
      } else {
        out[entry.substr(0, at)] = entry.substr(at + 1);
      }
    }
    return out;
  }

  void take_network(const Node& value) {
    const std::string mode = shared_.text(value);
    if (mode == "none") {
      net_ = "new";
    } else if (mode != "host" && mode != "bridge") {
      shared_.remark(value, concat("network_mode ", quote(mode), ": the service has the machine's network"));
    }
  }

  /// A service's port is the machine's: nothing maps one to another.
  void take_ports(const Node& value) {
    for (const auto& item : value.items) {
      std::string published, target;
      if (item->kind == Node::Kind::mapping) {
        if (const Node* node = item->find("published")) published = shared_.text(*node);
        if (const Node* node = item->find("target")) target = shared_.text(*node);
      } else {
        std::vector<std::string> parts = split(split(shared_.text(*item), '/')[0], ':');
        target = parts.back();
        if (parts.size() > 1) published = parts[parts.size() - 2];
      }
      if (published.empty() || published == target) continue;
      shared_.remark(*item, concat("port ", target, " of service ", quote(name_), " is the machine's port ", target,
                                   ", not ", published, ": have the program listen on ", published,
                                   "; in QEMU, kiln run --publish ", published, ":", target));
    }
  }

  /// What Docker takes from the image and LinuxKit does not, once the YAML says something itself.
  void complete_from_image() {
    const bool needs_entrypoint = command_ && !entrypoint_;
    std::optional<oci::ImageConfig> image;
    if (const bool is_package = image_.starts_with('@'); !is_package) {
      try {
        oci::Reference::parse(image_);
      } catch (const Error& error) {
        shared_.error(*image_node_, error.message());
        return;
      }
      image = shared_.around.image_config(image_);
    }
    if (!image && (needs_entrypoint || has_environment_)) {
      shared_.remark(*image_node_, concat("what ", quote(image_),
                                          " says of itself is not known: put its entrypoint before "
                                          "`command`, and its variables into `env`, which replace the image's"));
    }
    if (has_environment_) merge_environment(image ? image->env : std::vector<std::string>{});
    if (entrypoint_ || command_) {
      process_ = entrypoint_ ? *entrypoint_ : image ? image->entrypoint : std::vector<std::string>{};
      if (command_) process_.insert(process_.end(), command_->begin(), command_->end());
    }
    const std::string user = user_.empty() && image ? image->user : user_;
    if (!user.empty()) take_user(user);
  }

  void merge_environment(const std::vector<std::string>& of_image) {
    std::map<std::string, std::string> all = environment_;
    for (const auto& [name, value] : from_files_) all.emplace(name, value);
    for (const std::string& entry : of_image) {
      const std::size_t equals = entry.find('=');
      if (equals != std::string::npos) all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    for (const auto& [name, value] : all) env_.push_back(concat(name, "=", value));
  }

  void take_user(const std::string& user) {
    const std::vector<std::string> parts = split(user, ':');
    const auto number = [](const std::string& id) {
      return id == "root" ? std::optional<std::uint64_t>{0} : whole_number(id);
    };
    const auto uid = number(parts[0]);
    const auto gid = parts.size() > 1 ? number(parts[1]) : std::optional<std::uint64_t>{0};
    if (!uid || !gid) {
      shared_.remark(user_node_ != nullptr ? *user_node_ : *image_node_,
                     concat("service ", quote(name_), " runs as ", quote(user),
                            ", a name of its image: set uid and gid to the "
                            "numbers that its /etc/passwd has; as it is, it runs as root"));
      return;
    }
    if (*uid != 0) uid_ = std::to_string(*uid);
    if (*gid != 0) gid_ = std::to_string(*gid);
  }

  std::vector<std::string> capabilities() const {
    if (privileged_) return {"all"};
    const auto has = [](const std::vector<std::string>& list, const std::string& name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    if (has(add_, "ALL") && drop_.empty()) return {"all"};
    std::vector<std::string> out;
    if (!has(drop_, "ALL")) {
      for (const char* name : kDefaultCapabilities) {
        if (!has(drop_, name)) out.emplace_back(name);
      }
    }
    for (const std::string& name : add_) {
      if (name != "ALL" && !has(out, name)) out.push_back(name);
    }
    return out;
  }

  std::string item() {
    Block block{4};
    block.text("image", image_);
    if (!process_.empty()) block.flow("command", process_);
    block.list("env", env_);
    if (!working_dir_.empty()) block.text("cwd", working_dir_);
    if (!uid_.empty()) block.raw("uid", uid_);
    if (!gid_.empty()) block.raw("gid", gid_);
    block.list("capabilities", capabilities());
    if (no_new_privileges_) block.raw("noNewPrivileges", "true");
    if (readonly_) block.raw("readonly", "true");
    if (!net_.empty()) block.raw("net", net_);
    if (!pid_.empty()) block.raw("pid", pid_);
    if (!ipc_.empty()) block.raw("ipc", ipc_);
    if (!hostname_.empty()) {
      block.raw("uts", "new");
      block.text("hostname", hostname_);
    }
    std::vector<std::string> binds = binds_;
    if (net_.empty()) binds.insert(binds.end(), {"/run/resolvconf:/run/resolvconf:ro", "/etc/hosts:/etc/hosts:ro"});
    if (privileged_) binds.push_back("/dev:/dev");
    block.list("binds", binds);
    block.list("tmpfs", tmpfs_);
    if (shm_size_ > 0) {
      block.raw("mounts",
                concat("[{destination: /dev/shm, type: tmpfs, options: [nosuid, nodev, noexec, mode=1777, size=",
                       shm_size_, "]}]"));
    }
    if (privileged_) block.raw("devices", "[{path: all, type: a}]");
    block.list("rlimits", rlimits_);
    add_resources(block);
    add_map(block, "sysctl", sysctls_);
    if (!oom_score_adj_.empty()) block.raw("oomScoreAdj", oom_score_adj_);
    if (!restart_.empty()) annotations_["org.kiln.restart"] = restart_;
    add_map(block, "annotations", annotations_);
    if (!directories_.empty()) {
      std::string list;
      for (const std::string& directory : directories_) list += concat(list.empty() ? "" : ", ", yaml_text(directory));
      block.raw("runtime", concat("{mkdir: [", list, "]}"));
    }
    return concat("  - name: ", yaml_text(name_), "\n", block.lines());
  }

  static void add_map(Block& block, std::string_view key, const std::map<std::string, std::string>& map) {
    if (map.empty()) return;
    std::string text;
    for (const auto& [name, value] : map)
      text += concat(text.empty() ? "" : ", ", yaml_text(name), ": ", yaml_text(value));
    block.raw(key, concat("{", text, "}"));
  }

  void add_resources(Block& block) const {
    std::string memory, cpu, all;
    const auto add = [](std::string& to, std::string_view key, std::string_view value) {
      if (!value.empty()) to += concat(to.empty() ? "" : ", ", key, ": ", value);
    };
    const auto number = [](std::uint64_t value) { return value > 0 ? std::to_string(value) : std::string{}; };
    add(memory, "limit", number(memory_limit_));
    add(memory, "reservation", number(memory_reservation_));
    add(cpu, "shares", cpu_shares_);
    add(cpu, "quota", cpu_quota_);
    add(cpu, "period", cpu_quota_.empty() ? "" : "100000");
    add(cpu, "cpus", cpuset_.empty() ? "" : yaml_text(cpuset_));
    if (!memory.empty()) add(all, "memory", concat("{", memory, "}"));
    if (!cpu.empty()) add(all, "cpu", concat("{", cpu, "}"));
    if (!pids_limit_.empty() && pids_limit_ != "-1") add(all, "pids", concat("{limit: ", pids_limit_, "}"));
    if (!all.empty()) block.raw("resources", concat("{", all, "}"));
  }

  std::string name_;
  const Node& node_;
  Shared& shared_;

  std::string image_, working_dir_, user_, hostname_, restart_, net_, pid_, ipc_;
  const Node* image_node_ = nullptr;
  const Node* user_node_ = nullptr;
  std::optional<std::vector<std::string>> command_, entrypoint_;
  std::map<std::string, std::string> environment_, from_files_, annotations_, sysctls_;
  bool has_environment_ = false, privileged_ = false, readonly_ = false, no_new_privileges_ = false;
  std::vector<std::string> add_, drop_, binds_, tmpfs_, rlimits_, directories_;
  std::uint64_t memory_limit_ = 0, memory_reservation_ = 0, shm_size_ = 0;
  std::string pids_limit_, cpu_shares_, cpu_quota_, cpuset_, oom_score_adj_;

  // Once the image is known.
  std::vector<std::string> process_, env_;
  std::string uid_, gid_;

 public:
  std::map<std::string, std::string> hosts_;  ///< by name, of extra_hosts
};

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

std::string file_item(const FileEntry& entry) {
  Block block{4};
  if (entry.is_directory) block.raw("directory", "true");
  if (!entry.source.empty()) block.text("source", entry.source);
  if (!entry.contents.empty()) block.text("contents", entry.contents);
  block.text("mode", entry.is_directory ? "0755" : "0644");
  return concat("  - path: ", yaml_text(entry.path), "\n", block.lines());
}

/// Services know each other by name: all are at home here.
std::string hosts_text(const std::vector<std::string>& services, const std::map<std::string, std::string>& others) {
  std::string text = "127.0.0.1 localhost\n::1 localhost\n";
  for (const std::string& service : services) text += concat("127.0.0.1 ", service, "\n");
  for (const auto& [name, address] : others) text += concat(address, " ", name, "\n");
  return text;
}

void check_top(const Node& root, Shared& shared) {
  for (const auto& [key, value] : root.entries) {
    const std::string& name = key->text;
    if (name == "services" || name == "volumes" || name == "version" || name == "name" || name.starts_with("x-"))
      continue;
    if (name == "networks") continue;  // each service that names one gets a remark
    shared.remark(*key, concat(quote(name), " has no counterpart and is left out"));
  }
}

}  // namespace

Conversion convert_compose(const std::string& text, const std::string& file, const Surroundings& surroundings) {
  Shared shared{surroundings, file, {}, {}, {}, {}};
  const config::NodePtr root = config::parse_yaml(text, file, shared.diagnostics, {});
  shared.diagnostics.throw_if_any();
  const Node* services = root->find("services");
  if (services == nullptr || services->kind != Node::Kind::mapping || services->entries.empty()) {
    throw Error{file, ": it has no services: it is not a compose file"};
  }
  check_top(*root, shared);
  if (const Node* volumes = root->find("volumes")) {
    for (const auto& [key, value] : volumes->entries) shared.volumes.insert(key->text);
  }
  std::string items;
  std::vector<std::string> names;
  std::map<std::string, std::string> hosts;
  for (const auto& [key, value] : services->entries) {
    if (value->kind != Node::Kind::mapping) {
      shared.error(*value, concat("service ", quote(key->text), ": expected a mapping"));
      continue;
    }
    Service service{key->text, *value, shared};
    items += service.convert();
    names.push_back(key->text);
    hosts.merge(service.hosts_);
  }
  shared.diagnostics.throw_if_any();
  shared.files.insert(shared.files.begin(), {"etc/hosts", "", hosts_text(names, hosts), false});
  std::string files;
  for (const FileEntry& entry : shared.files) files += file_item(entry);
  std::stable_sort(shared.remarks.begin(), shared.remarks.end(),
                   [](const Remark& a, const Remark& b) { return a.where.line < b.where.line; });
  return {concat("# The services of ", yaml_text(file), ", by `kiln convert`.\n", kHead, "services:\n", items,
                 "files:\n", files),
          std::move(shared.remarks)};
}

}  // namespace kiln::convert
