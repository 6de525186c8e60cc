#include "publish/patiently.h"

#include "base/human.h"
#include "oci/backoff.h"

namespace kiln::publish {
namespace {

bool comes_again(long status) {
  return status == 408 || status == 429 || status == 500 || status == 502 || status == 503 || status == 504;
}

}  // namespace

http::Reply perform_connected(http::Client& client, const http::ClientRequest& request) {
  const oci::RegistryOptions patience;
  oci::Backoff backoff{patience};
  for (;;) {
    try {
      return client.perform(request);
    } catch (const http::TransportError& error) {
      if (error.kind() == http::TransportError::Kind::permanent) throw Error{"server ", error.message()};
      if (!backoff.wait()) throw Error{"server ", error.message(), ", ", backoff.failures(), " times in a row"};
    }
  }
}

http::Reply perform_patiently(http::Client& client, const http::ClientRequest& request) {
  const oci::RegistryOptions patience;
  oci::Backoff backoff{patience};
  for (;;) {
    http::Reply reply = perform_connected(client, request);
    if (!comes_again(reply.status) || !backoff.wait(oci::parse_retry_after(reply.header("retry-after")))) return reply;
  }
}

std::string describe_reply(const http::Reply& reply) {
  constexpr std::size_t kMost = 200;
  const std::string body = printable(reply.body.substr(0, kMost));
  return concat(reply.status, body.empty() ? "" : " (", body, reply.body.size() > kMost ? "…" : "",
                body.empty() ? "" : ")");
}

}  // namespace kiln::publish
