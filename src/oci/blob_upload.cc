#include "oci/blob_upload.h"

#include <charconv>

#include "http/url.h"

namespace kiln::oci {

std::optional<std::uint64_t> parse_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? std::optional{value} : std::nullopt;
}

bool BlobUpload::present() {
  http::ClientRequest request;
  request.method = "HEAD";
  request.url = session_.base_url(endpoint_) + "/blobs/" + blob_.digest.to_string();
  const http::Reply reply = session_.call_patiently(endpoint_, scope_, request);
  return reply.good();
}

bool BlobUpload::start() {
  http::ClientRequest request;
  request.method = "POST";
  request.url = session_.base_url(endpoint_) + "/blobs/uploads/";
  if (scope_.mount_from) {
    request.url += concat("?mount=", http::url_escape(blob_.digest.to_string()),
                          "&from=", http::url_escape(scope_.mount_from->repository()));
  }
  const http::Reply reply = session_.call_patiently(endpoint_, scope_, request);
  if (reply.status == 201) return true;
  if (reply.status != 202) throw Session::unexpected(endpoint_, reply);
  offset_ = 0;
  follow(reply);
  return false;
}

void BlobUpload::send() {
  if (offset_ < blob_.size) {
    http::ClientRequest request;
    request.method = "PATCH";
    request.url = location_;
    request.headers = {"Content-Type: application/octet-stream"};
    if (offset_ > 0) request.headers.push_back(concat("Content-Range: ", offset_, "-", blob_.size - 1));
    request.file = file_;
    request.offset = offset_;
    request.size = blob_.size - offset_;
    const http::Reply reply = session_.call(endpoint_, scope_, request);
    expect(reply, 202);
    follow(reply);
    offset_ = blob_.size;
  }
  http::ClientRequest request;
  request.method = "PUT";
  request.url = concat(location_, location_.find('?') == std::string::npos ? "?" : "&",
                       "digest=", http::url_escape(blob_.digest.to_string()));
  request.headers = {"Content-Type: application/octet-stream"};
  expect(session_.call(endpoint_, scope_, request), 201);
}

bool BlobUpload::resume() {
  http::ClientRequest request;
  request.url = location_;
  const http::Reply reply = session_.call_patiently(endpoint_, scope_, request);
  if (reply.status != 204) return false;
  const std::string range = reply.header("range");  // "0-LAST"; "0-0" also stands for nothing
  const auto last = range.starts_with("0-") ? parse_number(std::string_view{range}.substr(2)) : std::nullopt;
  if (!last || *last >= blob_.size) return false;
  offset_ = *last == 0 ? 0 : *last + 1;
  follow(reply);
  return offset_ > 0;
}

void BlobUpload::expect(const http::Reply& reply, long status) {
  if (reply.status == status) return;
  // The session of an upload may be gone (404) or out of step (416): begin a new one.
  const bool again = is_transient(reply.status) || reply.status == 404 || reply.status == 416;
  throw http::TransportError{again ? http::TransportError::Kind::transient : http::TransportError::Kind::permanent,
                             quote(endpoint_.repository.domain()), ": ", describe(reply)};
}

void BlobUpload::follow(const http::Reply& reply) {
  const std::string location = reply.header("location");
  if (location.empty())
    throw Error{"registry ", quote(endpoint_.repository.domain()), ": it does not say where to upload to"};
  location_ = http::resolve_url(reply.url, location);
}

}  // namespace kiln::oci
