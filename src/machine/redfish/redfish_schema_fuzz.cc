#include <string_view>

#include "base/error.h"
#include "machine/redfish/schema.h"

namespace {

template <typename Read>
void attempt(Read&& read) {
  try {
    read();
  } catch (const kiln::Error&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  using namespace kiln::machine::redfish;  // NOLINT(google-build-using-namespace)
  const std::string_view text{reinterpret_cast<const char*>(data), size};
  attempt([&] { read_root(text); });
  attempt([&] { read_collection(text, "collection"); });
  attempt([&] { read_system(text, "system"); });
  attempt([&] { read_architecture(text, "processor"); });
  attempt([&] { read_reset_types(text, "action"); });
  attempt([&] { read_virtual_media_path(text, "manager"); });
  attempt([&] { read_virtual_media(text, "media"); });
  read_error(text);
  return 0;
}
