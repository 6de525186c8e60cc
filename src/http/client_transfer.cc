#include "http/client_transfer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <type_traits>

#include "http/curl.h"

namespace kiln::http {

static_assert(std::is_same_v<curl_off_t, std::int64_t>, "the header spells curl_off_t without libcurl");

namespace {

constexpr std::size_t kMaxKeptBody = 1 << 20;
constexpr std::size_t kMaxHeaders = 256 << 10;

std::string lower(std::string_view text) {
  std::string out{text};
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c); });
  return out;
}

std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

}  // namespace

void ClientTransfer::attach(void* handle) {
  curl().easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
  curl().easy_setopt(handle, CURLOPT_HEADERDATA, this);
  curl().easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
  curl().easy_setopt(handle, CURLOPT_WRITEDATA, this);
  curl().easy_setopt(handle, CURLOPT_READFUNCTION, on_upload);
  curl().easy_setopt(handle, CURLOPT_READDATA, this);
  curl().easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
  curl().easy_setopt(handle, CURLOPT_SEEKDATA, this);
  curl().easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl().easy_setopt(handle, CURLOPT_XFERINFODATA, this);
  curl().easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
}

void ClientTransfer::rethrow() const {
  if (error_) std::rethrow_exception(error_);
}

template <typename Work>
std::size_t ClientTransfer::guarded(std::size_t failure, Work work) {
  try {
    return work();
  } catch (...) {
    error_ = std::current_exception();
    return failure;
  }
}

std::size_t ClientTransfer::on_header(char* data, std::size_t, std::size_t size, void* self) {
  auto* transfer = static_cast<ClientTransfer*>(self);
  return transfer->guarded(0, [&] { return transfer->header({data, size}); });
}

std::size_t ClientTransfer::on_body(char* data, std::size_t, std::size_t size, void* self) {
  auto* transfer = static_cast<ClientTransfer*>(self);
  return transfer->guarded(0, [&] { return transfer->body({data, size}); });
}

std::size_t ClientTransfer::on_upload(char* into, std::size_t, std::size_t size, void* self) {
  auto* transfer = static_cast<ClientTransfer*>(self);
  return transfer->guarded(CURL_READFUNC_ABORT, [&] { return transfer->upload(into, size); });
}

int ClientTransfer::on_seek(void* self, std::int64_t offset, int origin) {
  if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
  static_cast<ClientTransfer*>(self)->uploaded_ = static_cast<std::uint64_t>(offset);
  return CURL_SEEKFUNC_OK;
}

// Called at least every second. libcurl's own CURLOPT_LOW_SPEED_TIME looks at an average of seconds, so it notices a
// stall late.
int ClientTransfer::on_progress(void* self, std::int64_t, std::int64_t received, std::int64_t, std::int64_t sent) {
  auto* transfer = static_cast<ClientTransfer*>(self);
  if (received + sent != transfer->moved_) {
    transfer->moved_ = received + sent;
    transfer->last_move_ = Clock::now();
  }
  transfer->stalled_ = Clock::now() - transfer->last_move_ > transfer->patience_;
  return transfer->stalled_ ? 1 : 0;
}

std::size_t ClientTransfer::header(std::string_view line) {
  if ((header_bytes_ += line.size()) > kMaxHeaders) {
    throw Error{"the reply of ", quote(request_.url), " has more than ", kMaxHeaders, " bytes of headers"};
  }
  if (line.starts_with("HTTP/")) {  // a new reply: the one before it was "100 Continue" or a proxy's
    reply_ = Reply{};
    const std::size_t space = line.find(' ');
    if (space != std::string_view::npos) reply_.status = std::atol(std::string{line.substr(space + 1, 3)}.c_str());
  } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    reply_.headers.emplace(lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
  }
  return line.size();
}

std::size_t ClientTransfer::body(std::string_view data) {
  if (!chosen_) {
    chosen_ = true;
    if (choose_sink_ && reply_.good()) sink_ = choose_sink_(reply_);
  }
  if (sink_ != nullptr) {
    sink_->write(as_bytes(data));
  } else {
    reply_.body.append(data.substr(0, kMaxKeptBody - std::min(kMaxKeptBody, reply_.body.size())));
  }
  return data.size();
}

std::size_t ClientTransfer::upload(char* into, std::size_t size) {
  if (request_.file < 0) {
    const std::size_t part = std::min(size, request_.text.size() - static_cast<std::size_t>(uploaded_));
    std::memcpy(into, request_.text.data() + uploaded_, part);
    uploaded_ += part;
    return part;
  }
  const std::size_t part = static_cast<std::size_t>(std::min<std::uint64_t>(size, request_.size - uploaded_));
  ssize_t got = 0;
  do {
    got = ::pread(request_.file, into, part, static_cast<off_t>(request_.offset + uploaded_));
  } while (got < 0 && errno == EINTR);
  if (got < 0) throw SysError{errno, "reading a blob to upload"};
  if (got == 0 && part > 0) throw Error{"reading a blob to upload: the file has become shorter"};
  uploaded_ += static_cast<std::uint64_t>(got);
  return static_cast<std::size_t>(got);
}

}  // namespace kiln::http
