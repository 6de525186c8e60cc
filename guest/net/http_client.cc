#include "net/http_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vector>

#include "base/errno.h"
#include "base/text.h"
#include "base/unique_fd.h"
#include "net/address.h"

namespace guest {
namespace {

/// Waits until the socket can be written or read. False when the time is over.
bool wait_for(int fd, short events, Microseconds deadline) {
  while (true) {
    auto left = std::chrono::duration_cast<Milliseconds>(deadline - since_boot()).count();
    if (left <= 0) return false;
    pollfd ready{fd, events, 0};
    int count = ::poll(&ready, 1, static_cast<int>(left));
    if (count > 0) return true;
    if (count < 0 && errno != EINTR) return false;
  }
}

/// The highest free port below 1024, as rresvport(3).
void bind_privileged(int fd, int family) {
  for (std::uint16_t port = 1023; port > 600; --port) {
    Address any;
    parse_address(family == AF_INET ? "0.0.0.0" : "::", port, any);
    if (::bind(fd, any.get(), any.size) == 0 || errno != EADDRINUSE) return;
  }
}

Errno connect_to(const Address& address, const HttpLimits& limits, UniqueFd& fd) {
  fd = UniqueFd{::socket(address.family(), SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!fd) return Errno::last();
  if (limits.privileged_port) bind_privileged(fd.get(), address.family());
  if (::connect(fd.get(), address.get(), address.size) == 0) return {};
  if (errno != EINPROGRESS) return Errno::last();
  if (!wait_for(fd.get(), POLLOUT, limits.deadline)) return Errno{ETIMEDOUT};
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &error, &size);
  return Errno{error};
}

Errno send_all(int fd, std::string_view text, Microseconds deadline) {
  while (!text.empty()) {
    ssize_t sent = ::send(fd, text.data(), text.size(), MSG_NOSIGNAL);
    if (sent > 0) {
      text.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd, POLLOUT, deadline)) return Errno{ETIMEDOUT};
    } else if (errno != EINTR) {
      return Errno::last();
    }
  }
  return {};
}

Errno receive(int fd, HttpResponseReader& reader, Microseconds deadline) {
  while (true) {
    // Before each read, also of a server that sends without end: the deadline is for the whole exchange.
    if (!wait_for(fd, POLLIN, deadline)) return Errno{ETIMEDOUT};
    char chunk[8192];
    ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got < 0) return Errno::last();
    if (got == 0) {
      reader.end();
      return {};
    }
    if (!reader.feed({chunk, static_cast<std::size_t>(got)})) return {};
  }
}

std::string exchange_with(const Address& address, const HttpRequest& request, const HttpLimits& limits,
                          HttpResponse& response) {
  UniqueFd fd;
  Errno error = connect_to(address, limits, fd);
  if (error.failed()) return format("connecting to %s: %s", address_text(address).c_str(), error.text());
  error = send_all(fd.get(), wire_text(request), limits.deadline);
  HttpResponseReader reader{limits.max_body};
  // A server may answer and close before it has read everything; what it says is then worth more than EPIPE.
  if (!error.failed() || error.value() == EPIPE) error = receive(fd.get(), reader, limits.deadline);
  if (error.failed()) return format("talking to %s: %s", address_text(address).c_str(), error.text());
  if (!reader.problem().empty())
    return format("the response of %s: %s", address_text(address).c_str(), reader.problem().c_str());
  response = reader.response();
  return {};
}

}  // namespace

std::string http_exchange(const HttpRequest& request, const HttpLimits& limits, HttpResponse& response) {
  std::vector<Address> addresses;
  std::string problem = resolve(request.url.host, request.url.port, limits.deadline, addresses);
  for (const Address& address : addresses) {
    problem = exchange_with(address, request, limits, response);
    if (problem.empty()) return {};
  }
  return problem;
}

}  // namespace guest
