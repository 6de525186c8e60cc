#include "oci/http_client.h"

#include <curl/curl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/file.h"
#include "base/guarded.h"

namespace kiln::oci {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kMaxKeptBody = 1 << 20;
constexpr std::size_t kMaxHeaders = 256 << 10;
constexpr int kMaxRedirects = 10;
constexpr int kUploadPatience = 10;  // a registry hashes what it got before it answers, and may be slow to store it
constexpr long kBufferSize =
    256 << 10;  // one write to the sink each; the default of 16 KiB costs twice the system calls

struct FreeEasy {
  void operator()(CURL* handle) const { ::curl_easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

struct FreeList {
  void operator()(curl_slist* list) const { ::curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

struct FreeUrl {
  void operator()(CURLU* url) const { ::curl_url_cleanup(url); }
};
using Url = std::unique_ptr<CURLU, FreeUrl>;

Url parse_url(const std::string& text) {
  Url url{::curl_url()};
  if (::curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) return nullptr;
  return url;
}

std::string url_part(CURLU* url, CURLUPart part, unsigned flags = 0) {
  char* text = nullptr;
  if (::curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
  std::string out{text};
  ::curl_free(text);
  return out;
}

void append_header(HeaderList& list, const std::string& line) {
  if (line.find_first_of("\r\n") != std::string::npos)
    throw Error{"HTTP header ", quote(line), ": it has a line break"};
  curl_slist* grown = ::curl_slist_append(list.get(), line.c_str());
  if (grown == nullptr) throw std::bad_alloc{};
  static_cast<void>(list.release());
  list.reset(grown);
}

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

/// One exchange in flight: what libcurl's callbacks work on. An exception must not pass through C, so it is kept.
class Transfer {
 public:
  Transfer(const HttpRequest& request, const HttpClient::ChooseSink& choose_sink, Clock::duration patience)
      : request_{request}, choose_sink_{choose_sink}, patience_{patience} {}

  void attach(CURL* handle) {
    ::curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_header);
    ::curl_easy_setopt(handle, CURLOPT_HEADERDATA, this);
    ::curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    ::curl_easy_setopt(handle, CURLOPT_WRITEDATA, this);
    ::curl_easy_setopt(handle, CURLOPT_READFUNCTION, on_upload);
    ::curl_easy_setopt(handle, CURLOPT_READDATA, this);
    ::curl_easy_setopt(handle, CURLOPT_SEEKFUNCTION, on_seek);
    ::curl_easy_setopt(handle, CURLOPT_SEEKDATA, this);
    ::curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, on_progress);
    ::curl_easy_setopt(handle, CURLOPT_XFERINFODATA, this);
    ::curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
  }

  HttpReply take() {
    if (error_) std::rethrow_exception(error_);
    return std::move(reply_);
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }
  bool stalled() const { return stalled_; }

 private:
  template <typename Work>
  std::size_t guarded(std::size_t failure, Work work) {
    try {
      return work();
    } catch (...) {
      error_ = std::current_exception();
      return failure;
    }
  }

  static std::size_t on_header(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    return transfer->guarded(0, [&] { return transfer->header({data, size}); });
  }
  static std::size_t on_body(char* data, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    return transfer->guarded(0, [&] { return transfer->body({data, size}); });
  }
  static std::size_t on_upload(char* into, std::size_t, std::size_t size, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    return transfer->guarded(CURL_READFUNC_ABORT, [&] { return transfer->upload(into, size); });
  }
  static int on_seek(void* self, curl_off_t offset, int origin) {
    if (origin != SEEK_SET || offset < 0) return CURL_SEEKFUNC_CANTSEEK;
    static_cast<Transfer*>(self)->uploaded_ = static_cast<std::uint64_t>(offset);
    return CURL_SEEKFUNC_OK;
  }

  /// Called at least every second. libcurl's own CURLOPT_LOW_SPEED_TIME looks at an average of seconds, so it notices
  /// a stall late.
  static int on_progress(void* self, curl_off_t, curl_off_t received, curl_off_t, curl_off_t sent) {
    auto* transfer = static_cast<Transfer*>(self);
    if (received + sent != transfer->moved_) {
      transfer->moved_ = received + sent;
      transfer->last_move_ = Clock::now();
    }
    transfer->stalled_ = Clock::now() - transfer->last_move_ > transfer->patience_;
    return transfer->stalled_ ? 1 : 0;
  }

  std::size_t header(std::string_view line) {
    if ((header_bytes_ += line.size()) > kMaxHeaders) {
      throw Error{"the reply of ", quote(request_.url), " has more than ", kMaxHeaders, " bytes of headers"};
    }
    if (line.starts_with("HTTP/")) {  // a new reply: the one before it was "100 Continue" or a proxy's
      reply_ = HttpReply{};
      const std::size_t space = line.find(' ');
      if (space != std::string_view::npos) reply_.status = std::atol(std::string{line.substr(space + 1, 3)}.c_str());
    } else if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
      reply_.headers.emplace(lower(trim(line.substr(0, colon))), trim(line.substr(colon + 1)));
    }
    return line.size();
  }

  std::size_t body(std::string_view data) {
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

  std::size_t upload(char* into, std::size_t size) {
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

  const HttpRequest& request_;
  const HttpClient::ChooseSink& choose_sink_;
  const Clock::duration patience_;
  Clock::time_point last_move_ = Clock::now();
  curl_off_t moved_ = 0;
  bool stalled_ = false;
  HttpReply reply_;
  Sink* sink_ = nullptr;
  bool chosen_ = false;
  std::size_t header_bytes_ = 0;
  std::uint64_t uploaded_ = 0;
  std::exception_ptr error_;
};

void set_method(CURL* handle, const HttpRequest& request) {
  if (request.method == "HEAD") {
    ::curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    const std::uint64_t size = request.file >= 0 ? request.size : request.text.size();
    ::curl_easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    ::curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    ::curl_easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  }
}

HeaderList header_list(const HttpRequest& request) {
  HeaderList list;
  for (const std::string& header : request.headers) append_header(list, header);
  if (!request.authorization.empty()) append_header(list, "Authorization: " + request.authorization);
  append_header(list, "Expect:");  // access is settled before an upload: waiting for "100 Continue" only costs time
  return list;
}

TransportError::Kind kind_of(CURLcode code) {
  using Kind = TransportError::Kind;
  switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_GOT_NOTHING:
      return Kind::protocol;
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_PARTIAL_FILE:
    case CURLE_OPERATION_TIMEDOUT:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_HTTP2:
    case CURLE_HTTP2_STREAM:
    case CURLE_SEND_FAIL_REWIND:
    case CURLE_AGAIN:
      return Kind::transient;
    default:
      return Kind::permanent;
  }
}

std::string explain(CURLcode code, const char* detail, const RegistryOptions& options) {
  const std::string text = detail[0] != '\0' ? detail : ::curl_easy_strerror(code);
  switch (code) {
    case CURLE_OPERATION_TIMEDOUT:
      return concat("no connection within ", options.connect_timeout.count(), " s");
    case CURLE_PARTIAL_FILE:
    case CURLE_RECV_ERROR:
    case CURLE_SEND_ERROR:
    case CURLE_GOT_NOTHING:
      return concat("the connection was cut off (", text, ")");
    default:
      return text;
  }
}

/// The environment's or the library's file of certificate authorities.
std::string system_authorities() {
  if (const char* file = std::getenv("SSL_CERT_FILE"); file != nullptr && *file != '\0') return file;
  const curl_version_info_data* info = ::curl_version_info(CURLVERSION_NOW);
  return info->cainfo != nullptr ? info->cainfo : "";
}

/// What certs.d has for one host[:port].
struct HostCertificates {
  std::string authorities;  ///< PEM, the system's included; empty if there are no extra ones
  std::string client_certificate, client_key;
};

void add_certificates(const fs::path& directory, HostCertificates& out) {
  std::error_code error;
  std::vector<fs::path> files;
  for (const auto& entry : fs::directory_iterator{directory, error}) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const fs::path& file : files) {
    if (file.extension() == ".crt") out.authorities += read_file(file, 4 << 20) + "\n";
    if (file.extension() == ".cert" && out.client_certificate.empty()) {
      out.client_certificate = file;
      out.client_key = fs::path{file}.replace_extension(".key");
    }
  }
}

HostCertificates find_certificates(const RegistryOptions& options, const std::string& host) {
  HostCertificates out;
  if (host.find('/') != std::string::npos || host.starts_with('.')) return out;
  for (const fs::path& directory : options.certificate_directories) add_certificates(directory / host, out);
  if (!out.authorities.empty() && !system_authorities().empty()) {
    std::error_code error;
    if (fs::exists(system_authorities(), error)) out.authorities += read_file(system_authorities(), 32 << 20);
  }
  return out;
}

std::string host_and_port(const std::string& url) {
  const Url parsed = parse_url(url);
  if (!parsed) return {};
  const std::string port = url_part(parsed.get(), CURLUPART_PORT);
  const std::string host = url_part(parsed.get(), CURLUPART_HOST);
  return port.empty() ? host : host + ":" + port;
}

void check_redirect(const std::string& from, const std::string& to) {
  const std::string origin = origin_of(to);
  if (origin.empty()) {
    throw TransportError{TransportError::Kind::permanent, quote(from), " redirects to ", quote(to),
                         ", which is not HTTP"};
  }
  if (from.starts_with("https://") && !origin.starts_with("https://")) {
    throw TransportError{TransportError::Kind::permanent, quote(from), " redirects to ", quote(to),
                         ", which is not encrypted"};
  }
}

bool is_redirect(long status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

struct HttpClient::State {
  RegistryOptions options;
  Guarded<std::vector<Easy>> idle;  // each keeps its connections
  Guarded<std::map<std::string, HostCertificates>> certificates;

  Easy borrow() {
    auto handles = idle.lock();
    if (handles->empty()) return Easy{::curl_easy_init()};
    Easy handle = std::move(handles->back());
    handles->pop_back();
    ::curl_easy_reset(handle.get());
    return handle;
  }
  void give_back(Easy handle) { idle.lock()->push_back(std::move(handle)); }

  HostCertificates certificates_of(const std::string& host) {
    auto known = certificates.lock();
    const auto found = known->find(host);
    if (found != known->end()) return found->second;
    return known->emplace(host, find_certificates(options, host)).first->second;
  }

  void set_tls(CURL* handle, const std::string& url) {
    const std::string host = host_and_port(url);
    if (std::find(options.insecure.begin(), options.insecure.end(), host) != options.insecure.end()) {
      ::curl_easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
      ::curl_easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    const HostCertificates its = certificates_of(host);
    if (!its.authorities.empty()) {
      // Overrides CURLOPT_CAINFO, so the system's are in it too. The data is copied.
      curl_blob blob{const_cast<char*>(its.authorities.data()), its.authorities.size(), CURL_BLOB_COPY};
      ::curl_easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
    } else if (const std::string file = system_authorities(); !file.empty()) {
      ::curl_easy_setopt(handle, CURLOPT_CAINFO, file.c_str());
    }
    if (const char* directory = std::getenv("SSL_CERT_DIR")) ::curl_easy_setopt(handle, CURLOPT_CAPATH, directory);
    if (!its.client_certificate.empty()) {
      ::curl_easy_setopt(handle, CURLOPT_SSLCERT, its.client_certificate.c_str());
      ::curl_easy_setopt(handle, CURLOPT_SSLKEY, its.client_key.c_str());
    }
  }

  void set_defaults(CURL* handle) const {
    ::curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    ::curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    ::curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    ::curl_easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    ::curl_easy_setopt(handle, CURLOPT_BUFFERSIZE, kBufferSize);
    ::curl_easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBufferSize);
    ::curl_easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
    ::curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  }
};

HttpClient::HttpClient(const RegistryOptions& options) : state_{std::make_unique<State>()} {
  static std::once_flag once;
  std::call_once(once, [] { ::curl_global_init(CURL_GLOBAL_DEFAULT); });
  state_->options = options;
}

HttpClient::~HttpClient() = default;

HttpReply HttpClient::exchange(const HttpRequest& request, const ChooseSink& choose_sink) {
  Easy easy = state_->borrow();
  if (!easy) throw std::bad_alloc{};
  CURL* handle = easy.get();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const auto patience = state_->options.stall_timeout * (reads ? 1 : kUploadPatience);
  Transfer transfer{request, choose_sink, patience};
  const HeaderList headers = header_list(request);
  char detail[CURL_ERROR_SIZE] = {};
  state_->set_defaults(handle);
  state_->set_tls(handle, request.url);
  set_method(handle, request);
  ::curl_easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  ::curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  ::curl_easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  if (is_loopback(request.url)) ::curl_easy_setopt(handle, CURLOPT_PROXY, "");  // no proxy knows our own ports
  transfer.attach(handle);
  const CURLcode code = ::curl_easy_perform(handle);
  transfer.rethrow();
  if (transfer.stalled()) {
    throw TransportError{TransportError::Kind::transient, quote(host_and_port(request.url)),
                         ": nothing was transferred for ", std::chrono::seconds{patience}.count(), " s"};
  }
  if (code != CURLE_OK) {
    throw TransportError{kind_of(code), quote(host_and_port(request.url)), ": ",
                         explain(code, detail, state_->options)};
  }
  HttpReply reply = transfer.take();
  reply.url = request.url;
  // libcurl still points to `detail` and `headers`, which end here; borrow() resets that before the next use, and
  // cleaning up does not touch them.
  state_->give_back(std::move(easy));
  return reply;
}

HttpReply HttpClient::perform(const HttpRequest& request, const ChooseSink& choose_sink) {
  HttpRequest next = request;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    HttpReply reply = exchange(next, choose_sink);
    const std::string location = reply.header("location");
    const bool follows = request.method == "GET" || request.method == "HEAD";
    if (!follows || !is_redirect(reply.status) || location.empty()) return reply;
    const std::string target = resolve_url(next.url, location);
    check_redirect(next.url, target);
    if (origin_of(target) != origin_of(next.url)) next.authorization.clear();
    next.url = target;
  }
  throw TransportError{TransportError::Kind::permanent, quote(request.url), " redirects more than ", kMaxRedirects,
                       " times"};
}

std::string HttpReply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string{} : found->second;
}

std::string origin_of(const std::string& url) {
  const Url parsed = parse_url(url);
  if (!parsed) return {};
  const std::string scheme = lower(url_part(parsed.get(), CURLUPART_SCHEME));
  if (scheme != "http" && scheme != "https") return {};
  return concat(scheme, "://", lower(url_part(parsed.get(), CURLUPART_HOST)), ":",
                url_part(parsed.get(), CURLUPART_PORT, CURLU_DEFAULT_PORT));
}

std::string resolve_url(const std::string& base, const std::string& location) {
  const Url parsed = parse_url(base);
  if (!parsed || ::curl_url_set(parsed.get(), CURLUPART_URL, location.c_str(), CURLU_URLENCODE) != CURLUE_OK) {
    throw TransportError{TransportError::Kind::permanent, quote(base), " refers to ", quote(location),
                         ", which is not a URL"};
  }
  return url_part(parsed.get(), CURLUPART_URL);
}

bool is_loopback(const std::string& url) {
  const Url parsed = parse_url(url);
  const std::string host = parsed ? lower(url_part(parsed.get(), CURLUPART_HOST)) : std::string{};
  const bool ipv4 = host.starts_with("127.") && host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "[::1]" || ipv4;
}

std::string url_escape(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                       c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
    }
  }
  return out;
}

}  // namespace kiln::oci
