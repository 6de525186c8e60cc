#include <algorithm>
#include <charconv>

#include "oci/blob_receiver.h"
#include "oci/manifest.h"
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
std::optional<Digest> announced_digest(const HttpReply& reply) {
  const std::string text = reply.header("docker-content-digest");
  if (!text.starts_with("sha256:")) return std::nullopt;
  return Digest::parse(text);
}

void check_digest(const Digest& got, const std::optional<Digest>& expected) {
  if (!expected || got == *expected) return;
  throw Error{"manifest: digest is ", got.to_string(), ", expected ", expected->to_string()}.with_hint(
      "the registry, or a proxy on the way to it, has damaged the manifest; try again");
}

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

}  // namespace

HttpRegistry::HttpRegistry(RegistryOptions options) : session_{std::make_unique<Session>(std::move(options))} {}
HttpRegistry::~HttpRegistry() = default;

std::optional<Document> HttpRegistry::manifest(const Reference& reference) {
  HttpRequest request;
  request.url = session_->base_url(reference) + "/manifests/" + object_of(reference);
  request.headers = {accept_header()};
  DocumentSink sink;
  const HttpReply reply = session_->call_patiently(reference, kPull, request, [&](const HttpReply&) {
    sink.text.clear();  // of an attempt that broke off
    return &sink;
  });
  if (reply.status == 404) return std::nullopt;
  if (!reply.good()) throw Session::unexpected(reference, reply);
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
  HttpRequest request;
  request.method = "HEAD";
  request.url = session_->base_url(reference) + "/manifests/" + object_of(reference);
  request.headers = {accept_header()};
  const HttpReply reply = session_->call_patiently(reference, kPull, request);
  if (reply.status == 404) return std::nullopt;
  if (!reply.good()) throw Session::unexpected(reference, reply);
  const auto digest = announced_digest(reply);
  const auto size = parse_number(reply.header("content-length"));
  if (!digest || !size) {  // optional in the specification: only the content tells
    auto document = manifest(reference);
    return document ? std::optional{document->descriptor} : std::nullopt;
  }
  std::string type = reply.header("content-type");
  type = type.substr(0, type.find(';'));
  return Descriptor{std::move(type), *digest, *size, {}, {}, ""};
}

