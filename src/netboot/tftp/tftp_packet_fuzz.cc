#include <cstdlib>

#include "base/error.h"
#include "netboot/tftp/file_name.h"
#include "netboot/tftp/negotiation.h"
#include "netboot/tftp/packet.h"

/// A request, its name and its options; and the same bytes as an answer.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kiln::tftp;
  const kiln::Bytes datagram = std::as_bytes(std::span{data, size});
  const Answer answer = parse_answer(datagram);
  if (const auto* error = std::get_if<ErrorMessage>(&answer); error != nullptr && error->text.size() > size)
    std::abort();
  try {
    const Request request = parse_request(datagram);
    if (const auto name = clean_name(request.file)) {
      if (name->empty() || name->front() == '/' || name->back() == '/' ||
          ("/" + *name + "/").find("/../") != name->npos) {
        std::abort();
      }
      if (clean_name(*name) != name) std::abort();
    }
    const Terms terms = negotiate(request, 12345, {1468, 64});
    if (terms.block_size < 8 || terms.block_size > 1468 || terms.window_size < 1 || terms.window_size > 64)
      std::abort();
    if (terms.accepted.size() > 4) std::abort();
  } catch (const kiln::Error&) {
  }
  return 0;
}
