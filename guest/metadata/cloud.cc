#include "metadata/cloud.h"

#include <algorithm>
#include <array>
#include <map>

#include "base/json.h"
#include "base/text.h"

namespace guest {
namespace {

constexpr char kLinkLocal[] = "169.254.169.254";
constexpr char kEc2[] = "/latest/meta-data/";
constexpr char kEc2UserData[] = "/latest/user-data";
constexpr int kMaxKeys = 100;

constexpr Cloud kClouds[] = {
    {"aws",
     "AWS",
     "Amazon EC2",
     kLinkLocal,
     kEc2,
     "hostname",
     nullptr,
     true,
     "hostname",
     "public-keys/0/openssh-key",
     KeyFormat::plain,
     kEc2UserData,
     {{"public-ipv4", "public_ipv4"},
      {"local-ipv4", "local_ipv4"},
      {"placement/availability-zone", "availability_zone"},
      {"instance-type", "instance_type"},
      {"instance-id", "instance_id"},
      {"local-hostname", "local_hostname"}}},
    {"openstack",
     "openstack",
     "OpenStack",
     kLinkLocal,
     kEc2,
     "hostname",
     nullptr,
     false,
     "hostname",
     "public-keys/0/openssh-key",
     KeyFormat::plain,
     kEc2UserData,
     {{"public-ipv4", "public_ipv4"},
      {"local-ipv4", "local_ipv4"},
      {"placement/availability-zone", "availability_zone"},
      {"instance-type", "instance_type"},
      {"instance-id", "instance_id"},
      {"local-hostname", "local_hostname"}}},
    {"hetzner",
     "Hetzner",
     "Hetzner",
     kLinkLocal,
     kEc2,
     "hostname",
     nullptr,
     false,
     "hostname",
     "public-keys",
     KeyFormat::json_array,
     kEc2UserData,
     {{"public-ipv4", "public_ipv4"}, {"local-ipv4", "local_ipv4"}, {"instance-id", "instance_id"}}},
    {"gcp",
     "GCP",
     "Google",
     "metadata.google.internal",
     "/computeMetadata/v1/",
     "instance/hostname",
     "Metadata-Flavor: Google",
     false,
     "instance/hostname",
     "project/attributes/ssh-keys",
     KeyFormat::user_and_key,
     "/computeMetadata/v1/instance/attributes/user-data",
     {}},
    {"digitalocean",
     "DigitalOcean",
     "DigitalOcean",
     kLinkLocal,
     "/metadata/v1/",
     "",
     nullptr,
     false,
     "hostname",
     "public-keys",
     KeyFormat::plain,
     "/metadata/v1/user-data",
     {{"interfaces/public/0/ipv4/address", "public_ipv4"},
      {"interfaces/private/0/ipv4/address", "private_ipv4"},
      {"region", "region"},
      {"id", "id"}}},
    {"vultr",
     "Vultr",
     "Vultr",
     kLinkLocal,
     "/v1/",
     "",
     nullptr,
     false,
     "hostname",
     "public-keys",
     KeyFormat::plain,
     nullptr,
     {{"interfaces/0/ipv4/address", "public_ipv4"},
      {"interfaces/1/ipv4/address", "private_ipv4"},
      {"interfaces/1/ipv4/netmask", "private_netmask"},
      {"region/regioncode", "region_code"},
      {"instanceid", "instance_id"}}},
    {"metaldata",
     "metaldata",
     nullptr,
     "metaldata",
     "/get/meta/",
     "hostname",
     nullptr,
     false,
     "hostname",
     "authorized-keys",
     KeyFormat::plain,
     "/get/user",
     {{"public-ipv4", "public_ipv4"},
      {"private-ipv4", "private_ipv4"},
      {"failure-domain", "failure_domain"},
      {"machine-id", "machine_id"},
      {"machine-type", "machine_type"}}},
};

/// One cloud's service, with what every request to it carries.
class Service {
 public:
  Service(const Cloud& cloud, Web& web) : cloud_(cloud), web_(web) {
    if (cloud.header != nullptr) headers_.emplace_back(cloud.header);
    if (cloud.token) take_token();
  }

  bool get(const std::string& path, std::string& body) {
    return web_.fetch({"GET", {cloud_.host, 80, path}, headers_, false}, body);
  }
  bool get_value(const char* name, std::string& body) { return get(std::string{cloud_.base} + name, body); }

