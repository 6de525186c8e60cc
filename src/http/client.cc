#include "http/client.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>

#include "base/guarded.h"
#include "http/client_transfer.h"
#include "http/curl.h"
#include "http/host_certificates.h"
#include "http/proxy.h"
#include "http/url.h"

namespace kiln::http {
namespace {

constexpr int kMaxRedirects = 10;
constexpr int kUploadPatience = 10;      // a registry hashes what it got before it answers, and may be slow to store it
constexpr long kBufferSize = 256 << 10;  // the most that comes in one write to the sink; the default is 16 KiB

struct FreeEasy {
  void operator()(CURL* handle) const { curl().easy_cleanup(handle); }
};
using Easy = std::unique_ptr<CURL, FreeEasy>;

struct FreeList {
  void operator()(curl_slist* list) const { curl().slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

void append_header(HeaderList& list, const std::string& line) {
  if (line.find_first_of("\r\n") != std::string::npos)
    throw Error{"HTTP header ", quote(line), ": it has a line break"};
  curl_slist* grown = curl().slist_append(list.get(), line.c_str());
  if (grown == nullptr) throw std::bad_alloc{};
  static_cast<void>(list.release());
  list.reset(grown);
}

void set_method(CURL* handle, const ClientRequest& request) {
  if (request.method == "HEAD") {
    curl().easy_setopt(handle, CURLOPT_NOBODY, 1L);
  } else if (request.method != "GET") {
    const std::uint64_t size = request.file >= 0 ? request.size : request.text.size();
    curl().easy_setopt(handle, CURLOPT_UPLOAD, 1L);
    curl().easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl().easy_setopt(handle, CURLOPT_INFILESIZE_LARGE, static_cast<curl_off_t>(size));
  }
}

void set_credentials(CURL* handle, const ClientRequest& request) {
  if (!request.netrc_file.empty()) {
    curl().easy_setopt(handle, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_OPTIONAL));
    curl().easy_setopt(handle, CURLOPT_NETRC_FILE, request.netrc_file.c_str());
    curl().easy_setopt(handle, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
  }
  if (!request.signature.scope.empty()) {
    curl().easy_setopt(handle, CURLOPT_AWS_SIGV4, request.signature.scope.c_str());
    curl().easy_setopt(handle, CURLOPT_USERNAME, request.signature.access_key.c_str());
    curl().easy_setopt(handle, CURLOPT_PASSWORD, request.signature.secret_key.c_str());
  }
}

HeaderList header_list(const ClientRequest& request) {
  HeaderList list;
  for (const std::string& header : request.headers) append_header(list, header);
  for (const std::string& header : request.secret_headers) append_header(list, header);
  if (!request.authorization.empty()) append_header(list, "Authorization: " + request.authorization);
  // Access is settled before an upload: waiting for "100 Continue" only costs time. libcurl 7.88 would sign this
  // header, which it does not send, so signed requests do without.
  if (request.signature.scope.empty()) append_header(list, "Expect:");
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

std::string explain(CURLcode code, const char* detail, const ClientOptions& options) {
  const std::string text = detail[0] != '\0' ? detail : curl().easy_strerror(code);
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

struct Client::State {
  ClientOptions options;
  Guarded<std::vector<Easy>> idle;  // each keeps its connections
  Guarded<std::map<std::string, HostCertificates>> certificates;

  Easy borrow() {
    auto handles = idle.lock();
    if (handles->empty()) return Easy{curl().easy_init()};
    Easy handle = std::move(handles->back());
    handles->pop_back();
    curl().easy_reset(handle.get());
    return handle;
  }
  void give_back(Easy handle) { idle.lock()->push_back(std::move(handle)); }

  HostCertificates certificates_of(const std::string& host) {
    auto known = certificates.lock();
    const auto found = known->find(host);
    if (found != known->end()) return found->second;
    return known->emplace(host, find_certificates(options, host)).first->second;
  }

  void set_tls(CURL* handle, const ClientRequest& request) {
    const std::string host = host_and_port(request.url);
    if (request.insecure ||
        std::find(options.insecure.begin(), options.insecure.end(), host) != options.insecure.end()) {
      curl().easy_setopt(handle, CURLOPT_SSL_VERIFYPEER, 0L);
      curl().easy_setopt(handle, CURLOPT_SSL_VERIFYHOST, 0L);
    }
    const HostCertificates its = certificates_of(host);
    if (!its.authorities.empty()) {
      // Overrides CURLOPT_CAINFO, so the system's are in it too. The data is copied.
      curl_blob blob{const_cast<char*>(its.authorities.data()), its.authorities.size(), CURL_BLOB_COPY};
      curl().easy_setopt(handle, CURLOPT_CAINFO_BLOB, &blob);
    } else if (const std::string file = system_authorities(); !file.empty()) {
      curl().easy_setopt(handle, CURLOPT_CAINFO, file.c_str());
    }
    if (const char* directory = std::getenv("SSL_CERT_DIR")) curl().easy_setopt(handle, CURLOPT_CAPATH, directory);
    if (!its.client_certificate.empty()) {
      curl().easy_setopt(handle, CURLOPT_SSLCERT, its.client_certificate.c_str());
      curl().easy_setopt(handle, CURLOPT_SSLKEY, its.client_key.c_str());
    }
  }

  void set_defaults(CURL* handle) const {
    curl().easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl().easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl().easy_setopt(handle, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
    curl().easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    curl().easy_setopt(handle, CURLOPT_BUFFERSIZE, kBufferSize);
    curl().easy_setopt(handle, CURLOPT_UPLOAD_BUFFERSIZE, kBufferSize);
    curl().easy_setopt(handle, CURLOPT_USERAGENT, options.user_agent.c_str());
    curl().easy_setopt(handle, CURLOPT_CONNECTTIMEOUT, static_cast<long>(options.connect_timeout.count()));
  }
};

Client::Client(const ClientOptions& options) : state_{std::make_unique<State>()} { state_->options = options; }

Client::~Client() = default;

Reply Client::exchange(const ClientRequest& request, const ChooseSink& choose_sink) {
  Easy easy = state_->borrow();
  if (!easy) throw std::bad_alloc{};
  CURL* handle = easy.get();
  const bool reads = request.method == "GET" || request.method == "HEAD";
  const auto patience = state_->options.stall_timeout * (reads ? 1 : kUploadPatience);
  ClientTransfer transfer{request, choose_sink, patience};
  const HeaderList headers = header_list(request);
  char detail[CURL_ERROR_SIZE] = {};
  state_->set_defaults(handle);
  state_->set_tls(handle, request);
  set_method(handle, request);
  set_credentials(handle, request);
  curl().easy_setopt(handle, CURLOPT_URL, request.url.c_str());
  curl().easy_setopt(handle, CURLOPT_HTTPHEADER, headers.get());
  curl().easy_setopt(handle, CURLOPT_ERRORBUFFER, detail);
  // Set even when it is none: libcurl would look itself, but not for HTTP_PROXY, and send loopback's requests to it
  // too.
  const Proxy proxy = find_proxy(request.url, [](const char* name) -> const char* { return std::getenv(name); });
  curl().easy_setopt(handle, CURLOPT_PROXY, proxy.url.c_str());
  transfer.attach(handle);
  const CURLcode code = curl().easy_perform(handle);
  transfer.rethrow();
  if (transfer.stalled()) {
    throw TransportError{TransportError::Kind::transient, quote(host_and_port(request.url)),
                         ": nothing was transferred for ", std::chrono::seconds{patience}.count(), " s"};
  }
  if (code != CURLE_OK) {
    throw TransportError{kind_of(code), quote(host_and_port(request.url)), ": ", explain(code, detail, state_->options),
                         proxy.variable.empty() ? "" : concat(" (the proxy is that of ", proxy.variable, ")")};
  }
  Reply reply = transfer.take();
  reply.url = request.url;
  // libcurl still points to `detail` and `headers`, which end here; borrow() resets that before the next use, and
  // cleaning up does not touch them.
  state_->give_back(std::move(easy));
  return reply;
}

Reply Client::perform(const ClientRequest& request, const ChooseSink& choose_sink) {
  ClientRequest next = request;
  for (int redirects = 0; redirects <= kMaxRedirects; ++redirects) {
    Reply reply = exchange(next, choose_sink);
    const std::string location = reply.header("location");
    const bool follows = request.method == "GET" || request.method == "HEAD";
    if (!follows || !is_redirect(reply.status) || location.empty()) return reply;
    const std::string target = resolve_url(next.url, location);
    check_redirect(next.url, target);
    if (origin_of(target) != origin_of(next.url)) {
      next.authorization.clear();
      next.netrc_file.clear();
      next.signature = {};
      next.secret_headers.clear();
      next.insecure = false;
    }
    next.url = target;
  }
  throw TransportError{TransportError::Kind::permanent, quote(request.url), " redirects more than ", kMaxRedirects,
                       " times"};
}

std::string Reply::header(const std::string& name) const {
  const auto found = headers.find(name);
  return found == headers.end() ? std::string{} : found->second;
}

}  // namespace kiln::http
