#include "convert/service.h"

#include <algorithm>

#include "base/error.h"
#include "convert/compose_words.h"
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

class Translation {
 public:
  Translation(const ComposeService& from, const std::set<std::string>& declared, ComposeReader& reader,
              std::vector<FileEntry>& files)
      : from_{from}, declared_{declared}, reader_{reader}, files_{files} {}

  std::optional<Service> run() {
    for (const ComposeVolume& volume : from_.volumes) take_volume(volume);
    if (from_.image_node == nullptr) {
      reader_.error(
          *from_.where, concat("service ", quote(from_.name), " has no image"),
          "build it first and name the image; or make it a package of its own, and write image: \"@pkg:PATH\"");
      return std::nullopt;
    }
    if (from_.image.empty() || !complete_from_image()) return std::nullopt;  // mistakes that were told
    copy_what_is_alike();
    out_.capabilities = capabilities();
    if (out_.net.empty()) {
      out_.binds.insert(out_.binds.end(), {"/run/resolvconf:/run/resolvconf:ro", "/etc/hosts:/etc/hosts:ro"});
    }
    if (from_.privileged) out_.binds.emplace_back("/dev:/dev");
    out_.all_devices = from_.privileged;
    if (!from_.restart.empty()) out_.annotations["org.kiln.restart"] = from_.restart;
    return std::move(out_);
  }

 private:
  void copy_what_is_alike() {
    out_.name = from_.name;
    out_.image = from_.image;
    out_.cwd = from_.working_dir;
    out_.no_new_privileges = from_.no_new_privileges;
    out_.readonly = from_.readonly;
    out_.net = from_.net;
    out_.pid = from_.pid;
    out_.ipc = from_.ipc;
    out_.hostname = from_.hostname;
    out_.shm_size = from_.shm_size;
    out_.rlimits = from_.rlimits;
    out_.memory_limit = from_.memory_limit;
    out_.memory_reservation = from_.memory_reservation;
    out_.pids_limit = from_.pids_limit;
    out_.cpu_shares = from_.cpu_shares;
    out_.cpu_quota = from_.cpu_quota;
    out_.cpuset = from_.cpuset;
    out_.oom_score_adj = from_.oom_score_adj;
    out_.sysctl = from_.sysctls;
    out_.annotations = from_.labels;
  }

  void take_volume(const ComposeVolume& volume) {
    if (volume.is_tmpfs) {
      out_.tmpfs.push_back(volume.target);
    } else if (volume.source.empty()) {
      anonymous_volume(*volume.where, volume.target);
    } else {
      bind(*volume.where, volume.source, volume.target, volume.options);
    }
  }

  void anonymous_volume(const Node& item, const std::string& target) {
    reader_.remark(item, concat("volume ", quote(target), " of service ", quote(from_.name),
                                " has no name: it is a tmpfs, empty at every start"));
    out_.tmpfs.push_back(target);
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
      return reader_.error(item, concat("volume target ", quote(target), " is not absolute"));
    const std::string suffix = concat(":", target, bind_options(options));
    if (source.starts_with('/')) {
      reader_.remark(item, concat("volume ", quote(source), " is a path of the machine that boots, not of this one"));
      out_.mkdir.push_back(source);
      out_.binds.push_back(source + suffix);
    } else if (source.starts_with('.') || source.starts_with('~')) {
      bind_files(item, source, suffix);
    } else {
      if (declared_.count(source) == 0) {
        return reader_.error(item, concat("volume ", quote(source), " is not declared under the file's volumes:"));
      }
      const std::string directory = concat("/var/lib/volumes/", source);
      reader_.remark(item, concat("volume ", quote(source), " is ", directory,
                                  ", which is in memory: to keep it, format and mount a disk at /var onboot"));
      out_.mkdir.push_back(directory);
      out_.binds.push_back(directory + suffix);
    }
  }

