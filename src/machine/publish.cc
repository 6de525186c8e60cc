#include "machine/publish.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cerrno>

#include "base/error.h"
#include "base/unique_fd.h"
#include "machine/size.h"

namespace kiln::machine {
namespace {

bool is_ipv4(const std::string& text) {
  in_addr address{};
  return ::inet_pton(AF_INET, text.c_str(), &address) == 1;
}

bool take_protocol(std::string_view& text, std::string_view whole) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos) return false;
  const std::string_view protocol = text.substr(slash + 1);
  text = text.substr(0, slash);
  if (protocol == "udp") return true;
  if (protocol == "tcp") return false;
  throw Error{"--publish ", quote(whole), ": protocol ", quote(protocol), ": expected tcp or udp"};
}

}  // namespace

PublishedPort parse_published_port(std::string_view text, std::string_view address) {
  PublishedPort port;
  port.address = address;
  std::string_view rest = text;
  port.udp = take_protocol(rest, text);
  const std::string what = concat("--publish ", quote(text));
  const std::size_t guest = rest.rfind(':');
  if (guest == std::string_view::npos) throw Error{what, ": expected [ADDRESS:]HOST:GUEST[/tcp|/udp], like 8080:80"};
  port.guest = static_cast<std::uint16_t>(parse_number(rest.substr(guest + 1), 1, 65535, what + ": guest port"));
  rest = rest.substr(0, guest);
  if (const std::size_t host = rest.rfind(':'); host != std::string_view::npos) {
    port.address = rest.substr(0, host);
    if (!is_ipv4(port.address)) throw Error{what, ": ", quote(port.address), ": expected an IPv4 address"};
    rest = rest.substr(host + 1);
  }
  port.host = static_cast<std::uint16_t>(parse_number(rest, 0, 65535, what + ": host port"));
  return port;
}

PublishedPort claim_port(PublishedPort port) {
  UniqueFd probe{::socket(AF_INET, (port.udp ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC, 0)};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port.host);
  ::inet_pton(AF_INET, port.address.c_str(), &address.sin_addr);
  const int on = 1;
  // As QEMU does: connections of a machine that just ended must not keep the next from starting.
  if (!port.udp) ::setsockopt(probe.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  socklen_t size = sizeof address;
  if (!probe || ::bind(probe.get(), reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      (!port.udp && ::listen(probe.get(), 1) != 0) ||
      ::getsockname(probe.get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    const int error = errno;
    SysError failure{error, "publishing guest port ", port.guest, " at ", port.address, ":", port.host};
    if (error != EADDRINUSE) throw failure;
    throw std::move(failure).with_hint("choose another port, or 0 for any that is free");
  }
  port.host = ntohs(address.sin_port);
  return port;
}

}  // namespace kiln::machine
