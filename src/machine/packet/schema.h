#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::machine::packet {

// The API that Packet, later Equinix Metal, published (its OpenAPI document: Device, DeviceCreateInput,
// DeviceUpdateInput, DeviceActionInput, Error), as far as a machine that boots by iPXE needs it. What is left out, or
// null, is empty here; what has another type than documented is an error that names its place.

struct Device {
  std::string id, hostname;
  /// queued, provisioning, active, inactive, failed, powering_on, powering_off, reinstalling, deprovisioning, deleted
  std::string state;
  std::string plan, facility, metro;  ///< their slugs and codes
  std::string operating_system;       ///< its slug
  std::string ipxe_script_url;
  std::string sos;  ///< host of its console
  bool always_pxe = false;
  bool locked = false;
  std::optional<double> provisioned;  ///< percent, while it is provisioned
};
Device read_device(std::string_view json);

/// What a body of an error says: `{"errors": [TEXT…]}` or `{"error": TEXT}`; empty if it is none.
std::string read_error(std::string_view json);

struct NewDevice {
  std::string hostname, plan;
  std::string facility, metro;  ///< one of them; with both the metro counts
  std::string ipxe_script_url;
  bool always_pxe = true;
  std::string userdata;  ///< empty: none
};
std::string to_json(const NewDevice& device);

/// What of a device that is there gets another value.
struct DeviceUpdate {
  std::string ipxe_script_url;
  bool always_pxe = true;
  std::string hostname;  ///< empty: it keeps its own
};
std::string to_json(const DeviceUpdate& update);

}  // namespace kiln::machine::packet
