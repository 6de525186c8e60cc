#pragma once

#include <map>
#include <string>

#include "netboot/machines.h"
#include "netboot/tftp/observer.h"
#include "netboot/tftp/server.h"

namespace kiln::netboot {

class Site;

/// What the boot server has for TFTP: the iPXE binaries, out of memory, and the script iPXE looks for beside its own
/// program. There are no other files, so there is nothing to escape to.
class TftpService final : public tftp::Observer {
 public:
  explicit TftpService(Site& site) : site_{site} {}

  std::variant<tftp::File, tftp::NoFile> find(std::string_view name) const;

  void on_start(const tftp::TransferStatus& transfer) override;
  void on_progress(const tftp::TransferStatus& transfer) override;
  void on_end(const tftp::TransferStatus& transfer, tftp::Ending ending, std::string_view reason) override;
  void on_refused(const tftp::Peer& peer, std::string_view file, std::string_view reason) override;
  void on_trouble(std::string_view message) override;

 private:
  struct Under {
    MacAddress mac;
    std::uint64_t acknowledged = 0;
  };
  void moved(Under& under, std::uint64_t acknowledged);

  Site& site_;
  std::map<std::string, Under> under_way_;  ///< by the client's address and port
};

}  // namespace kiln::netboot