  /// What stands beside the compose file becomes part of the image.
  void bind_files(const Node& item, const std::string& source, const std::string& suffix) {
    const auto files = reader_.surroundings().list_files(source);
    if (!files) {
      reader_.error(item, concat("volume ", quote(source), ": there is no such file or directory"));
      return;
    }
    if (files->size() > kMostFiles) {
      reader_.error(item,
                    concat("volume ", quote(source), " has ", files->size(), " files, at most ", kMostFiles,
                           " become entries of files:"),
                    "put them into the service's image, or make a package of them");
      return;
    }
    const std::string place = concat("etc/services/", from_.name, "/", split(suffix, ':')[1].substr(1));
    const bool is_file = files->size() == 1 && files->front().empty();
    if (!is_file) files_.push_back({place, "", "", true});
    for (const std::string& file : *files) {
      files_.push_back(
          {is_file ? place : concat(place, "/", file), is_file ? source : concat(source, "/", file), "", false});
    }
    reader_.remark(item, concat("volume ", quote(source), " is copied into the image, as /", place,
                                ": changes of the files want a new build"));
    out_.binds.push_back(concat("/", place, suffix));
  }

  /// What Docker takes from the image and LinuxKit does not, once the YAML says something itself.
  bool complete_from_image() {
    const bool needs_entrypoint = from_.command && !from_.entrypoint;
    std::optional<oci::ImageConfig> image;
    if (const bool is_package = from_.image.starts_with('@'); !is_package) {
      try {
        oci::Reference::parse(from_.image);
      } catch (const Error& error) {
        reader_.error(*from_.image_node, error.message());
        return false;
      }
      image = reader_.surroundings().image_config(from_.image);
    }
    if (!image && (needs_entrypoint || from_.has_environment)) {
      reader_.remark(*from_.image_node, concat("what ", quote(from_.image),
                                               " says of itself is not known: put its entrypoint before "
                                               "`command`, and its variables into `env`, which replace the image's"));
    }
    if (from_.has_environment) merge_environment(image ? image->env : std::vector<std::string>{});
    if (from_.entrypoint || from_.command) {
      out_.command = from_.entrypoint ? *from_.entrypoint : image ? image->entrypoint : std::vector<std::string>{};
      if (from_.command) out_.command.insert(out_.command.end(), from_.command->begin(), from_.command->end());
    }
    const std::string user = from_.user.empty() && image ? image->user : from_.user;
    if (!user.empty()) take_user(user);
    return true;
  }

  void merge_environment(const std::vector<std::string>& of_image) {
    std::map<std::string, std::string> all = from_.environment;
    for (const auto& [name, value] : from_.from_files) all.emplace(name, value);
    for (const std::string& entry : of_image) {
      const std::size_t equals = entry.find('=');
      if (equals != std::string::npos) all.emplace(entry.substr(0, equals), entry.substr(equals + 1));
    }
    for (const auto& [name, value] : all) out_.env.push_back(concat(name, "=", value));
  }

  void take_user(const std::string& user) {
    const std::vector<std::string> parts = split(user, ':');
    const auto number = [](const std::string& id) {
      return id == "root" ? std::optional<std::uint64_t>{0} : whole_number(id);
    };
    const auto uid = number(parts[0]);
    const auto gid = parts.size() > 1 ? number(parts[1]) : std::optional<std::uint64_t>{0};
    if (!uid || !gid) {
      reader_.remark(from_.user_node != nullptr ? *from_.user_node : *from_.image_node,
                     concat("service ", quote(from_.name), " runs as ", quote(user),
                            ", a name of its image: set uid and gid to the "
                            "numbers that its /etc/passwd has; as it is, it runs as root"));
      return;
    }
    if (*uid != 0) out_.uid = std::to_string(*uid);
    if (*gid != 0) out_.gid = std::to_string(*gid);
  }

  std::vector<std::string> capabilities() const {
    if (from_.privileged) return {"all"};
    const auto has = [](const std::vector<std::string>& list, const std::string& name) {
      return std::find(list.begin(), list.end(), name) != list.end();
    };
    if (has(from_.add, "ALL") && from_.drop.empty()) return {"all"};
    std::vector<std::string> out;
    if (!has(from_.drop, "ALL")) {
      for (const char* name : kDefaultCapabilities) {
        if (!has(from_.drop, name)) out.emplace_back(name);
      }
    }
    for (const std::string& name : from_.add) {
      if (name != "ALL" && !has(out, name)) out.push_back(name);
    }
    return out;
  }

  const ComposeService& from_;
  const std::set<std::string>& declared_;
  ComposeReader& reader_;
  std::vector<FileEntry>& files_;
  Service out_;
};

}  // namespace

std::optional<Service> translate(const ComposeService& from, const std::set<std::string>& declared,
                                 ComposeReader& reader, std::vector<FileEntry>& files) {
  return Translation{from, declared, reader, files}.run();
}

}  // namespace kiln::convert
