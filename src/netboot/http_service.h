#pragma once

#include <functional>
#include <map>
#include <string>

#include "http/observer.h"
#include "http/response.h"
#include "netboot/machines.h"

namespace kiln::netboot {

class Site;
struct BootImage;

/// What the boot server answers by HTTP:
///
///     /boot.ipxe                first script, the same for every machine
///     /script?mac=…&arch=…      the machine's own
///     /os/ID[@MAC]/kernel       a version of a system; MAC says for which machine (an IP address may be shared)
///     /os/ID[@MAC]/SEGMENT      part of its initramfs
///     /os/ID[@MAC]/initrd.img   all of it
///     /ipxe/NAME                iPXE itself, for UEFI HTTP boot
///     /report[/MAC]             POST: a booted system calls home
///     / /api/machines /api/os /metrics /healthz
class HttpService final : public http::Observer {
 public:
  explicit HttpService(Site& site) : site_{site} {}

  http::Response handle(const http::Request& request);

  void on_response(const http::Transfer& transfer, std::string_view cut) override;
  void on_progress(const http::Transfer& transfer) override;
  void on_trouble(std::string_view message) override;

 private:
  /// A file on its way to a machine.
  struct Under {
    MacAddress mac;
    Stage stage;
    std::string file;
    std::uint64_t sent = 0;
  };

  http::Response get(const http::Request& request);
  http::Response script(const http::Request& request);
  http::Response system_file(const http::Request& request, std::string_view rest);
  http::Response ipxe_program(const http::Request& request, std::string_view name);
  http::Response report(const http::Request& request);
  void begin(const http::Request& request, const std::optional<MacAddress>& mac, Stage stage, std::string file,
             std::uint64_t size);
  void moved(Under& under, std::uint64_t sent);
  void tell_initramfs(const MacAddress& mac);
  std::optional<MacAddress> machine_of(const http::Request& request, std::string_view named);

  Site& site_;
  std::map<std::string, Under> under_way_;  ///< by who asked: a connection has one response at a time
};

}  // namespace kiln::netboot
