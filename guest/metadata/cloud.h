#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "metadata/metadata.h"

namespace guest {

/// How a cloud delivers the keys for SSH.
enum class KeyFormat { plain, json_array, user_and_key, none };

/// A cloud's metadata service: plain HTTP at an address of the link, a value at each path.
struct Cloud {
  struct Value {
    const char* path;  ///< below `base`
    const char* file;
  };
  const char* name;      ///< on the command line
  const char* provider;  ///< as LinuxKit writes it
  const char* vendor;    ///< in SMBIOS's system vendor or product name; null if unknown
  const char* host;
  const char* base;
  const char* probe;   ///< below `base`; it answers with 200 in this cloud
  const char* header;  ///< to be sent with every request, or null
  bool token;          ///< the service may want a token (IMDSv2)
  const char* hostname;
  const char* keys;
  KeyFormat key_format;
  const char* user_data;  ///< absolute, null if there is none
  Value values[8];
};

/// The cloud called `name`, or null.
const Cloud* find_cloud(std::string_view name);

/// Whether SMBIOS says this machine is of that cloud.
bool is_vendor(const Cloud& cloud, std::string_view vendor_and_product);

/// Asks the cloud's service. False if the machine is not there.
bool ask_cloud(const Cloud& cloud, Web& web, Metadata& metadata);

/// Scaleway's service is of another kind: one document of KEY=value lines.
bool ask_scaleway(Web& web, Metadata& metadata);
/// Reads that document. False if it has no ID.
bool parse_scaleway_conf(std::string_view text, Metadata& metadata);

/// Keys as a cloud delivers them, as lines of authorized_keys.
std::string authorized_keys(std::string_view text, KeyFormat format);

}  // namespace guest
