#pragma once

#include <atomic>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <thread>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/reporter.h"
#include "base/unique_fd.h"
#include "http/server.h"

namespace kiln::cli {

/// Serves the few files that a machine boots from, and nothing else, over HTTP on a thread of its own, for as long as
/// this lives.
class BootFileServer {
 public:
  /// `listen`: [HOST]:PORT, port 0 for a free one. `files` by the path they are asked for, with "/" first; `texts`
  /// likewise. Throws Error.
  BootFileServer(const std::string& listen, const std::map<std::string, std::filesystem::path>& files,
                 std::map<std::string, std::string> texts, Reporter& reporter);
  ~BootFileServer();
  BootFileServer(const BootFileServer&) = delete;
  BootFileServer& operator=(const BootFileServer&) = delete;

  const http::Endpoint& endpoint() const { return endpoint_; }

 private:
  http::Response answer(const http::Request& request) const;

  /// Tells what was fetched, for --verbose.
  class Log final : public http::Observer {
   public:
    explicit Log(Reporter& reporter) : reporter_{reporter} {}
    void on_response(const http::Transfer& transfer, std::string_view cut) override;
    void on_trouble(std::string_view message) override;

   private:
    Reporter& reporter_;
  };

  std::map<std::string, std::shared_ptr<const UniqueFd>> files_;
  std::map<std::string, std::string> texts_;
  SteadyClock clock_;
  EventLoop loop_{clock_};
  Log log_;
  UniqueFd stop_;
  http::Endpoint endpoint_;
  std::unique_ptr<http::Server> server_;
  std::thread thread_;
};

}  // namespace kiln::cli
