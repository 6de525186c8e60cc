#include "oci/mirror_state.h"

namespace kiln::oci {

bool MirrorState::is_usable(const Endpoint& endpoint, const Digest* blob) {
  if (!endpoint.is_mirror) return true;
  const std::string& domain = endpoint.repository.domain();
  if (down_.lock()->count(domain) > 0) return false;
  return blob == nullptr || (*blobs_.lock())[*blob].rejected.count(domain) == 0;
}

void MirrorState::failed(const Endpoint& mirror, const Endpoint& next, const Error& error, bool is_down) {
  const std::string& domain = mirror.repository.domain();
  if (is_down) down_.lock()->insert(domain);
  if (!warned_.lock()->insert(domain).second || !warn_) return;
  warn_(concat("mirror ", quote(domain), " (", mirror.origin, "): ", error.message(), "; going on with ",
               quote(next.repository.domain())));
}

void MirrorState::served(const Endpoint& endpoint, const Digest& blob) {
  if (endpoint.is_mirror) (*blobs_.lock())[blob].served.insert(endpoint.repository.domain());
}

bool MirrorState::reject(const Digest& blob) {
  auto blobs = blobs_.lock();
  Places& places = (*blobs)[blob];
  const bool is_new = !places.served.empty();
  places.rejected.merge(places.served);
  places.served.clear();
  return is_new;
}

}  // namespace kiln::oci
