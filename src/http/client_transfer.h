#pragma once

#include <chrono>
#include <cstdint>
#include <exception>

#include "http/client.h"

namespace kiln::http {

// Internal to this folder.

/// One exchange in flight: what libcurl's callbacks work on. An exception must not pass through C, so it is kept until
/// the exchange has ended.
class ClientTransfer {
 public:
  using Clock = std::chrono::steady_clock;

  /// `patience`: how long nothing may move before the transfer counts as stalled. The references must outlive it.
  ClientTransfer(const ClientRequest& request, const Client::ChooseSink& choose_sink, Clock::duration patience)
      : request_{request}, choose_sink_{choose_sink}, patience_{patience} {}

  void attach(void* handle);  ///< sets the callbacks of a libcurl easy handle

  void rethrow() const;  ///< what was thrown in a callback, if anything
  bool stalled() const { return stalled_; }
  Reply take() { return std::move(reply_); }

 private:
  template <typename Work>
  std::size_t guarded(std::size_t failure, Work work);

  static std::size_t on_header(char* data, std::size_t unit, std::size_t size, void* self);
  static std::size_t on_body(char* data, std::size_t unit, std::size_t size, void* self);
  static std::size_t on_upload(char* into, std::size_t unit, std::size_t size, void* self);
  static int on_seek(void* self, std::int64_t offset, int origin);
  static int on_progress(void* self, std::int64_t, std::int64_t received, std::int64_t, std::int64_t sent);

  std::size_t header(std::string_view line);
  std::size_t body(std::string_view data);
  std::size_t upload(char* into, std::size_t size);

  const ClientRequest& request_;
  const Client::ChooseSink& choose_sink_;
  const Clock::duration patience_;
  Clock::time_point last_move_ = Clock::now();
  std::int64_t moved_ = 0;
  bool stalled_ = false;
  Reply reply_;
  Sink* sink_ = nullptr;
  bool chosen_ = false;
  std::size_t header_bytes_ = 0;
  std::uint64_t uploaded_ = 0;
  std::exception_ptr error_;
};

}  // namespace kiln::http
