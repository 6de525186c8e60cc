#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/json.h"
#include "container/spec.h"

// Whatever the text, reading ends with a value or a message, and the readers of runtime.json and config.json take any
// value.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  guest::json::Value value;
  std::string_view text{reinterpret_cast<const char*>(data), size};
  if (guest::json::parse(text, value).empty()) {
    guest::json::Value again;
    if (!guest::json::parse(guest::json::quote(value.text()), again).empty() || again.text() != value.text())
      std::abort();
    guest::ServiceSpec service;
    (void)guest::read_service_spec(value, service);
    (void)guest::read_runtime_spec(value);
  }
  return 0;
}