void HttpRegistry::blob(const Reference& repository, const Descriptor& blob, std::uint64_t offset, Sink& sink) {
  BlobReceiver receiver{blob.size, offset, sink};
  Backoff backoff{session_->options()};
  while (!receiver.complete()) {
    const std::uint64_t before = receiver.position();
    HttpRequest request;
    request.url = session_->base_url(repository) + "/blobs/" + blob.digest.to_string();
    if (std::string range = receiver.range(); !range.empty()) request.headers = {std::move(range)};
    std::string failure;
    std::chrono::milliseconds wait{};
    try {
      const HttpReply reply = session_->call(repository, kPull, request, [&](const HttpReply& head) {
        receiver.begin(head);
        return &receiver;
      });
      if (reply.status == 416) receiver.give_up_ranges();
      if (!reply.good() && reply.status != 416 && !is_transient(reply.status)) {
        throw Session::unexpected(repository, reply);
      }
      failure = reply.good() ? "the connection was cut off" : describe(reply);
      wait = parse_retry_after(reply.header("retry-after"));
    } catch (const TransportError& error) {
      if (error.kind() == TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      failure = error.message();
    }
    if (receiver.complete()) return;
    if (receiver.position() > before) backoff.progress();
    if (!backoff.wait(wait)) {
      throw Error{"registry ",
                  quote(repository.domain()),
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
}

namespace {

/// One upload of a blob (distribution-spec, "Pushing a blob in chunks"): sent in one piece and, if that breaks off,
/// continued from where the registry says it is.
class Upload {
 public:
  Upload(Session& session, const Reference& repository, const Scope& scope, const Descriptor& blob, int file)
      : session_{session}, repository_{repository}, scope_{scope}, blob_{blob}, file_{file} {}

  bool present() {
    HttpRequest request;
    request.method = "HEAD";
    request.url = session_.base_url(repository_) + "/blobs/" + blob_.digest.to_string();
    const HttpReply reply = session_.call_patiently(repository_, scope_, request);
    return reply.good();
  }

  /// True if the registry mounted the blob and nothing need be sent.
  bool start() {
    HttpRequest request;
    request.method = "POST";
    request.url = session_.base_url(repository_) + "/blobs/uploads/";
    if (scope_.mount_from) {
      request.url += concat("?mount=", url_escape(blob_.digest.to_string()),
                            "&from=", url_escape(scope_.mount_from->repository()));
    }
    const HttpReply reply = session_.call_patiently(repository_, scope_, request);
    if (reply.status == 201) return true;
    if (reply.status != 202) throw Session::unexpected(repository_, reply);
    offset_ = 0;
    follow(reply);
    return false;
  }

  /// Sends the rest and closes the upload. Throws TransportError when it may be continued.
  void send() {
    if (offset_ < blob_.size) {
      HttpRequest request;
      request.method = "PATCH";
      request.url = location_;
      request.headers = {"Content-Type: application/octet-stream"};
      if (offset_ > 0) request.headers.push_back(concat("Content-Range: ", offset_, "-", blob_.size - 1));
      request.file = file_;
      request.offset = offset_;
      request.size = blob_.size - offset_;
      const HttpReply reply = session_.call(repository_, scope_, request);
      expect(reply, 202);
      follow(reply);
      offset_ = blob_.size;
    }
    HttpRequest request;
    request.method = "PUT";
    request.url = concat(location_, location_.find('?') == std::string::npos ? "?" : "&",
                         "digest=", url_escape(blob_.digest.to_string()));
    request.headers = {"Content-Type: application/octet-stream"};
    expect(session_.call(repository_, scope_, request), 201);
  }

  /// Asks how far the registry got. False if it has forgotten the upload.
  bool resume() {
    HttpRequest request;
    request.url = location_;
    const HttpReply reply = session_.call_patiently(repository_, scope_, request);
    if (reply.status != 204) return false;
    const std::string range = reply.header("range");  // "0-LAST"; "0-0" also stands for nothing
    const auto last = range.starts_with("0-") ? parse_number(std::string_view{range}.substr(2)) : std::nullopt;
    if (!last || *last >= blob_.size) return false;
    offset_ = *last == 0 ? 0 : *last + 1;
    follow(reply);
    return offset_ > 0;
  }

 private:
  void expect(const HttpReply& reply, long status) {
    if (reply.status == status) return;
    // The session of an upload may be gone (404) or out of step (416): begin a new one.
    const bool again = is_transient(reply.status) || reply.status == 404 || reply.status == 416;
    throw TransportError{again ? TransportError::Kind::transient : TransportError::Kind::permanent,
                         quote(repository_.domain()), ": ", describe(reply)};
  }

  void follow(const HttpReply& reply) {
    const std::string location = reply.header("location");
    if (location.empty()) throw Error{"registry ", quote(repository_.domain()), ": it does not say where to upload to"};
    location_ = resolve_url(reply.url, location);
  }

  Session& session_;
  const Reference& repository_;
  const Scope& scope_;
  const Descriptor& blob_;
  int file_;
  std::string location_;
  std::uint64_t offset_ = 0;
};

}  // namespace

Pushed HttpRegistry::push_blob(const Reference& repository, const Descriptor& blob, int file,
                               const std::optional<Reference>& mount_from) {
  Scope scope{true, {}};
  if (mount_from && mount_from->domain() == repository.domain() &&
      mount_from->repository() != repository.repository()) {
    scope.mount_from = mount_from;
  }
  Upload upload{*session_, repository, scope, blob, file};
  Backoff backoff{session_->options()};
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
    } catch (const TransportError& error) {
      if (error.kind() == TransportError::Kind::permanent) throw Error{"registry ", error.message()};
      if (!backoff.wait()) throw Error{"registry ", error.message(), ", ", backoff.failures(), " times in a row"};
    }
    started = started && upload.resume();
  }
}

void HttpRegistry::push_manifest(const Reference& reference, const std::string& content,
                                 const std::string& media_type) {
  HttpRequest request;
  request.method = "PUT";
  request.url = session_->base_url(reference) + "/manifests/" + object_of(reference);
  request.headers = {"Content-Type: " + media_type};
  request.text = content;
  const HttpReply reply = session_->call_patiently(reference, Scope{true, {}}, request);
  if (!reply.good()) throw Session::unexpected(reference, reply);
  if (const auto digest = announced_digest(reply)) check_digest(*digest, Digest::of(content));
}

}  // namespace kiln::oci
