#include <cstdlib>

#include "machine/qmp.h"

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  kiln::machine::LineSplitter lines;
  lines.add({reinterpret_cast<const char*>(data), size});
  while (const auto line = lines.next()) {
    const kiln::machine::QmpMessage message = kiln::machine::parse_qmp(*line);
    if (message.kind == kiln::machine::QmpMessage::Kind::other && message != kiln::machine::QmpMessage{}) std::abort();
  }
  return 0;
}
