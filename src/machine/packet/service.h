#pragma once

#include <string>

#include "base/reporter.h"
#include "machine/packet/schema.h"
#include "machine/remote/transport.h"
#include "machine/remote/waiter.h"

namespace kiln::machine::packet {

/// The API at some address. Reading is tried again when the server is busy or does not answer; changing is not, since a
/// machine that was made twice costs twice.
class Service {
 public:
  /// `url` includes the API's prefix: "https://api.example.net/metal/v1". All references must outlive it.
  Service(std::string url, std::string token, Transport& transport, Waiter& waiter, Reporter& reporter);

  Device create(const std::string& project, const NewDevice& device);
  Device get(const std::string& id);
  Device get_once(const std::string& id);  ///< not tried again, and with nothing said
  void update(const std::string& id, const DeviceUpdate& update);
  void act(const std::string& id, std::string_view action);  ///< power_on, reboot …
  void remove(const std::string& id);                        ///< one that is gone already is no error

 private:
  http::Reply send(const std::string& method, const std::string& path, const std::string& json = {});
  void check(const http::Reply& reply, const std::string& what) const;

  std::string url_;
  std::string token_;
  Transport& transport_;
  Waiter& waiter_;
  Reporter& reporter_;
};

}  // namespace kiln::machine::packet
