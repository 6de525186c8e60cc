#include "machine/packet/schema.h"

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/human.h"
#include "oci/json.h"

namespace kiln::machine::packet {
namespace {

using oci::JsonView;

std::string text_in(const JsonView& device, const char* object, const char* key) {
  const auto found = device.member(object);
  return found ? found->text(key) : std::string{};
}

}  // namespace

Device read_device(std::string_view json) {
  const nlohmann::json document = oci::parse_json(json, "the API's device");
  const JsonView device{document, "the API's device"};
  Device out;
  out.id = device.required("id").text();
  out.hostname = device.text("hostname");
  out.state = device.text("state");
  out.plan = text_in(device, "plan", "slug");
  out.facility = text_in(device, "facility", "code");
  out.metro = text_in(device, "metro", "code");
  out.operating_system = text_in(device, "operating_system", "slug");
  out.ipxe_script_url = device.text("ipxe_script_url");
  out.sos = device.text("sos");
  out.always_pxe = device.flag("always_pxe");
  out.locked = device.flag("locked");
  if (const auto percent = device.member("provisioning_percentage")) out.provisioned = percent->number();
  // It becomes part of URLs and of a command line.
  constexpr std::size_t kLongestId = 64;
  const bool plain = out.id.find_first_not_of("0123456789abcdefABCDEF-") == std::string::npos;
  if (out.id.empty() || !plain || out.id.size() > kLongestId || out.id.front() == '-') {
    device.required("id").fail(concat("expected a UUID, got ", quote(out.id)));
  }
  return out;
}

std::string read_error(std::string_view json) {
  try {
    const nlohmann::json document = oci::parse_json(json, "error");
    const JsonView body{document, "error"};
    std::string messages = body.text("error");
    for (const std::string& message : body.texts("errors")) messages += concat(messages.empty() ? "" : "; ", message);
    return printable(messages);
  } catch (const Error&) {
    return {};
  }
}

std::string to_json(const NewDevice& device) {
  nlohmann::ordered_json body{{"hostname", device.hostname}, {"plan", device.plan}};
  if (device.metro.empty()) {
    body["facility"] = {device.facility};
  } else {
    body["metro"] = device.metro;
  }
  body["operating_system"] = "custom_ipxe";
  body["billing_cycle"] = "hourly";
  body["ipxe_script_url"] = device.ipxe_script_url;
  body["always_pxe"] = device.always_pxe;
  if (!device.userdata.empty()) body["userdata"] = device.userdata;
  return oci::dump_json(body);
}

std::string to_json(const DeviceUpdate& update) {
  nlohmann::ordered_json body{{"ipxe_script_url", update.ipxe_script_url}, {"always_pxe", update.always_pxe}};
  if (!update.hostname.empty()) body["hostname"] = update.hostname;
  return oci::dump_json(body);
}

}  // namespace kiln::machine::packet
