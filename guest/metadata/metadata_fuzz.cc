#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "boot/cmdline.h"
#include "metadata/cloud.h"
#include "metadata/nocloud.h"
#include "metadata/results.h"

// Whatever a metadata service, a disk or the command line says, reading it ends, and a host name is one.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  guest::Metadata metadata;
  guest::parse_meta_data(text, metadata);
  std::string hostname = guest::clean_hostname(metadata.hostname);
  if (hostname.size() > 64 || hostname.find_first_of(" \n\r\t/") != std::string::npos) std::abort();
  (void)guest::parse_scaleway_conf(text, metadata);
  for (guest::KeyFormat format :
       {guest::KeyFormat::plain, guest::KeyFormat::json_array, guest::KeyFormat::user_and_key})
    (void)guest::authorized_keys(text, format);
  (void)guest::read_cmdline_metadata(guest::Cmdline{text});
  std::string type;
  (void)guest::filesystem_label(text, type);
  return 0;
}
