#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "machine/packet/service.h"
#include "machine/remote/console.h"

namespace kiln::machine::packet {

/// What `kiln run packet` was asked for.
struct Options {
  std::string api_url, token, project;
  std::string device;  ///< id of one that is there; empty: a new one is made
  NewDevice wanted;    ///< also what a device that is there is changed to; its hostname only if that is not empty
  bool keep = false;   ///< the device stays when this ends
  std::chrono::nanoseconds patience = std::chrono::minutes{30};  ///< until it is active

  bool console = true;
  std::string sos_host;  ///< empty: what the API says
  unsigned sos_port = 22;
  std::vector<std::string> ssh_options;
};

/// A device for as long as this lives: unless it is to be kept, it is deleted at the end, whatever ends it.
class Lease {
 public:
  /// Creates one, or changes one and starts it anew; one that is there stays as it is if that fails.
  Lease(Service& service, const Options& options, Reporter& reporter);
  ~Lease();  ///< as finish(), with a warning for an Error
  Lease(const Lease&) = delete;
  Lease& operator=(const Lease&) = delete;

  const Device& device() const { return device_; }
  /// Until it is active. Throws Error if it fails, or is not in time; Interrupted.
  void wait_until_active(Waiter& waiter, std::chrono::nanoseconds patience);
  void finish();  ///< deletes it, or says that it stays. Throws Error.

 private:
  void create();
  void reuse();

  Service& service_;
  const Options& options_;
  Reporter& reporter_;
  Device device_;
  bool finished_ = false;
};

/// Where the console of a device is. Throws Error, with what the classic form was, if nobody tells.
SshConsole sos_console(const Options& options, const Device& device);

/// Boots the device and shows its console until it is left or the device is off. Returns the exit status; throws Error,
/// and Interrupted. Without a console it returns when the device is active, or if `stay` when interrupted.
int run(const Options& options, bool stay, Transport& transport, SignalWaiter& waiter, Reporter& reporter);

}  // namespace kiln::machine::packet
