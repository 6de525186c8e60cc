#include "machine/packet/service.h"

#include <algorithm>
#include <cctype>

#include "base/error.h"

namespace kiln::machine::packet {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 4;
constexpr std::chrono::nanoseconds kBetweenTries = 3s;

bool is_busy(long status) { return status == 429 || status == 502 || status == 503 || status == 504; }

std::string device_path(const std::string& id) { return concat("/devices/", id); }

std::string device_named(const std::string& id) { return concat("device ", id); }

}  // namespace

Service::Service(std::string url, std::string token, Transport& transport, Waiter& waiter, Reporter& reporter)
    : url_{std::move(url)}, token_{std::move(token)}, transport_{transport}, waiter_{waiter}, reporter_{reporter} {
  while (url_.ends_with('/')) url_.pop_back();
}

http::Reply Service::send(const std::string& method, const std::string& path, const std::string& json) {
  http::ClientRequest request;
  request.method = method;
  request.url = url_ + path;
  request.headers = {"Accept: application/json"};
  request.secret_headers = {"X-Auth-Token: " + token_};
  if (!json.empty()) request.headers.emplace_back("Content-Type: application/json");
  request.text = json;
  return exchange(transport_, request, "the API");
}

void Service::check(const http::Reply& reply, const std::string& what) const {
  if (reply.good()) return;
  const std::string said = read_error(reply.body);
  Error error{what, ": the API answers ", reply.status, said.empty() ? "" : ": ", said};
  if (reply.status == 401)
    throw std::move(error).with_hint("the token is not right: METAL_API_TOKEN or --api-key-file");
  if (reply.status == 404) throw std::move(error).with_hint("is --api-url right, and are the ids?");
  throw error;
}

Device Service::create(const std::string& project, const NewDevice& device) {
  const std::string what = concat("creating a device of plan ", quote(device.plan));
  http::Reply reply;
  try {
    reply = send("POST", concat("/projects/", project, "/devices"), to_json(device));
  } catch (const Error& error) {
    throw error.within(what).with_hint(
        concat("look in the project for a device called ", quote(device.hostname), ": it may have been created"));
  }
  check(reply, what);
  return read_device(reply.body);
}

Device Service::get_once(const std::string& id) {
  const http::Reply reply = send("GET", device_path(id));
  check(reply, device_named(id));
  return read_device(reply.body);
}

Device Service::get(const std::string& id) {
  for (int tries = 1; tries < kTries; ++tries) {
    try {
      const http::Reply reply = send("GET", device_path(id));
      if (!is_busy(reply.status)) {
        check(reply, device_named(id));
        return read_device(reply.body);
      }
      reporter_.detail(concat(device_named(id), ": the API answers ", reply.status, ": trying again"));
    } catch (const http::TransportError& error) {
      if (error.kind() != http::TransportError::Kind::transient) throw;
      reporter_.detail(concat(error.message(), ": trying again"));
    }
    waiter_.pause(kBetweenTries);
  }
  return get_once(id);
}

void Service::update(const std::string& id, const DeviceUpdate& update) {
  check(send("PUT", device_path(id), to_json(update)), concat("changing ", device_named(id)));
}

void Service::act(const std::string& id, std::string_view action) {
  check(send("POST", device_path(id) + "/actions", concat(R"({"type":")", action, R"("})")),
        concat(action, " of ", device_named(id)));
}

void Service::remove(const std::string& id) {
  const http::Reply reply = send("DELETE", device_path(id));
  if (reply.status == 404 || reply.status == 410) return;
  check(reply, concat("deleting ", device_named(id)));
}

}  // namespace kiln::machine::packet
