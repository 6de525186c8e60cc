#include "cli/boot_file_server.h"

#include <sys/eventfd.h>

#include <cerrno>

#include "base/error.h"
#include "base/file.h"
#include "base/human.h"
#include "http/file_service.h"

namespace kiln::cli {

BootFileServer::BootFileServer(const std::string& listen, const std::map<std::string, std::filesystem::path>& files,
                               std::map<std::string, std::string> texts, Reporter& reporter)
    : texts_{std::move(texts)}, log_{reporter}, stop_{::eventfd(0, EFD_CLOEXEC)} {
  if (!stop_) throw SysError{errno, "creating an event"};
  for (const auto& [path, file] : files) files_[path] = std::make_shared<const UniqueFd>(open_file(file));
  http::ServerOptions options;
  options.listen = {http::Endpoint::parse(listen)};
  server_ = std::make_unique<http::Server>(
      loop_, std::move(options), [this](const http::Request& request) { return answer(request); }, log_);
  endpoint_ = server_->endpoints().front();
  loop_.watch(stop_.get(), EventLoop::kReadable, [this](std::uint32_t) { loop_.stop(); });
  thread_ = std::thread{[this] { loop_.run(); }};
}

BootFileServer::~BootFileServer() {
  ::eventfd_write(stop_.get(), 1);
  thread_.join();
  loop_.forget(stop_.get());
}

http::Response BootFileServer::answer(const http::Request& request) const {
  if (request.method == http::Request::Method::post) return http::Response::error(405, "read only");
  if (const auto text = texts_.find(request.path); text != texts_.end()) return http::Response::text(200, text->second);
  if (const auto file = files_.find(request.path); file != files_.end()) {
    return http::file_response(file->second, request.path);
  }
  return http::Response::error(404, "not one of the files that are booted");
}

void BootFileServer::Log::on_response(const http::Transfer& transfer, std::string_view cut) {
  const bool whole = cut.empty();
  reporter_.detail(concat(transfer.request.peer.host, ": ", printable(transfer.request.target), ": ", transfer.status,
                          ", ", human_size(transfer.sent), whole ? "" : ", cut off: ", cut));
}

void BootFileServer::Log::on_trouble(std::string_view message) { reporter_.detail(message); }

}  // namespace kiln::cli
