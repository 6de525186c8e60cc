#include "cli/serve_pxe.h"
#include "cli/workshop.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <ctime>
#include <filesystem>

#include "base/event_loop.h"
#include "base/human.h"
#include "base/thread_pool.h"
#include "cli/context.h"
#include "cli/images.h"
#include "cli/os_registry.h"
#include "cli/serve.h"
#include "cli/system_build.h"
#include "http/server.h"
#include "netboot/boot_server.h"
#include "netboot/dhcp/server.h"
#include "netboot/registry_source.h"
#include "netboot/site.h"
#include "package/build.h"

namespace kiln::cli {

struct ServePxeOptions {
  std::vector<std::string> sources, kernel_args, name_servers;
  std::string architecture, dhcp = "proxy", interface, address, range, router, domain, policy, ipxe_directory,
                            compression;
  std::optional<std::string> console;
  unsigned http_port = 8080;
  unsigned lease_seconds = 3600;
};

namespace {

namespace fs = std::filesystem;

/// Lines of a log with their time, through the program's reporter (whose JSON has times of its own).
class TimedReporter final : public Reporter {
 public:
  TimedReporter(Reporter& to, bool times) : to_{to}, times_{times} {}

  std::unique_ptr<Activity> start(std::string_view verb, std::string_view subject, std::uint64_t bytes) override {
    return to_.start(verb, subject, bytes);
  }
  void info(std::string_view message) override { to_.info(time() + std::string{message}); }
  void detail(std::string_view message) override { to_.detail(time() + std::string{message}); }
  void warning(std::string_view message) override { to_.warning(time() + std::string{message}); }

 private:
  std::string time() const {
    if (!times_) return {};
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    ::localtime_r(&now, &parts);
    char text[16];
    return {text, std::strftime(text, sizeof text, "%H:%M:%S ", &parts)};
  }

