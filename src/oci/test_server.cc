#include "oci/test_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>

#include "base/error.h"

namespace kiln::oci::testing_ {
namespace {

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool send_all(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t sent = ::send(fd, data.data(), data.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    data.remove_prefix(static_cast<std::size_t>(sent));
  }
  return true;
}

/// Reads until `buffer` has `size` bytes.
bool fill(int fd, std::string& buffer, std::size_t size) {
  char chunk[65536];
  while (buffer.size() < size) {
    const ssize_t got = ::recv(fd, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer.append(chunk, static_cast<std::size_t>(got));
  }
  return true;
}

std::optional<TestRequest> read_request(int fd, std::string& buffer) {
  std::size_t end = std::string::npos;
  while ((end = buffer.find("\r\n\r\n")) == std::string::npos) {
    if (!fill(fd, buffer, buffer.size() + 1)) return std::nullopt;
  }
  TestRequest request;
  std::size_t line = buffer.find("\r\n");
  const std::string first = buffer.substr(0, line);
  request.method = first.substr(0, first.find(' '));
  request.target = first.substr(request.method.size() + 1, first.rfind(' ') - request.method.size() - 1);
  while (line < end) {
    const std::size_t start = line + 2;
    line = buffer.find("\r\n", start);
    const std::string header = buffer.substr(start, line - start);
    const std::size_t colon = header.find(": ");
    if (colon != std::string::npos) request.headers[lower(header.substr(0, colon))] = header.substr(colon + 2);
  }
  const std::size_t size = std::strtoul(request.header("content-length").c_str(), nullptr, 10);
  if (!fill(fd, buffer, end + 4 + size)) return std::nullopt;
  request.body = buffer.substr(end + 4, size);
  buffer.erase(0, end + 4 + size);
  return request;
}

void wait_for_close(int fd) {
  pollfd poll{fd, POLLIN, 0};
  ::poll(&poll, 1, 20'000);
}

TestReply plain(int status, std::vector<std::string> headers = {}, std::string body = "") {
  TestReply reply;
  reply.status = status;
  reply.headers = std::move(headers);
  reply.body = std::move(body);
  return reply;
}

TestReply error(int status, const std::string& code) {
  return plain(status, {"Content-Type: application/json"},
               R"({"errors":[{"code":")" + code + R"(","message":"it is so"}]})");
}

}  // namespace

std::string TestRequest::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? "" : found->second;
}

TestServer::TestServer(Handler handler)
    : handler_{std::move(handler)}, listener_{::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)} {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      ::listen(listener_.get(), 64) != 0) {
    throw SysError{errno, "listening on loopback"};
  }
  acceptor_ = std::thread{[this] { accept_all(); }};
}

