#include "publish/http_destination.h"

#include "http/url.h"
#include "oci/base64.h"
#include "publish/patiently.h"

namespace kiln::publish {
namespace {

Error refused(const std::string& url, const http::Reply& reply) {
  Error error{"uploading ", quote(url), ": the server answered ", describe_reply(reply)};
  switch (reply.status) {
    case 401:
    case 403:
      return std::move(error).with_hint(
          "give credentials: KILN_HTTP_USER and KILN_HTTP_PASSWORD, KILN_HTTP_TOKEN, or a line in ~/.netrc");
    case 405:
    case 501:
      return std::move(error).with_hint("the server must take PUT there: WebDAV, or a module like nginx's dav");
    case 413:
      return std::move(error).with_hint(
          "raise the largest request that the server takes (nginx: client_max_body_size)");
    default:
      return error;
  }
}

}  // namespace

HttpDestination::HttpDestination(std::string url, const DestinationOptions& options)
    : url_{std::move(url)}, options_{options}, client_{options_.http} {
  if (http::origin_of(url_).empty()) throw Error{"destination ", quote(url_), " is not a URL"};
  if (url_.find_first_of("?#") != std::string::npos) {
    throw Error{"destination ", quote(url_), ": it has a query or fragment, and so no place for files below it"};
  }
  const std::size_t authority = url_.find("://") + 3;
  if (url_.substr(authority, url_.find('/', authority) - authority).find('@') != std::string::npos) {
    throw Error{"the destination has credentials in its URL, which would end up in logs"}.with_hint(
        "leave them out, and set KILN_HTTP_USER and KILN_HTTP_PASSWORD or write a line in ~/.netrc");
  }
  if (!url_.ends_with('/')) url_ += '/';
}

http::ClientRequest HttpDestination::request(const std::string& method, const std::string& url) const {
  http::ClientRequest request;
  request.method = method;
  request.url = url;
  if (!options_.bearer_token.empty()) {
    request.authorization = "Bearer " + options_.bearer_token;
  } else if (!options_.user.empty()) {
    request.authorization = "Basic " + oci::base64_encode(concat(options_.user, ":", options_.password));
  } else {
    request.netrc_file = options_.netrc_file;
  }
  return request;
}

void HttpDestination::put(const std::string& name, int file, std::uint64_t size) {
  http::ClientRequest upload = request("PUT", url_ + name);
  upload.headers = {"Content-Type: application/octet-stream"};
  upload.file = file;
  upload.size = size;
  http::Reply reply = perform_connected(client_, upload);
  // RFC 4918 §9.7.1: 409 if a collection on the way is missing. nginx says 500, others 404, or 403 for what is not
  // there.
  if (!reply.good() && reply.status != 401) {
    make_collections();
    reply = perform_patiently(client_, upload);
  }
  if (!reply.good()) throw refused(upload.url, reply);
}

/// From the top down, as MKCOL makes one at a time (RFC 4918 §9.3): 405 where there is one already.
void HttpDestination::make_collections() {
  std::size_t slash = url_.find('/', url_.find("://") + 3);
  while ((slash = url_.find('/', slash + 1)) != std::string::npos) {
    perform_connected(client_, request("MKCOL", url_.substr(0, slash + 1)));
  }
}

}  // namespace kiln::publish
