#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>

#include "netboot/catalog.h"
#include "netboot/machines.h"

namespace kiln::netboot {

/// What is counted while the server runs.
struct Metrics {
  std::map<std::string, std::uint64_t> dhcp_messages;   ///< by what was done: "offered"
  std::map<std::string, std::uint64_t> tftp_transfers;  ///< by how they ended: "complete"
  std::uint64_t tftp_bytes = 0, tftp_blocks_resent = 0, tftp_refused = 0;
  std::map<int, std::uint64_t> http_responses;  ///< by status
  std::uint64_t http_bytes = 0, http_cut = 0;
  std::map<std::string, std::uint64_t> scripts;  ///< by outcome: "boot", "refused", "waiting", "ignored"
  std::uint64_t reports = 0;
  std::uint64_t log_lines_left_out = 0;

  // As they are now.
  std::size_t http_connections = 0, http_transfers = 0, tftp_transfers_now = 0;
  double uptime_seconds = 0;
};

/// In the text format of Prometheus, version 0.0.4.
std::string metrics_text(const Metrics& metrics, const Machines& machines, const Catalog& catalog);

}  // namespace kiln::netboot
