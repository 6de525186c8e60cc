#include <algorithm>
#include <exception>

#include "oci/blob_receiver.h"
#include "oci/blob_upload.h"
#include "oci/manifest.h"
#include "oci/mirror_state.h"
#include "oci/registry.h"
#include "oci/session.h"

namespace kiln::oci {
namespace {

constexpr std::size_t kMaxDocument = 16 << 20;

const Scope kPull{};

std::string accept_header() {
  return concat("Accept: ", media_type::kIndex, ", ", media_type::kManifest, ", ", media_type::kDockerIndex, ", ",
                media_type::kDockerManifest);
}

/// What the manifest's URL ends with.
std::string object_of(const Reference& reference) {
  if (reference.digest()) return reference.digest()->to_string();
  return reference.tag().value_or("latest");
}

class DocumentSink final : public Sink {
 public:
  void write(Bytes data) override {
    if (text.size() + data.size() > kMaxDocument) {
      throw Error{"the registry sends more than the ", kMaxDocument, " bytes a manifest may have"};
    }
    text.append(as_text(data));
  }
  std::string text;
};

/// The digest a registry says a manifest has, if it says so.
std::optional<Digest> announced_digest(const http::Reply& reply) {
  const std::string text = reply.header("docker-content-digest");
  if (!text.starts_with("sha256:")) return std::nullopt;
  return Digest::parse(text);
}

void check_digest(const Digest& got, const std::optional<Digest>& expected) {
  if (!expected || got == *expected) return;
  throw Error{"manifest: digest is ", got.to_string(), ", expected ", expected->to_string()}.with_hint(
      "the registry, or a proxy on the way to it, has damaged the manifest; try again");
}

}  // namespace

HttpRegistry::HttpRegistry(RegistryOptions options)
    : session_{std::make_unique<Session>(std::move(options))},
      mirrors_{std::make_unique<MirrorState>(session_->options().warn)} {}
HttpRegistry::~HttpRegistry() = default;

std::string HttpRegistry::base_url(const Reference& repository) {
  return session_->base_url(session_->endpoints().for_writing(repository));
}

std::vector<Endpoint> HttpRegistry::endpoints_of(const Reference& reference) {
  const EndpointTable& table = session_->endpoints();
  if (session_->options().use_mirrors) return table.for_reading(reference);
  return {table.for_writing(reference)};
}

/// The first result of `step` that is one, over the places where the reference is; what the last throws, or has not, is
/// what the registry says.
template <typename Step>
auto HttpRegistry::read(const Reference& reference, const Digest* blob, const Step& step) {
  const std::vector<Endpoint> endpoints = endpoints_of(reference);
  for (std::size_t i = 0; i + 1 < endpoints.size(); ++i) {
    if (!mirrors_->is_usable(endpoints[i], blob)) continue;
    try {
      if (auto result = step(endpoints[i])) return result;
    } catch (const RegistryUnreachable& error) {
      mirrors_->failed(endpoints[i], endpoints[i + 1], error, true);
    } catch (const Error& error) {
      mirrors_->failed(endpoints[i], endpoints[i + 1], error, false);
    }
  }
  return step(endpoints.back());
}

std::optional<Document> HttpRegistry::manifest(const Reference& reference) {
  return read(reference, nullptr, [&](const Endpoint& endpoint) { return manifest_at(endpoint); });
}

std::optional<Document> HttpRegistry::manifest_at(const Endpoint& endpoint) {
  const Reference& reference = endpoint.repository;
  http::ClientRequest request;
  request.url = session_->base_url(endpoint) + "/manifests/" + object_of(reference);
  request.headers = {accept_header()};
  DocumentSink sink;
  const http::Reply reply = session_->call_patiently(endpoint, kPull, request, [&](const http::Reply&) {
    sink.text.clear();  // of an attempt that broke off
    return &sink;
  });
  if (reply.status == 404) return std::nullopt;
  if (!reply.good()) throw Session::unexpected(endpoint, reply);
  Document document;
  document.content = std::move(sink.text);
  document.descriptor.digest = Digest::of(document.content);
  document.descriptor.size = document.content.size();
  check_digest(document.descriptor.digest, reference.digest());
  if (!reference.digest()) check_digest(document.descriptor.digest, announced_digest(reply));
  document.descriptor.media_type = manifest_media_type(document.content, "manifest");
  return document;
}

std::optional<Descriptor> HttpRegistry::manifest_descriptor(const Reference& reference) {
  return read(reference, nullptr, [&](const Endpoint& endpoint) { return descriptor_at(endpoint); });
}

std::optional<Descriptor> HttpRegistry::descriptor_at(const Endpoint& endpoint) {
  http::ClientRequest request;
  request.method = "HEAD";
  request.url = session_->base_url(endpoint) + "/manifests/" + object_of(endpoint.repository);
  request.headers = {accept_header()};
  const http::Reply reply = session_->call_patiently(endpoint, kPull, request);
  if (reply.status == 404) return std::nullopt;
  if (!reply.good()) throw Session::unexpected(endpoint, reply);
  const auto digest = announced_digest(reply);
  const auto size = parse_number(reply.header("content-length"));
  if (!digest || !size) {  // optional in the specification: only the content tells
    auto document = manifest_at(endpoint);
    return document ? std::optional{document->descriptor} : std::nullopt;
  }
  std::string type = reply.header("content-type");
  type = type.substr(0, type.find(';'));
  return Descriptor{std::move(type), *digest, *size, {}, {}, ""};
}

namespace {

/// What a caller's sink threw: no other place would help against that, so it is no Error here.
struct SinkFailure {
  std::exception_ptr cause;
};

class CallersSink final : public Sink {
 public:
  explicit CallersSink(Sink& to) : to_{to} {}
  void write(Bytes data) override {
    try {
      to_.write(data);
    } catch (...) {
      throw SinkFailure{std::current_exception()};
    }
  }

