#include "netboot/tftp_service.h"

#include "base/error.h"
#include "base/human.h"
#include "netboot/script.h"
#include "netboot/site.h"

namespace kiln::netboot {
namespace {

constexpr std::string_view kAutoexec = "autoexec.ipxe";

std::string_view name_of(tftp::Ending ending) {
  switch (ending) {
    case tftp::Ending::complete:
      return "complete";
    case tftp::Ending::size_only:
      return "size_only";
    case tftp::Ending::unconfirmed:
      return "unconfirmed";
    case tftp::Ending::aborted:
      return "aborted";
    case tftp::Ending::silent:
      return "silent";
    case tftp::Ending::failed:
      break;
  }
  return "failed";
}

}  // namespace

std::variant<tftp::File, tftp::NoFile> TftpService::find(std::string_view name) const {
  // Some firmware keeps the directory of a URL or a path it was given once.
  const std::string_view file = name.substr(name.rfind('/') + 1);
  if (file == kAutoexec) {
    return tftp::File{std::make_shared<const std::string>(autoexec_script(site_.settings().base_url))};
  }
  if (const auto program = site_.programs().find(file)) return tftp::File{program};
  return tftp::NoFile{};
}

void TftpService::on_start(const tftp::TransferStatus& transfer) {
  const std::optional<MacAddress> mac = site_.whose(transfer.peer.host);
  if (!mac) return;
  site_.note(*mac, event::Began{Stage::tftp, transfer.file, transfer.size});
  under_way_[transfer.peer.to_string()] = {*mac, 0};
}

void TftpService::moved(Under& under, std::uint64_t acknowledged) {
  if (acknowledged <= under.acknowledged) return;
  site_.note(under.mac, event::Moved{Stage::tftp, acknowledged - under.acknowledged});
  under.acknowledged = acknowledged;
}

void TftpService::on_progress(const tftp::TransferStatus& transfer) {
  const auto found = under_way_.find(transfer.peer.to_string());
  if (found != under_way_.end()) moved(found->second, transfer.acknowledged);
}

void TftpService::on_end(const tftp::TransferStatus& transfer, tftp::Ending ending, std::string_view reason) {
  Metrics& metrics = site_.metrics();
  ++metrics.tftp_transfers[std::string{name_of(ending)}];
  metrics.tftp_bytes += transfer.acknowledged;
  metrics.tftp_blocks_resent += transfer.blocks_resent;
  const auto found = under_way_.find(transfer.peer.to_string());
  if (found == under_way_.end()) {
    if (!reason.empty()) site_.log(concat(transfer.peer.to_string(), ": ", transfer.file, ": ", reason));
    return;
  }
  Under under = found->second;
  under_way_.erase(found);
  moved(under, transfer.acknowledged);
  const bool arrived = ending == tftp::Ending::complete || ending == tftp::Ending::unconfirmed;
  if (arrived) {
    std::string line = concat("loaded ", transfer.file, " by TFTP: ", human_size(transfer.size), " in ",
                              human_duration(transfer.duration), ", blocks of ", transfer.block_size, " bytes, ",
                              transfer.window_size, " at once");
    if (transfer.blocks_resent > 0) line += concat(", ", transfer.blocks_resent, " sent again: packets are lost");
    site_.note(under.mac, event::Ended{Stage::tftp, transfer.file}, line);
  } else if (ending == tftp::Ending::size_only) {
    site_.note(under.mac, event::Ended{Stage::tftp, transfer.file});
  } else {
    site_.note(under.mac, event::Failed{Stage::tftp, transfer.file, std::string{reason}},
               concat("TFTP of ", transfer.file, " failed after ", human_size(transfer.acknowledged), ": ", reason));
  }
}

void TftpService::on_refused(const tftp::Peer& peer, std::string_view file, std::string_view reason) {
  ++site_.metrics().tftp_refused;
  const std::string line = concat("asked for ", quote(file), " by TFTP: ", reason);
  if (const std::optional<MacAddress> mac = site_.whose(peer.host); mac && site_.machines().find(*mac) != nullptr) {
    site_.note(*mac, event::Refused{line}, line);
  } else {
    site_.log(concat(peer.host, ": ", line));
  }
}

void TftpService::on_trouble(std::string_view message) { site_.warn(concat("TFTP: ", message)); }

}  // namespace kiln::netboot
