#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "net/http_message.h"
#include "net/url.h"

namespace {

guest::HttpResponseReader read(std::string_view bytes, std::size_t piece) {
  guest::HttpResponseReader reader{4096};
  while (!bytes.empty() && reader.feed(bytes.substr(0, piece))) bytes.remove_prefix(std::min(piece, bytes.size()));
  reader.end();
  return reader;
}

}  // namespace

// However a response is cut into pieces, it reads the same, and never has more than was allowed. A URL that is taken
// reads the same again.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  guest::HttpResponseReader whole = read(text, size + 1);
  guest::HttpResponseReader pieces = read(text, 3);
  if (whole.problem() != pieces.problem() || whole.response().body != pieces.response().body) std::abort();
  if (whole.response().body.size() > 4096) std::abort();
  guest::Url url;
  guest::Url again;
  if (guest::parse_url(text, url).empty() &&
      (!guest::parse_url(url.text(), again).empty() || again.host != url.host || again.path != url.path))
    std::abort();
  return 0;
}