TestServer::~TestServer() {
  stopping_ = true;
  ::shutdown(listener_.get(), SHUT_RDWR);
  acceptor_.join();
  {
    const std::lock_guard lock{mutex_};
    for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

std::string TestServer::address() const {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener_.get(), reinterpret_cast<sockaddr*>(&address), &size);
  return concat("127.0.0.1:", ntohs(address.sin_port));
}

std::vector<TestRequest> TestServer::requests() const {
  const std::lock_guard lock{mutex_};
  return requests_;
}

std::size_t TestServer::count(const std::string& method, const std::string& part) const {
  const auto all = requests();
  return static_cast<std::size_t>(
      std::count_if(all.begin(), all.end(), [&](const TestRequest& request) { return request.is(method, part); }));
}

void TestServer::accept_all() {
  for (;;) {
    const int fd = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
    if (fd < 0) return;
    const std::lock_guard lock{mutex_};
    connections_.insert(fd);
    threads_.emplace_back([this, fd] { serve(fd); });
  }
}

void TestServer::serve(int fd) {
  std::string buffer;
  while (!stopping_) {
    const auto request = read_request(fd, buffer);
    if (!request) break;
    {
      const std::lock_guard lock{mutex_};
      requests_.push_back(*request);
    }
    if (!answer(fd, *request)) break;
  }
  const std::lock_guard lock{mutex_};
  connections_.erase(fd);
  ::close(fd);
}

/// False when the connection is to be closed.
bool TestServer::answer(int fd, const TestRequest& request) {
  const TestReply reply = handler_(request);
  std::string head = concat("HTTP/1.1 ", reply.status, " Because\r\n");
  for (const std::string& header : reply.headers) head += header + "\r\n";
  if (reply.announce_length && reply.status != 204) head += concat("Content-Length: ", reply.body.size(), "\r\n");
  if (!reply.announce_length) head += "Connection: close\r\n";
  if (!send_all(fd, head + "\r\n")) return false;
  if (request.method == "HEAD") return reply.announce_length;
  const std::size_t end = std::min(
      {reply.body.size(), reply.cut_at.value_or(std::string::npos), reply.stall_at.value_or(std::string::npos)});
  if (!send_all(fd, std::string_view{reply.body}.substr(0, end))) return false;
  if (reply.stall_at) wait_for_close(fd);
  return !reply.cut_at && !reply.stall_at && reply.announce_length;
}

TestRegistry::TestRegistry() : server_{[this](const TestRequest& request) { return handle(request); }} {}

void TestRegistry::set_spoil(Spoil spoil) {
  const std::lock_guard lock{mutex_};
  spoil_ = std::move(spoil);
}

void TestRegistry::add_manifest(const std::string& name, const std::string& tag, const std::string& content) {
  const std::lock_guard lock{mutex_};
  manifests_[name + ":" + tag] = content;
  manifests_[name + ":" + Digest::of(content).to_string()] = content;
}

void TestRegistry::add_blob(const std::string& content) {
  const std::lock_guard lock{mutex_};
  blobs_[Digest::of(content).to_string()] = content;
}

void TestRegistry::add_image(const std::string& name, const std::string& tag, const TestImage& image) {
  for (const std::string& layer : image.layers) add_blob(layer);
  add_blob(image.config_json);
  add_manifest(name, tag, image.manifest_json);
}

std::optional<std::string> TestRegistry::manifest(const std::string& name, const std::string& tag) {
  const std::lock_guard lock{mutex_};
  const auto found = manifests_.find(name + ":" + tag);
  return found == manifests_.end() ? std::nullopt : std::optional{found->second};
}

bool TestRegistry::has_blob(const std::string& content) {
  const std::lock_guard lock{mutex_};
  return blobs_.contains(Digest::of(content).to_string());
}

TestReply TestRegistry::handle(const TestRequest& request) {
  const std::lock_guard lock{mutex_};
  TestReply reply = respond(request);
  if (spoil_) spoil_(request, reply);
  return reply;
}

TestReply TestRegistry::respond(const TestRequest& request) {
  const std::size_t mark = request.target.find('?');
  const std::string path = request.target.substr(0, mark);
  const std::string query = mark == std::string::npos ? "" : request.target.substr(mark + 1);
  if (path == "/v2/") return plain(200);
  const std::size_t last = path.rfind('/');
  const std::string object = path.substr(last + 1);
  if (const std::size_t at = path.find("/manifests/"); at != std::string::npos) {
    const std::string key = path.substr(4, at - 4) + ":" + object;
    if (request.method != "PUT") return get_manifest(key);
    manifests_[key] = request.body;
    manifests_[path.substr(4, at - 4) + ":" + Digest::of(request.body).to_string()] = request.body;
    return plain(201);
  }
  if (path.find("/blobs/uploads/") != std::string::npos) return upload(request, path, query);
  if (path.find("/blobs/") != std::string::npos) return get_blob(request, object);
  return plain(404);
}

TestReply TestRegistry::get_manifest(const std::string& key) {
  const auto found = manifests_.find(key);
  if (found == manifests_.end()) return error(404, "MANIFEST_UNKNOWN");
  return plain(200, {"Docker-Content-Digest: " + Digest::of(found->second).to_string()}, found->second);
}

TestReply TestRegistry::get_blob(const TestRequest& request, const std::string& digest) {
  const auto found = blobs_.find(digest);
  if (found == blobs_.end()) return error(404, "BLOB_UNKNOWN");
  const std::string& content = found->second;
  const std::string range = request.header("range");
  if (range.empty()) return plain(200, {}, content);
  const std::size_t first = std::strtoul(range.c_str() + std::string_view{"bytes="}.size(), nullptr, 10);
  if (first >= content.size()) return plain(416);
  return plain(206, {concat("Content-Range: bytes ", first, "-", content.size() - 1, "/", content.size())},
               content.substr(first));
}

TestReply TestRegistry::upload(const TestRequest& request, const std::string& path, const std::string& query) {
  if (request.method == "POST") {
    const std::size_t mount = query.find("mount=sha256%3A");
    if (mount != std::string::npos && blobs_.contains("sha256:" + query.substr(mount + 15, 64))) return plain(201);
    const std::string location = concat(path, ++next_upload_);
    uploads_[location] = "";
    return plain(202, {"Location: " + location + "?state=x"});
  }
  const auto found = uploads_.find(path);
  if (found == uploads_.end()) return error(404, "BLOB_UPLOAD_UNKNOWN");
  const std::string size = concat("Range: 0-", found->second.empty() ? 0 : found->second.size() - 1);
  if (request.method == "GET") return plain(204, {"Location: " + path + "?state=x", size});
  found->second += request.body;
  if (request.method == "PATCH") return plain(202, {"Location: " + path + "?state=y"});
  const std::string digest = Digest::of(found->second).to_string();
  if (query.find(digest.substr(7)) == std::string::npos) return error(400, "DIGEST_INVALID");
  blobs_[digest] = found->second;
  return plain(201);
}

}  // namespace kiln::oci::testing_
