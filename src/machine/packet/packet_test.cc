#include <gtest/gtest.h>

#include "machine/packet/run.h"
#include "machine/remote/testing.h"

namespace kiln::machine::packet {
namespace {

using namespace std::chrono_literals;
using testing_::FakeTransport;
using testing_::FakeWaiter;
using testing_::message_of;
using testing_::RecordingReporter;
using testing_::reply;

constexpr const char* kId = "ca4f6a80-d797-4a78-8c0f-a2b1edb3f7ae";

std::string device_json(const std::string& state, const std::string& more = {}) {
  return std::string{R"({"id":")"} + kId + R"(","hostname":"web","state":")" + state +
         R"(","plan":{"slug":"baremetal_2a"},"facility":{"code":"ams1"},"metro":null,)" +
         R"("operating_system":{"slug":"custom_ipxe"},"always_pxe":true)" + more + "}";
}

Options options() {
  Options out;
  out.api_url = "https://api.example.net/metal/v1";
  out.token = "t0ken";
  out.project = "p1";
  out.wanted.hostname = "web";
  out.wanted.plan = "baremetal_2a";
  out.wanted.facility = "ams1";
  out.wanted.ipxe_script_url = "http://files/web.ipxe";
  return out;
}

struct Api {
  explicit Api(FakeTransport::Handler handler) : transport{std::move(handler)} {}
  FakeTransport transport;
  FakeWaiter waiter;
  RecordingReporter reporter;
  Options wanted = options();
  Service service{wanted.api_url, wanted.token, transport, waiter, reporter};
};

TEST(PacketSchema, ReadsADevice) {
  const Device device = read_device(device_json("provisioning", R"(,"sos":"sos.ams1.example.net",)"
                                                                R"("provisioning_percentage":12.5,"locked":true)"));
  EXPECT_EQ(device.id, kId);
  EXPECT_EQ(device.state, "provisioning");
  EXPECT_EQ(device.plan, "baremetal_2a");
  EXPECT_EQ(device.facility, "ams1");
  EXPECT_EQ(device.metro, "");
  EXPECT_EQ(device.sos, "sos.ams1.example.net");
  EXPECT_EQ(device.provisioned, 12.5);
  EXPECT_TRUE(device.always_pxe);
  EXPECT_TRUE(device.locked);
}

TEST(PacketSchema, RefusesWhatIsNone) {
  const std::pair<const char*, const char*> kCases[] = {
      {"", "the API's device: it is empty, expected JSON"},
      {"{\"id\":", "the API's device: it is not valid JSON: syntax error or truncation at byte 7 of 6"},
      {"[]", "the API's device: expected an object, got an array"},
      {"{}", "the API's device: it has no 'id'"},
      {R"({"id":7})", "the API's device: id: expected a string, got a number"},
      {R"({"id":"../x"})", "the API's device: id: expected a UUID, got '../x'"},
      {R"({"id":"-oops"})", "the API's device: id: expected a UUID, got '-oops'"},
      {R"({"id":"a","plan":"x"})", "the API's device: plan: expected an object, got a string"},
      {R"({"id":"a","always_pxe":1})", "the API's device: always_pxe: expected true or false, got a number"},
  };
  for (const auto& [json, message] : kCases) EXPECT_EQ(message_of([json = json] { read_device(json); }), message);
}

TEST(PacketSchema, ReadsErrors) {
  EXPECT_EQ(read_error(R"({"errors":["a","b"]})"), "a; b");
  EXPECT_EQ(read_error(R"({"error":"a"})"), "a");
  EXPECT_EQ(read_error("<html>"), "");
  EXPECT_EQ(read_error(R"({"errors":7})"), "");
}

TEST(PacketSchema, WritesADevice) {
  NewDevice device = options().wanted;
  EXPECT_EQ(to_json(device),
            R"({"hostname":"web","plan":"baremetal_2a","facility":["ams1"],"operating_system":"custom_ipxe",)"
            R"("billing_cycle":"hourly","ipxe_script_url":"http://files/web.ipxe","always_pxe":true})");
  device.metro = "am";
  device.userdata = "#cloud";
  EXPECT_EQ(
      to_json(device),
      R"({"hostname":"web","plan":"baremetal_2a","metro":"am","operating_system":"custom_ipxe",)"
      R"("billing_cycle":"hourly","ipxe_script_url":"http://files/web.ipxe","always_pxe":true,"userdata":"#cloud"})");
}

TEST(PacketLease, CreatesFollowsAndDeletes) {
  int looks = 0;
  Api api{[&](const http::ClientRequest& request) {
    if (request.method == "POST") return reply(201, device_json("queued"));
    if (request.method == "DELETE") return reply(204);
    ++looks;
    if (looks == 1) return reply(200, device_json("provisioning", R"(,"provisioning_percentage":40)"));
    return looks == 2 ? reply(503) : reply(200, device_json("active"));
  }};
  {
    Lease lease{api.service, api.wanted, api.reporter};
    lease.wait_until_active(api.waiter, 60s);
  }
  const std::string path = std::string{"/metal/v1/devices/"} + kId;
  EXPECT_EQ(api.transport.requests,
            (std::vector<std::string>{"POST /metal/v1/projects/p1/devices " + to_json(api.wanted.wanted), "GET " + path,
                                      "GET " + path, "GET " + path, "DELETE " + path}));
  EXPECT_EQ(api.transport.seen[0].secret_headers, (std::vector<std::string>{"X-Auth-Token: t0ken"}));
  const std::string id{kId};
  EXPECT_EQ(api.reporter.told,
            (std::vector<std::string>{"created device " + id + " (web)", "device " + id + ": provisioning, 40 %",
                                      "device " + id + ": active", "deleted device " + id}));
}

TEST(PacketLease, IsDeletedWhenInterrupted) {
  Api api{[&](const http::ClientRequest& request) {
    return request.method == "DELETE" ? reply(204) : reply(200, device_json("queued"));
  }};
  api.waiter.interrupt_after(5s);
  EXPECT_THROW(
      {
        Lease lease(api.service, api.wanted, api.reporter);
        lease.wait_until_active(api.waiter, 60s);
      },
      Interrupted);
  EXPECT_EQ(api.transport.requests.back(), std::string{"DELETE /metal/v1/devices/"} + kId);
}

TEST(PacketLease, IsKeptWhenAskedTo) {
  Api api{[&](const http::ClientRequest&) { return reply(200, device_json("active")); }};
  api.wanted.keep = true;
  { const Lease lease{api.service, api.wanted, api.reporter}; }
  EXPECT_EQ(api.transport.requests.size(), 1U);
  EXPECT_EQ(api.reporter.told.back(), std::string{"device stays: "} + kId);
}

TEST(PacketLease, ReusesADevice) {
  Api api{[&](const http::ClientRequest& request) {
    return reply(200, request.method == "GET" ? device_json("inactive") : "");
  }};
  api.wanted.device = kId;
  api.wanted.keep = true;
  api.wanted.wanted.always_pxe = false;
  api.wanted.wanted.hostname = "";
  { const Lease lease{api.service, api.wanted, api.reporter}; }
  const std::string path = std::string{"/metal/v1/devices/"} + kId;
  EXPECT_EQ(api.transport.requests,
            (std::vector<std::string>{
                "GET " + path, "PUT " + path + R"( {"ipxe_script_url":"http://files/web.ipxe","always_pxe":false})",
                "POST " + path + R"(/actions {"type":"power_on"})"}));
  EXPECT_EQ(
      api.reporter.told[0],
      "warning: without --always-pxe a device runs its script at its first boot only: at the console, press Ctrl-B "
      "while iPXE starts, then type 'dhcp' and 'chain URL'");
}

TEST(PacketLease, LeavesAloneWhatDoesNotBootScripts) {
  Api api{[&](const http::ClientRequest&) {
    return reply(200, std::string{R"({"id":")"} + kId + R"(","operating_system":{"slug":"debian_12"}})");
  }};
  api.wanted.device = kId;
  EXPECT_EQ(message_of([&] { Lease(api.service, api.wanted, api.reporter); }),
            std::string{"device "} + kId +
                " has the operating system 'debian_12': only those with 'custom_ipxe' boot a script\n"
                "hint: reinstall it with custom_ipxe, or leave --device out to have a new one");
  EXPECT_EQ(api.transport.requests.size(), 1U);
}

struct Refusal {
  long status;
  const char* body;
  const char* message;
};

TEST(PacketErrors, OfCreating) {
  const Refusal kCases[] = {
      {401, R"({"errors":["Invalid authentication token"]})",
       "creating a device of plan 'baremetal_2a': the API answers 401: Invalid authentication token\n"
       "hint: the token is not right: METAL_API_TOKEN or --api-key-file"},
      {404, R"({"errors":["Not found"]})",
       "creating a device of plan 'baremetal_2a': the API answers 404: Not found\n"
       "hint: is --api-url right, and are the ids?"},
      {422, R"({"errors":["Unknown plan baremetal_2a","Facility is full"]})",
       "creating a device of plan 'baremetal_2a': the API answers 422: Unknown plan baremetal_2a; Facility is full"},
      {500, "<html>", "creating a device of plan 'baremetal_2a': the API answers 500"},
      {201, "{", "the API's device: it is not valid JSON: syntax error or truncation at byte 2 of 1"},
  };
  for (const Refusal& refusal : kCases) {
    Api api{[&](const http::ClientRequest&) { return reply(refusal.status, refusal.body); }};
    EXPECT_EQ(message_of([&] { Lease(api.service, api.wanted, api.reporter); }), refusal.message);
    EXPECT_EQ(api.transport.requests.size(), 1U) << "changes are not tried again";
  }
}

TEST(PacketErrors, OfTheConnection) {
  Api api{[](const http::ClientRequest&) -> http::Reply {
    throw http::TransportError{http::TransportError::Kind::transient, "'api.example.net': the connection was cut off"};
  }};
  EXPECT_EQ(message_of([&] { Lease(api.service, api.wanted, api.reporter); }),
            "creating a device of plan 'baremetal_2a': the API: 'api.example.net': the connection was cut off\n"
            "hint: look in the project for a device called 'web': it may have been created");
}

TEST(PacketErrors, OfWaiting) {
  std::string state = "failed";
  Api api{[&](const http::ClientRequest& request) {
    return request.method == "DELETE" ? reply(422, R"({"errors":["Device is locked"]})")
                                      : reply(200, device_json(state));
  }};
  const auto wait = [&] {
    Lease lease{api.service, api.wanted, api.reporter};
    lease.wait_until_active(api.waiter, 90s);
  };
  const std::string id{kId};
  EXPECT_EQ(message_of(wait), "device " + id + " is failed instead of active");
  EXPECT_EQ(api.reporter.told[2], "warning: deleting device " + id + ": the API answers 422: Device is locked");
  EXPECT_EQ(api.reporter.told[3], "warning: device " + id + " is still there and costs money: delete it by hand");
  state = "queued";
  EXPECT_EQ(message_of(wait), "device " + id +
                                  " is not active after 1 min 30 s: it is queued\n"
                                  "hint: --timeout gives it more time");
}

TEST(PacketConsole, IsWhereTheApiSaysOrTheUser) {
  Options wanted = options();
  Device device = read_device(device_json("active", R"(,"sos":"sos.ams1.example.net")"));
  EXPECT_EQ(sos_console(wanted, device).host, "sos.ams1.example.net");
  EXPECT_EQ(sos_console(wanted, device).user, kId);
  wanted.sos_host = "localhost";
  EXPECT_EQ(sos_console(wanted, device).host, "localhost");
  wanted.sos_host = device.sos = "";
  EXPECT_EQ(message_of([&] { sos_console(wanted, device); }),
            std::string{"the API does not tell where the console of device "} + kId +
                " is\nhint: name the host with --sos-host (it used to be sos.ams1.platformequinix.com), or do without: "
                "--console=false");
}

}  // namespace
}  // namespace kiln::machine::packet
