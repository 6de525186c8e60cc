#include <unistd.h>

#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "applets/applets.h"
#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "boot/cmdline.h"
#include "metadata/cloud.h"
#include "metadata/nocloud.h"
#include "metadata/results.h"
#include "net/http_client.h"

namespace guest {
namespace {

/// A metadata service is next door: what does not answer in this time is not there, and the boot waits.
constexpr Milliseconds kExchangeTime{2000};
/// An address the command line names is meant to be there; the network may need a moment.
constexpr Milliseconds kNamedPatience{15'000};
constexpr Milliseconds kPause{500};

constexpr std::string_view kDefault[] = {"cmdline",   "cdrom",    "aws",   "gcp",          "hetzner",
                                         "openstack", "scaleway", "vultr", "digitalocean", "metaldata"};

/// The real thing. A host that cannot be reached is asked once: half of the clouds have theirs at the same address.
class HttpWeb : public Web {
 public:
  HttpWeb(Log& log, bool verbose) : log_(log), verbose_(verbose) {}

  bool fetch(const Request& request, std::string& body) override {
    reached_ = false;
    if (unreachable_.count(request.url.host) != 0) return false;
    HttpLimits limits{since_boot() + kExchangeTime, std::size_t{1} << 20, request.privileged_port};
    HttpResponse response;
    std::string problem = http_exchange({request.method, request.url, request.headers, {}}, limits, response);
    if (verbose_)
      log_.line(format("metadata: %s %s: %s", request.method, request.url.text().c_str(),
                       problem.empty() ? format("status %d", response.status).c_str() : problem.c_str()));
    reached_ = problem.empty();
    if (!reached_) unreachable_.insert(request.url.host);
    problem_ = reached_ ? format("status %d", response.status) : problem;
    body = std::move(response.body);
    return reached_ && response.status == 200;
  }
  bool reached() const override { return reached_; }
  void forgive() { unreachable_.clear(); }
  const std::string& problem() const { return problem_; }

 private:
  Log& log_;
  bool verbose_;
  bool reached_ = false;
  std::set<std::string> unreachable_;
  std::string problem_;
};

struct Options {
  bool verbose = false;
  std::string directory = "/run/config";
  std::string cmdline = "/proc/cmdline";
  std::string mountpoint = "/tmp/metadata-disk";
  std::vector<std::string> providers;
};

bool is_provider(std::string_view name) {
  return std::find(std::begin(kDefault), std::end(kDefault), name) != std::end(kDefault) ||
         name.substr(0, 5) == "file=" || name == "equinixmetal" || name == "vmware";
}

bool parse_options(int argc, char** argv, Options& options, Log& log) {
  for (int i = 1; i < argc; ++i) {
    std::string_view argument = argv[i];
    if (argument.substr(0, 2) == "--") argument.remove_prefix(1);
    if (argument == "-v") {
      options.verbose = true;
    } else if (argument == "-config-dir" && i + 1 < argc) {
      options.directory = argv[++i];
    } else if (argument == "-cmdline" && i + 1 < argc) {
      options.cmdline = argv[++i];
    } else if (argument == "-mountpoint" && i + 1 < argc) {
      options.mountpoint = argv[++i];
    } else if (argument.substr(0, 1) == "-") {
      log.line("usage: metadata [-v] [-config-dir DIR] [-cmdline FILE] [-mountpoint DIR] [PROVIDER…]");
      return false;
    } else if (!is_provider(argument)) {
      log.line(
          format("metadata: no provider '%s': expected cmdline, cdrom, file=PATH, aws, gcp, hetzner, openstack, "
                 "scaleway, vultr, digitalocean or metaldata",
                 printable(argument).c_str()));
      return false;
    } else {
      options.providers.emplace_back(argument);
    }
  }
  return true;
}

/// The default list, the cloud that SMBIOS names before the others: several answer to the same question.
std::vector<std::string> default_providers() {
  std::vector<std::string> providers{std::begin(kDefault), std::end(kDefault)};
  std::string machine = read_value("/sys/class/dmi/id/sys_vendor") + " " + read_value("/sys/class/dmi/id/product_name");
  std::stable_partition(providers.begin() + 2, providers.end(), [&](const std::string& name) {
    const Cloud* cloud = find_cloud(name);
    return cloud != nullptr && is_vendor(*cloud, machine);
  });
  return providers;
}

class Search {
 public:
  Search(const Options& options, CmdlineMetadata cmdline, Log& log)
      : options_(options), cmdline_(std::move(cmdline)), log_(log), web_(log, options.verbose) {}

  bool ask(const std::string& provider, Metadata& metadata) {
    if (options_.verbose) log_.line("metadata: trying " + printable(provider));
    if (provider == "cmdline") return ask_cmdline(metadata);
    if (provider == "cdrom") return find_nocloud_disk(options_.mountpoint, metadata);
    if (provider == "scaleway") return ask_scaleway(web_, metadata);
    if (provider.compare(0, 5, "file=") == 0) return read_user_data_file(provider.substr(5), metadata);
    if (const Cloud* cloud = find_cloud(provider)) return ask_cloud(*cloud, web_, metadata);
    if (provider == "equinixmetal") log_.line("metadata: equinixmetal: the service was shut down in 2026");
    if (provider == "vmware") log_.line("metadata: vmware: not supported");
    return false;
  }
  /// Whether a source that was named did not have anything.
  bool failed() const { return failed_; }

 private:
  bool ask_cmdline(Metadata& metadata) {
    if (cmdline_.url.empty()) return false;
    Url url;
    std::string problem = parse_url(cmdline_.url, url);
    Microseconds deadline = since_boot() + kNamedPatience;
    while (problem.empty()) {
      web_.forgive();
      if (ask_nocloud(url, web_, metadata)) return true;
      if (web_.reached() || since_boot() + kPause >= deadline) {
        problem = format("'%s': neither meta-data nor user-data: %s", url.text().c_str(), web_.problem().c_str());
      } else {
        ::usleep(static_cast<useconds_t>(Microseconds{kPause}.count()));
      }
    }
    log_.line("metadata: the kernel command line: " + problem);
    failed_ = true;
    return false;
  }

  bool read_user_data_file(const std::string& path, Metadata& metadata) {
    metadata = Metadata{};
    metadata.provider = path;
    std::string text;
    if (read_file(path, text).failed()) return false;
    metadata.user_data = text;
    return true;
  }

  const Options& options_;
  CmdlineMetadata cmdline_;
  Log& log_;
  HttpWeb web_;
  bool failed_ = false;
};

/// What the command line says itself holds whatever a source says.
void apply_cmdline(const CmdlineMetadata& cmdline, Metadata& metadata) {
  if (!cmdline.hostname.empty()) metadata.hostname = cmdline.hostname;
  metadata.ssh_keys += cmdline.ssh_keys;
  if (!cmdline.instance_id.empty()) {
    std::erase_if(metadata.files, [](const auto& file) { return file.first == "instance_id"; });
    metadata.files.emplace_back("instance_id", cmdline.instance_id);
  }
  bool said = !cmdline.hostname.empty() || !cmdline.ssh_keys.empty() || !cmdline.instance_id.empty();
  if (said && metadata.provider.empty()) metadata.provider = "cmdline";
}

bool set_hostname_from(const Metadata& metadata, Log& log) {
  std::string name = clean_hostname(metadata.hostname);
  if (name.empty()) return true;
  if (::sethostname(name.data(), name.size()) == 0) return true;
  log.line(format("metadata: setting the host name '%s': %s", printable(name).c_str(), Errno::last().text()));
  return false;
}

}  // namespace

int metadata_main(int argc, char** argv) {
  StderrLog log;
  Options options;
  if (!parse_options(argc, argv, options, log)) return 2;
  std::string text;
  if (Errno error = read_file(options.cmdline, text); error.failed())
    log.line(format("metadata: reading '%s': %s", printable(options.cmdline).c_str(), error.text()));
  CmdlineMetadata cmdline = read_cmdline_metadata(Cmdline{text});
  Search search{options, cmdline, log};
  Metadata metadata;
  std::vector<std::string> providers = options.providers.empty() ? default_providers() : options.providers;
  bool found = std::any_of(providers.begin(), providers.end(),
                           [&](const std::string& provider) { return search.ask(provider, metadata); });
  if (!found) metadata = Metadata{};
  apply_cmdline(cmdline, metadata);
  if (metadata.provider.empty()) {
    log.line("metadata: no source has anything for this machine");
    return search.failed() ? 1 : 0;
  }
  log.line("metadata: from " + printable(metadata.provider));
  bool good = write_results(metadata, options.directory, log);
  good = set_hostname_from(metadata, log) && good;
  return good && !search.failed() ? 0 : 1;
}

}  // namespace guest