  Reporter& to_;
  bool times_;
};

/// SOURCE[,arch=ARCH][,name=LABEL]
struct SourceSpec {
  std::string source, architecture, label;
};

SourceSpec parse_source(const std::string& text, const std::string& architecture) {
  SourceSpec spec;
  spec.architecture = architecture;
  std::size_t at = 0;
  while (at <= text.size()) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    const std::string part = text.substr(at, end - at);
    if (at == 0) {
      spec.source = part;
    } else if (part.starts_with("arch=")) {
      spec.architecture = part.substr(5);
    } else if (part.starts_with("name=")) {
      spec.label = part.substr(5);
    } else {
      throw Error{"what to serve, ", quote(text), ": expected SOURCE[,arch=ARCH][,name=LABEL], got ", quote(part)};
    }
    at = end + 1;
  }
  if (spec.source.empty()) throw Error{"what to serve, ", quote(text), ": there is no source in it"};
  if (spec.label.empty()) {
    const fs::path path{spec.source};
    spec.label = is_os_url(spec.source) ? os_name(spec.source)
                 : is_yaml(spec.source) ? path.stem().native()
                                        : path.filename().native();
  }
  return spec;
}

std::unique_ptr<netboot::BootSource> open_source(const SourceSpec& spec, const ServePxeOptions& options,
                                                 Context& context, Reporter& reporter, Reporter& log) {
  if (is_os_url(spec.source)) {
    return std::make_unique<netboot::RegistrySource>(spec.source, os_questions(context, spec.source, spec.architecture),
                                                     log);
  }
  if (!is_yaml(spec.source)) return std::make_unique<netboot::NamedSource>(spec.source);
  const oci::Platform platform =
      spec.architecture.empty() ? oci::Platform::of_host() : oci::Platform::parse(spec.architecture);
  build::Options build_options;
  build_options.threads = context.options.jobs;
  if (!options.compression.empty()) build_options.compression = build::Compression::parse(options.compression);
  netboot::BuildTools tools{context.store(), reporter, context.pool(), image_fetcher(context, false),
                            package_resolver(context, platform)};
  return std::make_unique<netboot::YamlSource>(spec.source, platform, build_options, std::move(tools));
}

netboot::IpxePrograms ipxe_programs(const ServePxeOptions& options, Context& context) {
  if (!options.ipxe_directory.empty()) return netboot::IpxePrograms::from_directory(options.ipxe_directory);
  const package::Locations locations = package_locations(context);
  const package::Package package = package::open_package(locations.recipes / "ipxe", locations);
  // The same files for every architecture: amd64's will do.
  const oci::Platform platform = oci::Platform::parse("amd64");
  package::build_package(package, platform, PackageWorkshop{context}.tools());
  const std::optional<oci::Image> image = oci::find_image(context.store(), package.reference, platform);
  if (!image) throw Error{"the iPXE package ", quote(package.name), " is not in the store although it was just built"};
  return netboot::IpxePrograms::from_image(*image, context.store(), context.reporter());
}

std::optional<dhcp::Ipv4Address> parse_address(const std::string& text, std::string_view option) {
  if (text.empty()) return std::nullopt;
  const std::optional<dhcp::Ipv4Address> address = dhcp::Ipv4Address::parse(text);
  if (!address) throw Error{option, ": ", quote(text), " is no IPv4 address"};
  return address;
}

std::optional<dhcp::LeaseOptions> lease_options(const ServePxeOptions& options) {
  if (options.range.empty()) return std::nullopt;
  dhcp::LeaseOptions leases;
  leases.range = dhcp::AddressRange::parse(options.range);
  leases.router = parse_address(options.router, "--router");
  for (const std::string& server : options.name_servers) leases.name_servers.push_back(*parse_address(server, "--dns"));
  leases.domain = options.domain;
  leases.time = std::chrono::seconds{options.lease_seconds};
  return leases;
}

void check(const ServePxeOptions& options) {
  if (options.dhcp == "full" && options.range.empty()) {
    throw Error{"--dhcp full gives out addresses: from which range?"}.with_hint(
        "--range FIRST-LAST, for example --range 192.0.2.100-192.0.2.200");
  }
  if (options.dhcp == "proxy" && !options.range.empty()) {
    throw Error{"--range is for --dhcp full: in proxy mode another server gives out the addresses"};
  }
}

void tell_systems(const netboot::Catalog& catalog, Reporter& reporter) {
  for (const netboot::Catalog::System& system : catalog.systems()) {
    const netboot::BootImage& image = *system.image;
    reporter.info(concat("system ", quote(system.label), " for ", image.architecture, ": kernel ",
                         human_size(image.kernel.size), ", initramfs ", human_size(image.initramfs_size), " in ",
                         image.initramfs.size(), image.initramfs.size() == 1 ? " segment" : " segments"));
  }
}

/// Where everything is; with --dhcp print the configuration instead, which goes into a file or another program.
void tell_start(const ServePxeOptions& options, const netboot::ServerAddress& where, const netboot::Site& site,
                const std::vector<std::string>& configuration, Context& context, Reporter& reporter) {
  const std::string& url = site.settings().base_url;
  if (options.dhcp == "print") {
    for (const std::string& part : configuration) context.print(part);
    reporter.info(concat("status page: ", url, "/"));
    return;
  }
  const std::string dhcp = options.dhcp == "full"    ? concat("DHCP: gives out ", options.range)
                           : options.dhcp == "proxy" ? std::string{"DHCP: proxy, beside the network's own server"}
                                                     : std::string{"DHCP: off"};
  context.result(concat("boot server on ", where.interface, ", ", where.address.to_string(), "\n  ", dhcp,
                        "\n  status page: ", url, "/\n  script for iPXE: ", url, "/boot.ipxe\n"),
                 Fields{}
                     .add("interface", where.interface)
                     .add("address", where.address.to_string())
                     .add("dhcp", options.dhcp)
                     .add("url", url)
                     .add("script", url + "/boot.ipxe"));
}

std::vector<std::string> foreign_configurations(const netboot::Site& site, const netboot::ServerAddress& where,
                                                const ServePxeOptions& options) {
  dhcp::BootSetup setup = netboot::foreign_setup(site, where.address);
  setup.leases = lease_options(options);
  if (setup.leases) setup.leases->netmask = dhcp::interface_address(where.interface).netmask;
  return {concat("# dnsmasq\n", dhcp::dnsmasq_configuration(setup)),
          concat("\n# ISC dhcpd\n", dhcp::isc_dhcpd_configuration(setup)),
          concat("\n# Kea\n", dhcp::kea_configuration(setup))};
}

void tell_built(const netboot::Catalog::System& system, Reporter& reporter) {
  if (!system.error.empty()) {
    return reporter.warning(
        concat("building ", quote(system.label), " failed, the last good version stays: ", system.error));
  }
  reporter.info(concat("built ", quote(system.label), " in ", human_duration(system.build_time), ": initramfs ",
                       human_size(system.image->initramfs_size), ", ID ", system.image->id));
}

}  // namespace