 private:
  Sink& to_;
};

}  // namespace

void HttpRegistry::blob(const Reference& repository, const Descriptor& blob, std::uint64_t offset, Sink& sink) {
  CallersSink to{sink};
  BlobReceiver receiver{blob.size, offset, to};
  try {
    read(repository, &blob.digest, [&](const Endpoint& endpoint) { return blob_at(endpoint, blob, receiver); });
  } catch (const SinkFailure& failure) {
    std::rethrow_exception(failure.cause);
  }
}

bool HttpRegistry::reject(const Descriptor& blob) { return mirrors_->reject(blob.digest); }

/// Whether the blob is complete now: false from a mirror that does not have it.
bool HttpRegistry::blob_at(const Endpoint& endpoint, const Descriptor& blob, BlobReceiver& receiver) {
  Backoff backoff = session_->backoff(endpoint);
  receiver.ask_for_ranges();
  while (!receiver.complete()) {
    const std::uint64_t before = receiver.position();
    http::ClientRequest request;
    request.url = session_->base_url(endpoint) + "/blobs/" + blob.digest.to_string();
    if (std::string range = receiver.range(); !range.empty()) request.headers = {std::move(range)};
    std::string failure;
    std::chrono::milliseconds wait{};
    try {
      const http::Reply reply = session_->call(endpoint, kPull, request, [&](const http::Reply& head) {
        receiver.begin(head);
        mirrors_->served(endpoint, blob.digest);
        return &receiver;
      });
      if (reply.status == 404 && endpoint.is_mirror) return false;
      if (reply.status == 416) receiver.give_up_ranges();
      if (!reply.good() && reply.status != 416 && !is_transient(reply.status)) {
        throw Session::unexpected(endpoint, reply);
      }
      failure = reply.good() ? "the connection was cut off" : describe(reply);
      wait = parse_retry_after(reply.header("retry-after"));
    } catch (const http::TransportError& error) {
      if (error.kind() == http::TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      failure = error.message();
    }
    if (receiver.complete()) return true;
    if (receiver.position() > before) backoff.progress();
    if (!backoff.wait(wait)) {
      throw Error{"registry ",
                  quote(endpoint.repository.domain()),
                  ": got ",
                  receiver.position(),
                  " of ",
                  blob.size,
                  " bytes, then ",
                  backoff.failures(),
                  " times in a row: ",
                  failure}
          .with_hint("try again: what was received is kept and continued");
    }
  }
  return true;
}

Pushed HttpRegistry::push_blob(const Reference& repository, const Descriptor& blob, int file,
                               const std::optional<Reference>& mount_from) {
  Scope scope{true, {}};
  if (mount_from && mount_from->domain() == repository.domain() &&
      mount_from->repository() != repository.repository()) {
    scope.mount_from = mount_from;
  }
  const Endpoint endpoint = session_->endpoints().for_writing(repository);
  BlobUpload upload{*session_, endpoint, scope, blob, file};
  Backoff backoff = session_->backoff(endpoint);
  bool started = false;
  for (;;) {
    try {
      if (!started) {
        if (upload.present()) return Pushed::present;
        if (upload.start()) return Pushed::mounted;
        started = true;
      }
      upload.send();
      return Pushed::uploaded;
    } catch (const http::TransportError& error) {
      if (error.kind() == http::TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      if (!backoff.wait()) throw Error{"registry ", error.message(), ", ", backoff.failures(), " times in a row"};
    }
    started = started && upload.resume();
  }
}

void HttpRegistry::push_manifest(const Reference& reference, const std::string& content,
                                 const std::string& media_type) {
  const Endpoint endpoint = session_->endpoints().for_writing(reference);
  http::ClientRequest request;
  request.method = "PUT";
  request.url = session_->base_url(endpoint) + "/manifests/" + object_of(reference);
  request.headers = {"Content-Type: " + media_type};
  request.text = content;
  const http::Reply reply = session_->call_patiently(endpoint, Scope{true, {}}, request);
  if (!reply.good()) throw Session::unexpected(endpoint, reply);
  if (const auto digest = announced_digest(reply)) check_digest(*digest, Digest::of(content));
}

}  // namespace kiln::oci
