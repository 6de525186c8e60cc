#include <cstdint>

#include "base/error.h"
#include "config/load.h"
#include "convert/compose.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace kiln;
  const convert::Surroundings around{
      [](const std::string& name) { return name == "SET" ? std::optional<std::string>{"value"} : std::nullopt; },
      [](const std::string&) { return std::string{"A=1\n"}; },
      [](const std::string&) {
        return std::optional{std::vector<std::string>{"a", "b"}};
      },
      [](const std::string&) { return std::optional{oci::ImageConfig{}}; },
  };
  try {
    convert::convert_compose({reinterpret_cast<const char*>(data), size}, "input", around);
  } catch (const Error&) {
  }
  return 0;
}
