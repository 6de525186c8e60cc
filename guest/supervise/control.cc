#include "supervise/control.h"

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"

namespace guest {
namespace {

struct VerbRow {
  std::string_view word;
  ControlRequest::Verb verb;
  bool named;
};

constexpr VerbRow kVerbs[] = {
    {"ls", ControlRequest::Verb::ls, false},
    {"start", ControlRequest::Verb::start, true},
    {"stop", ControlRequest::Verb::stop, true},
    {"restart", ControlRequest::Verb::restart, true},
    {"poweroff", ControlRequest::Verb::poweroff, false},
    {"reboot", ControlRequest::Verb::reboot, false},
    {"halt", ControlRequest::Verb::halt, false},
};

}  // namespace

std::string parse_request(std::string_view line, ControlRequest& request) {
  std::size_t space = line.find(' ');
  std::string_view word = line.substr(0, space);
  std::string_view name = space == std::string_view::npos ? std::string_view{} : line.substr(space + 1);
  for (const VerbRow& row : kVerbs) {
    if (row.word != word) continue;
    if (row.named && name.empty()) return format("%s: expected the name of a service", printable(word).c_str());
    if (!row.named && space != std::string_view::npos)
      return format("%s: expected nothing after it", printable(word).c_str());
    request = ControlRequest{row.verb, std::string{name}};
    return {};
  }
  return format("unknown request '%s'", printable(word).c_str());
}

Errno ControlServer::open() {
  socket_ = UniqueFd{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)};
  if (!socket_) return Errno::last();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  static_assert(sizeof kControlSocket <= sizeof address.sun_path);
  std::memcpy(address.sun_path, kControlSocket, sizeof kControlSocket);
  ::unlink(kControlSocket);
  if (::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return Errno::last();
  if (::chmod(kControlSocket, 0600) != 0) return Errno::last();
  if (::listen(socket_.get(), 16) != 0) return Errno::last();
  return loop_.watch(socket_.get(), EPOLLIN, [this](std::uint32_t) { accept(); });
}

void ControlServer::accept() {
  UniqueFd fd{::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)};
  if (!fd) return;
  // Make room by dropping the oldest connection that has not asked anything; if all wait for answers, the new one is
  // refused.
  for (auto it = connections_.begin(); connections_.size() >= kMaxConnections && it != connections_.end(); ++it) {
    if (it->second.asked) continue;
    close(it->first);  // ends the walk, so the iterator is not used again
    break;
  }
  if (connections_.size() >= kMaxConnections) return;
  int number = next_++;
  if (loop_.watch(fd.get(), EPOLLIN, [this, number](std::uint32_t) { read(number); }).failed()) return;
  connections_[number] = Connection{std::move(fd), {}, false};
}

void ControlServer::read(int number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  Connection& connection = found->second;
  char chunk[512];
  ssize_t got = ::read(connection.fd.get(), chunk, sizeof chunk);
  if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (got <= 0) return close(number);
  if (connection.asked) return;  // one request a connection; the rest is not heard
  connection.line.append(chunk, static_cast<std::size_t>(got));
  std::size_t newline = connection.line.find('\n');
  if (newline == std::string::npos) {
    if (connection.line.size() > kMaxRequest) answer(number, "error the request is longer than 1024 bytes\n");
    return;
  }
  connection.asked = true;
  ControlRequest request;
  std::string problem = parse_request(std::string_view{connection.line}.substr(0, newline), request);
  if (!problem.empty()) return answer(number, "error " + problem + "\n");
  handler_(number, request);
}

void ControlServer::answer(int number, std::string_view text) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  // The answer is smaller than a socket's buffer unless there are hundreds of services; a client that gets half an
  // answer says so.
  if (::send(found->second.fd.get(), text.data(), text.size(), MSG_NOSIGNAL) < 0) errno = 0;
  close(number);
}

void ControlServer::close(int number) {
  auto found = connections_.find(number);
  if (found == connections_.end()) return;
  loop_.forget(found->second.fd.get());
  connections_.erase(found);
}

}  // namespace guest