 private:
  void take_token() {
    std::string token;
    Web::Request request{
        "PUT", {cloud_.host, 80, "/latest/api/token"}, {"X-aws-ec2-metadata-token-ttl-seconds: 300"}, false};
    if (!web_.fetch(request, token)) return;  // the older protocol has none
    std::string_view text = trim(token);
    bool clean = !text.empty() && std::all_of(text.begin(), text.end(), [](char c) { return c > 0x20 && c < 0x7f; });
    if (clean) headers_.push_back("X-aws-ec2-metadata-token: " + std::string{text});
  }

  const Cloud& cloud_;
  Web& web_;
  std::vector<std::string> headers_;
};

}  // namespace

const Cloud* find_cloud(std::string_view name) {
  for (const Cloud& cloud : kClouds) {
    if (name == cloud.name) return &cloud;
  }
  return nullptr;
}

bool is_vendor(const Cloud& cloud, std::string_view vendor_and_product) {
  return cloud.vendor != nullptr && vendor_and_product.find(cloud.vendor) != std::string_view::npos;
}

bool ask_cloud(const Cloud& cloud, Web& web, Metadata& metadata) {
  Service service{cloud, web};
  std::string value;
  if (!service.get_value(cloud.probe, value)) return false;
  metadata = Metadata{};
  metadata.provider = cloud.provider;
  if (service.get_value(cloud.hostname, value)) metadata.hostname = value;
  for (const Cloud::Value& wanted : cloud.values) {
    if (wanted.path != nullptr && service.get_value(wanted.path, value))
      metadata.files.emplace_back(wanted.file, value);
  }
  if (service.get_value(cloud.keys, value)) metadata.ssh_keys = authorized_keys(value, cloud.key_format);
  if (cloud.user_data != nullptr && service.get(cloud.user_data, value)) metadata.user_data = value;
  return true;
}

bool parse_scaleway_conf(std::string_view text, Metadata& metadata) {
  std::map<std::string, std::string, std::less<>> values;
  std::string_view line;
  while (take_line(text, line)) {
    std::size_t equals = line.find('=');
    if (equals == std::string_view::npos) continue;
    std::string_view value = trim(line.substr(equals + 1));
    if (value.size() >= 2 && (value[0] == '\'' || value[0] == '"') && value.back() == value[0])
      value = value.substr(1, value.size() - 2);
    values.insert_or_assign(std::string{trim(line.substr(0, equals))}, std::string{value});
  }
  if (values["ID"].empty()) return false;
  metadata = Metadata{};
  metadata.provider = "Scaleway";
  metadata.hostname = values["HOSTNAME"];
  constexpr std::pair<const char*, const char*> kFiles[] = {{"ID", "instance_id"},
                                                            {"LOCATION_ZONE_ID", "instance_location"},
                                                            {"PUBLIC_IP_ADDRESS", "public_ip"},
                                                            {"PRIVATE_IP", "private_ip"}};
  for (auto [key, file] : kFiles) {
    if (!values[key].empty()) metadata.files.emplace_back(file, values[key]);
  }
  for (int number = 0; number < kMaxKeys; ++number) {
    const std::string& key = values[format("SSH_PUBLIC_KEYS_%d_KEY", number)];
    if (key.empty()) break;
    metadata.ssh_keys += key + "\n";
  }
  return true;
}

bool ask_scaleway(Web& web, Metadata& metadata) {
  const std::string host = "169.254.42.42";
  std::string text;
  if (!web.fetch({"GET", {host, 80, "/conf"}, {}, false}, text) || !parse_scaleway_conf(text, metadata)) return false;
  // User data may hold secrets, so only a process with privileges gets it.
  if (web.fetch({"GET", {host, 80, "/user_data/cloud-init"}, {}, true}, text)) metadata.user_data = text;
  return true;
}

std::string authorized_keys(std::string_view text, KeyFormat format) {
  if (format == KeyFormat::json_array) {
    json::Value value;
    if (!json::parse(text, value).empty()) return {};
    std::string keys;
    for (const std::string& key : value.strings()) keys += key + "\n";
    return keys;
  }
  if (format == KeyFormat::none) return {};
  std::string keys;
  std::string_view line;
  while (take_line(text, line)) {
    if (format == KeyFormat::user_and_key) {
      std::size_t colon = line.find(':');
      if (colon == std::string_view::npos) continue;
      line.remove_prefix(colon + 1);
    }
    line = trim(line);
    if (!line.empty()) keys += std::string{line} + "\n";
  }
  return keys;
}

}  // namespace guest