std::shared_ptr<ServePxeOptions> add_pxe_options(CLI::App& command) {
  auto options = std::make_shared<ServePxeOptions>();
  CLI::Option* pxe = command
                         .add_option("--pxe", options->sources,
                                     "Boot machines over the network: os.yml, a NAME that was built, oci://REFERENCE")
                         ->type_name("SOURCE[,arch=A][,name=N] ...")
                         ->expected(1, -1)
                         ->group("Boot server");
  for (const char* of_files : {"dir", "--directory", "--port"}) pxe->excludes(command.get_option(of_files));
  const auto repeatable = [&](const char* name, std::vector<std::string>& into, const char* help) {
    return command.add_option(name, into, help)->allow_extra_args(false)->needs(pxe)->group("Boot server");
  };
  const auto text = [&](const char* name, auto& into, const char* help, const char* type) {
    return command.add_option(name, into, help)->type_name(type)->needs(pxe)->group("Boot server");
  };
  text("--arch", options->architecture, "Architecture YAML files are built for; by default this machine's", "ARCH");
  text("--dhcp", options->dhcp, "proxy (beside another server), full, print (for another server), off", "MODE")
      ->check(CLI::IsMember({"proxy", "full", "print", "off"}))
      ->capture_default_str();
  text("--interface", options->interface, "The network the machines are on", "NAME");
  text("--address", options->address, "The address of ours they reach; by default the interface's", "IP");
  text("--http-port", options->http_port, "Port of scripts, systems and the status page", "PORT")
      ->check(CLI::Range(1U, 65535U))
      ->capture_default_str();
  text("--range", options->range, "Addresses to give out (--dhcp full)", "FIRST-LAST");
  text("--router", options->router, "The router to tell them", "IP");
  repeatable("--dns", options->name_servers, "A name server to tell them; may be repeated")->type_name("IP");
  text("--domain", options->domain, "The domain to tell them", "NAME");
  text("--lease-seconds", options->lease_seconds, "How long they have their addresses", "N")
      ->check(CLI::Range(60U, 31'536'000U))
      ->capture_default_str();
  text("--policy", options->policy, "Which machine boots what (YAML; read again when it changes)", "FILE");
  repeatable("--kernel-arg", options->kernel_args, "A kernel parameter for all; may be repeated")->type_name("WORD");
  text("--console", options->console, "Serial console, like ttyS1,115200; by default the system's or the target's",
       "CONSOLE");
  text("--ipxe-dir", options->ipxe_directory, "iPXE binaries; by default from the package @kiln:ipxe", "DIR");
  text("--compression", options->compression, "Of what is built: none, gzip[:LEVEL], zstd[:LEVEL]", "HOW");
  return options;
}

bool wants_pxe(const ServePxeOptions& options) { return !options.sources.empty(); }

int serve_pxe(const ServePxeOptions& options, Context& context) {
  check(options);
  raise_descriptor_limit();
  const netboot::ServerAddress where = netboot::choose_address(options.interface, options.address);
  netboot::BootServerOptions server_options;
  server_options.where = where;
  server_options.http_port = static_cast<std::uint16_t>(options.http_port);
  server_options.leases = lease_options(options);
  server_options.dhcp = options.dhcp == "proxy"  ? netboot::DhcpMode::proxy
                        : options.dhcp == "full" ? netboot::DhcpMode::full
                                                 : netboot::DhcpMode::off;
  const SteadyClock clock;
  EventLoop loop{clock};
  Reporter& reporter = context.reporter();
  TimedReporter log{reporter, !context.options.json};
  netboot::Catalog catalog{loop};
  for (const std::string& text : options.sources) {
    const SourceSpec spec = parse_source(text, options.architecture);
    catalog.add(spec.label, spec.architecture, open_source(spec, options, context, reporter, log));
  }
  const netboot::KernelNeighbours neighbours;
  netboot::SiteSettings settings;
  settings.base_url =
      concat("http://", where.address.to_string(), options.http_port == 80 ? "" : concat(":", options.http_port));
  settings.kernel_args = options.kernel_args;
  settings.console = options.console;
  settings.policy_file = options.policy;
  netboot::Site site{clock, log, neighbours, catalog, ipxe_programs(options, context), std::move(settings)};
  catalog.on_built = [&](const netboot::Catalog::System& system) { tell_built(system, log); };
  netboot::BootServer server{loop, site, server_options};
  tell_systems(catalog, reporter);
  context.end_progress();
  tell_start(options, where, site,
             options.dhcp == "print" ? foreign_configurations(site, where, options) : std::vector<std::string>{},
             context, reporter);
  return serve_until_signal(loop, server.http(), [&](std::string_view note) { log.info(note); });
}

}  // namespace kiln::cli
