#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace kiln::machine::redfish {

// What Kiln reads of Redfish's resources (DMTF DSP0266, and the schemas of DSP0268). A property that a BMC leaves out,
// or gives as null, is empty here; one of another type than the schema's is an error that names its place.

/// ServiceRoot.
struct Root {
  std::string systems;   ///< path of the collection
  std::string sessions;  ///< of that sessions are created in; it can be read and posted to without being logged in
};
Root read_root(std::string_view json);

/// One page of a collection.
struct Collection {
  std::vector<std::string> members;  ///< their paths
  std::string next;                  ///< path of the next page; empty: this was the last
};
Collection read_collection(std::string_view json, std::string_view name);

/// A serial console of a machine over the network (ComputerSystem.SerialConsole).
struct SerialService {
  bool enabled = false;
  unsigned port = 0;    ///< 0: not told
  std::string command;  ///< ConsoleEntryCommand: what to run to get to the console
};

/// ComputerSystem.Boot, as far as a one-time override goes.
struct Boot {
  std::string enabled, target, mode;
  bool has_http_uri = false;
  /// BootSourceOverrideTarget@Redfish.AllowableValues; nothing: the BMC does not tell.
  std::optional<std::vector<std::string>> targets;
};

struct System {
  std::string path, id, name, model;
  std::string power_state;    ///< On, Off, PoweringOn, PoweringOff, Paused
  std::string boot_progress;  ///< BootProgress.LastState
  std::string etag;           ///< @odata.etag
  std::string processor;      ///< ProcessorSummary.Model
  std::uint64_t memory_bytes = 0;
  Boot boot;
  std::string reset_target;                             ///< where to post ComputerSystem.Reset
  std::optional<std::vector<std::string>> reset_types;  ///< ResetType@Redfish.AllowableValues
  std::string reset_action_info;                        ///< path of those, if they are told there instead
  std::string settings;       ///< @Redfish.Settings: where some BMCs want what is for the next boot
  std::string processors;     ///< path of the collection
  std::string virtual_media;  ///< path of the collection; empty: the manager's
  std::vector<std::string> managers;
  SerialService ssh, ipmi;
};
System read_system(std::string_view json, std::string_view name);

/// Go's name of a Processor's architecture; empty if it is none that Kiln builds for, or is not told.
std::string read_architecture(std::string_view json, std::string_view name);

/// The allowable values of the parameter ResetType of an ActionInfo.
std::optional<std::vector<std::string>> read_reset_types(std::string_view json, std::string_view name);

/// Manager.VirtualMedia.
std::string read_virtual_media_path(std::string_view json, std::string_view name);

struct VirtualMedia {
  std::vector<std::string> types;  ///< CD, DVD, USBStick, Floppy
  std::string image;               ///< URL of what is inserted
  bool inserted = false;
  std::string insert_target, eject_target;
};
VirtualMedia read_virtual_media(std::string_view json, std::string_view name);

/// What a body of an error says (DSP0266, "Error responses"): its messages, the most specific first, or empty if it is
/// none of Redfish.
std::string read_error(std::string_view json);

}  // namespace kiln::machine::redfish
