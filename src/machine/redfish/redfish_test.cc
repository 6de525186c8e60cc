#include <gtest/gtest.h>

#include <map>

#include "machine/redfish/run.h"
#include "machine/remote/testing.h"

namespace kiln::machine::redfish {
namespace {

using namespace std::chrono_literals;
using testing_::FakeTransport;
using testing_::FakeWaiter;
using testing_::message_of;
using testing_::RecordingReporter;
using testing_::reply;

constexpr const char* kRoot =
    R"({"Systems":{"@odata.id":"/redfish/v1/Systems"},"Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}})";

/// A BMC that is a table of resources, with a machine that is on or off, and faults.
class FakeBmc {
 public:
  FakeBmc() {
    resources["/redfish/v1/"] = kRoot;
    resources["/redfish/v1/Systems"] = R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1"}]})";
  }

  std::string system() const {
    return R"({"@odata.id":"/redfish/v1/Systems/1","Id":"1","Name":"node","Model":"R1","PowerState":")" + power +
           R"(","BootProgress":{"LastState":")" + progress + R"("},"Boot":{"BootSourceOverrideMode":"UEFI",)" +
           targets + R"("HttpBootUri":null},"MemorySummary":{"TotalSystemMemoryGiB":0.5},)" +
           R"("Processors":{"@odata.id":"/redfish/v1/Systems/1/Processors"},)" + more +
           R"("Actions":{"#ComputerSystem.Reset":{"target":"/reset","ResetType@Redfish.AllowableValues":)" + resets +
           "}}}";
  }

  http::Reply answer(const http::ClientRequest& request) {
    const std::string path = request.url.substr(request.url.find('/', 8));
    if (fault && fault_at == request.method + " " + path) return *fault;
    if (request.method == "POST" && path == "/redfish/v1/SessionService/Sessions") {
      return reply(201, "{}",
                   {{"x-auth-token", "tok"}, {"location", "https://bmc/redfish/v1/SessionService/Sessions/9"}});
    }
    if (request.method == "POST" && path == "/reset") {
      if (powers) power = request.text.find("ForceOff") == std::string::npos ? "On" : "Off";
      return reply(204);
    }
    if (request.method == "PATCH" || request.method == "POST") return reply(200);
    if (request.method == "DELETE") return reply(204);
    if (path == "/redfish/v1/Systems/1") return reply(200, system(), {{"etag", "\"7\""}});
    const auto found = resources.find(path);
    return found == resources.end() ? reply(404) : reply(200, found->second);
  }

  std::map<std::string, std::string> resources;
  std::string power = "On";
  std::string progress = "OSRunning";
  std::string targets = R"("BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","UefiHttp","Cd"],)";
  std::string resets = R"(["On","ForceOff","ForceRestart"])";
  std::string more;
  bool powers = true;
  std::string fault_at;
  std::optional<http::Reply> fault;
};

struct Fixture {
  FakeBmc bmc;
  FakeTransport transport{[this](const http::ClientRequest& request) { return bmc.answer(request); }};
  FakeWaiter waiter;
  RecordingReporter reporter;
  Service service{"https://bmc", transport, waiter, reporter};

  void log_in(Authentication how = Authentication::automatic) {
    service.log_in({"admin", "s3cret", how}, service.root());
  }
  System find(const std::string& wanted = {}) { return find_system(service, service.root(), wanted); }
  void fail(const std::string& at, long status, const std::string& body = {}) {
    bmc.fault_at = at;
    bmc.fault = reply(status, body);
  }
};

std::string error_json(const std::string& message) {
  return R"({"error":{"code":"Base.1.8.GeneralError","message":"See ExtendedInfo","@Message.ExtendedInfo":[{"Message":")" +
         message + R"("}]}})";
}

TEST(RedfishSession, IsCreatedUsedAndDeleted) {
  Fixture f;
  f.log_in();
  f.find();
  f.service.log_out();
  EXPECT_EQ(f.transport.requests[1],
            R"(POST /redfish/v1/SessionService/Sessions {"Password":"s3cret","UserName":"admin"})");
  EXPECT_EQ(f.transport.seen[3].secret_headers, (std::vector<std::string>{"X-Auth-Token: tok"}));
  EXPECT_EQ(f.transport.requests.back(), "DELETE /redfish/v1/SessionService/Sessions/9");
}

TEST(RedfishSession, IsBasicWhereThereAreNone) {
  Fixture f;
  f.fail("POST /redfish/v1/SessionService/Sessions", 405);
  f.log_in();
  f.find();
  EXPECT_EQ(f.transport.seen.back().authorization, "Basic YWRtaW46czNjcmV0");
  EXPECT_TRUE(f.transport.seen.back().secret_headers.empty());
}

TEST(RedfishSession, RefusesAWrongPassword) {
  Fixture f;
  f.fail("POST /redfish/v1/SessionService/Sessions", 401, error_json("Invalid user name or password."));
  EXPECT_EQ(message_of([&] { f.log_in(); }),
            "logging in as 'admin': the BMC answers 401: Invalid user name or password.\n"
            "hint: user or password are not right: --user, and KILN_BMC_PASSWORD or --password-file");
}

TEST(RedfishSession, NeedsItsToken) {
  Fixture f;
  f.fail("POST /redfish/v1/SessionService/Sessions", 201, "{}");
  EXPECT_EQ(message_of([&] { f.log_in(); }), "logging in as 'admin': the BMC's reply has no X-Auth-Token");
}

TEST(RedfishFind, TakesTheOnlySystem) {
  Fixture f;
  const System system = f.find();
  EXPECT_EQ(system.id, "1");
  EXPECT_EQ(system.etag, "\"7\"");
  EXPECT_EQ(system.memory_bytes, 512U << 20);
  EXPECT_EQ(f.find("node").path, "/redfish/v1/Systems/1");
}

TEST(RedfishFind, ListsSeveralOverAllPages) {
  Fixture f;
  f.bmc.resources["/redfish/v1/Systems"] =
      R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1"}],"Members@odata.nextLink":"/redfish/v1/Systems?$skip=1"})";
  f.bmc.resources["/redfish/v1/Systems?$skip=1"] = R"({"Members":[{"@odata.id":"/redfish/v1/Systems/2"}]})";
  f.bmc.resources["/redfish/v1/Systems/2"] = R"({"Id":"2","Name":"other"})";
  EXPECT_EQ(message_of([&] { f.find(); }), "the BMC has several systems: 1 (R1), 2\nhint: choose one: --system ID");
  EXPECT_EQ(message_of([&] { f.find("3"); }), "the BMC has no system '3': it has 1 (R1), 2");
  EXPECT_EQ(f.find("other").id, "2");
}

TEST(RedfishFind, KnowsTheArchitecture) {
  Fixture f;
  f.bmc.resources["/redfish/v1/Systems/1/Processors"] = R"({"Members":[{"@odata.id":"/p/0"}]})";
  const std::pair<const char*, const char*> kCases[] = {
      {R"({"InstructionSet":"ARM-A64"})", "arm64"},    {R"({"InstructionSet":"x86-64"})", "amd64"},
      {R"({"InstructionSet":"RV64"})", "riscv64"},     {R"({"InstructionSet":"PowerISA"})", ""},
      {R"({"ProcessorArchitecture":"ARM"})", "arm64"}, {R"({"InstructionSet":null})", ""},
  };
  for (const auto& [json, architecture] : kCases) {
    f.bmc.resources["/p/0"] = json;
    EXPECT_EQ(architecture_of(f.service, f.find()), architecture) << json;
  }
}

struct SourceCase {
  BootSource source;
  const char* json;
};

TEST(RedfishBoot, SetsAOneTimeOverride) {
  const SourceCase kCases[] = {
      {{BootSource::Kind::http, "http://x/ipxe.efi"},
       R"({"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideMode":"UEFI",)"
       R"("BootSourceOverrideTarget":"UefiHttp","HttpBootUri":"http://x/ipxe.efi"}})"},
      {{BootSource::Kind::pxe, ""},
       R"({"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"Pxe"}})"},
      {{BootSource::Kind::iso, "http://x/y.iso"},
       R"({"Boot":{"BootSourceOverrideEnabled":"Once","BootSourceOverrideMode":"UEFI","BootSourceOverrideTarget":"Cd"}})"},
  };
  for (const SourceCase& row : kCases) {
    Fixture f;
    override_boot(f.service, f.find(), row.source, f.reporter);
    EXPECT_EQ(f.transport.requests.back(), std::string{"PATCH /redfish/v1/Systems/1 "} + row.json);
    EXPECT_EQ(f.transport.seen.back().headers.back(), "If-Match: \"7\"");
  }
}

TEST(RedfishBoot, ListsWhatTheMachineCanBootFrom) {
  Fixture f;
  f.bmc.targets = R"("BootSourceOverrideTarget@Redfish.AllowableValues":["None","Pxe","Hdd"],)";
  EXPECT_EQ(message_of([&] {
              override_boot(f.service, f.find(), {BootSource::Kind::http, "http://x/y"}, f.reporter);
            }),
            "system 1 (R1) cannot be told to boot from UefiHttp: it can from None, Pxe, Hdd\n"
            "hint: let it boot by PXE (--pxe, with 'kiln serve --pxe' on its network) or from a virtual CD (--iso)");
}

TEST(RedfishBoot, TriesAgainWithAFreshEtag) {
  Fixture f;
  f.fail("PATCH /redfish/v1/Systems/1", 412, error_json("The ETag does not match."));
  EXPECT_EQ(message_of([&] {
              override_boot(f.service, f.find(), {BootSource::Kind::pxe, ""}, f.reporter);
            }),
            "setting the boot source of system 1 (R1) to Pxe: the BMC answers 412: The ETag does not match.");
  EXPECT_EQ(std::count_if(f.transport.requests.begin(), f.transport.requests.end(),
                          [](const std::string& line) { return line.starts_with("PATCH"); }),
            2);
}

TEST(RedfishBoot, GoesToTheSettingsWhereTheyAreForTheNextBoot) {
  Fixture f;
  f.bmc.more = R"("@Redfish.Settings":{"SettingsObject":{"@odata.id":"/redfish/v1/Systems/1/SD"}},)";
  f.bmc.resources["/redfish/v1/Systems/1/SD"] = "{}";
  f.fail("PATCH /redfish/v1/Systems/1", 405);
  override_boot(f.service, f.find(), {BootSource::Kind::pxe, ""}, f.reporter);
  EXPECT_TRUE(f.transport.requests.back().starts_with("PATCH /redfish/v1/Systems/1/SD {"));
}

TEST(RedfishPower, RestartsWhatIsOnAndSwitchesOnWhatIsOff) {
  Fixture on;
  power_cycle(on.service, on.find(), on.waiter, {}, on.reporter);
  EXPECT_EQ(on.transport.requests[3], R"(POST /reset {"ResetType":"ForceRestart"})");
  Fixture off;
  off.bmc.power = "Off";
  power_cycle(off.service, off.find(), off.waiter, {}, off.reporter);
  EXPECT_EQ(off.transport.requests[3], R"(POST /reset {"ResetType":"On"})");
  EXPECT_EQ(off.reporter.told, (std::vector<std::string>{"switching on 1 (R1)"}));
}

TEST(RedfishPower, GoesOffAndOnWhereThereIsNoRestart) {
  Fixture f;
  f.bmc.resets = R"(["On","ForceOff"])";
  power_cycle(f.service, f.find(), f.waiter, {}, f.reporter);
  EXPECT_EQ(f.transport.requests[3], R"(POST /reset {"ResetType":"ForceOff"})");
  EXPECT_EQ(f.transport.requests[5], R"(POST /reset {"ResetType":"On"})");
}

TEST(RedfishPower, SaysWhatFails) {
  Fixture f;
  f.bmc.resets = R"(["Nmi","PushPowerButton"])";
  EXPECT_EQ(message_of([&] { power_cycle(f.service, f.find(), f.waiter, {}, f.reporter); }),
            "system 1 (R1) is On and cannot be restarted: its types of reset are Nmi, PushPowerButton");
  Fixture stuck;
  stuck.bmc.power = "Off";
  stuck.bmc.powers = false;
  EXPECT_EQ(message_of([&] {
              power_cycle(stuck.service, stuck.find(), stuck.waiter, {30s, 30s}, stuck.reporter);
            }),
            "system 1 (R1) is not On after 30.0 s: its power state is 'Off'\n"
            "hint: look at the BMC's own log; --timeout gives it more time");
  Fixture forbidden;
  forbidden.fail("POST /reset", 403, error_json("Insufficient privilege."));
  EXPECT_EQ(
      message_of([&] { power_cycle(forbidden.service, forbidden.find(), forbidden.waiter, {}, forbidden.reporter); }),
      "reset 'ForceRestart': the BMC answers 403: Insufficient privilege.\n"
      "hint: the user may not do this: it needs the role Operator");
}

TEST(RedfishProgress, IsToldUntilTheSystemRuns) {
  Fixture f;
  f.bmc.power = "Off";
  f.bmc.progress = "None";
  const System before = f.find();
  f.bmc.power = "On";
  const char* kStates[] = {"OSBootStarted", "OSBootStarted", "OSRunning"};
  int look = 0;
  FakeTransport transport{[&](const http::ClientRequest& request) {
    f.bmc.progress = kStates[std::min(look++, 2)];
    return f.bmc.answer(request);
  }};
  Service service{"https://bmc", transport, f.waiter, f.reporter};
  EXPECT_TRUE(follow_progress(service, before, f.waiter, {}, f.reporter));
  EXPECT_EQ(f.reporter.told, (std::vector<std::string>{"boot: OSBootStarted", "boot: OSRunning"}));
  f.bmc.progress = "OSBootStarted";
  EXPECT_EQ(message_of([&] {
              follow_progress(f.service, before, f.waiter, {30s, 30s}, f.reporter);
            }),
            "system 1 (R1) has not booted after 30.0 s: it came to 'OSBootStarted'");
  f.bmc.progress = "";
  EXPECT_FALSE(follow_progress(f.service, before, f.waiter, {}, f.reporter));
}

TEST(RedfishMedia, InsertsInPlaceOfWhatIsThereAndEjects) {
  Fixture f;
  f.bmc.more = R"("Links":{"ManagedBy":[{"@odata.id":"/m"}]},)";
  f.bmc.resources["/m"] = R"({"VirtualMedia":{"@odata.id":"/m/media"}})";
  f.bmc.resources["/m/media"] = R"({"Members":[{"@odata.id":"/m/media/usb"},{"@odata.id":"/m/media/cd"}]})";
  f.bmc.resources["/m/media/usb"] = R"({"MediaTypes":["USBStick"]})";
  f.bmc.resources["/m/media/cd"] =
      R"({"MediaTypes":["CD","DVD"],"Inserted":true,"Image":"http://x/old.iso","Actions":)"
      R"({"#VirtualMedia.InsertMedia":{"target":"/insert"},"#VirtualMedia.EjectMedia":{"target":"/eject"}}})";
  const std::string drive = insert_cd(f.service, f.find(), "http://x/new.iso", f.reporter);
  EXPECT_EQ(drive, "/m/media/cd");
  EXPECT_EQ(f.transport.requests[f.transport.requests.size() - 2], "POST /eject {}");
  EXPECT_EQ(f.transport.requests.back(),
            R"(POST /insert {"Image":"http://x/new.iso","Inserted":true,"WriteProtected":true})");
  eject_cd(f.service, drive, f.reporter);
  EXPECT_EQ(f.transport.requests.back(), "POST /eject {}");
  EXPECT_EQ(f.reporter.told, (std::vector<std::string>{"ejecting http://x/old.iso from the virtual CD drive"}));
}

TEST(RedfishMedia, SaysThatThereIsNone) {
  Fixture f;
  EXPECT_EQ(message_of([&] { insert_cd(f.service, f.find(), "http://x/y.iso", f.reporter); }),
            "system 1 (R1) has no virtual media\nhint: boot it over the network: --pxe or --boot-url");
}

TEST(RedfishService, TriesReadingAgainWhileTheBmcIsBusy) {
  Fixture f;
  f.fail("GET /redfish/v1/Systems", 503, error_json("The service is starting."));
  EXPECT_EQ(message_of([&] { f.find(); }),
            "reading '/redfish/v1/Systems': the BMC answers 503: The service is starting.");
  EXPECT_EQ(f.transport.requests.size(), 5U);  // the root, and four times
}

struct BadCase {
  const char* path;
  const char* json;
  const char* message;
};

TEST(RedfishService, RefusesWhatIsNotInTheSchema) {
  const BadCase kCases[] = {
      {"/redfish/v1/", "<html>",
       "the BMC's service root: it is not valid JSON: syntax error or truncation at byte 1 of 6"},
      {"/redfish/v1/", "{}", "the BMC's service root: it has no 'Systems'"},
      {"/redfish/v1/Systems", R"({"Members":7})",
       "the collection '/redfish/v1/Systems': Members: expected an array, got a number"},
      {"/redfish/v1/Systems", R"({"Members":[{}]})",
       "the collection '/redfish/v1/Systems': Members[0]: it has no '@odata.id'"},
      {"/redfish/v1/Systems", R"({"Members":[]})", "the BMC has no system '/redfish/v1/Systems'"},
      {"/redfish/v1/Systems", R"({"Members":[{"@odata.id":"//elsewhere/x"}]})",
       "the BMC gives '//elsewhere/x' as the path of a resource: expected one that begins with /"},
      {"/redfish/v1/Systems", R"({"Members":[{"@odata.id":"@elsewhere/x"}]})",
       "the BMC gives '@elsewhere/x' as the path of a resource: expected one that begins with /"},
      {"/redfish/v1/Systems", R"({"Members":[],"Members@odata.nextLink":"/redfish/v1/Systems"})",
       "the collection '/redfish/v1/Systems' has no end"},
  };
  for (const BadCase& row : kCases) {
    Fixture f;
    f.bmc.resources[row.path] = row.json;
    EXPECT_EQ(message_of([&] { f.find(); }), row.message);
  }
}

TEST(RedfishConsole, IsWhatTheBmcHas) {
  Options options;
  options.url = "https://10.0.0.2:8443";
  options.login.user = "admin";
  System system;
  EXPECT_FALSE(find_console(options, system, ""));
  system.ssh = {true, 2200, "start /HOST/console"};
  EXPECT_EQ(find_console(options, system, "")->program.arguments,
            (std::vector<std::string>{"ssh", "-tt", "-e", "none", "-p", "2200", "-l", "admin", "--", "10.0.0.2",
                                      "start /HOST/console"}));
  options.login.password = "s3cret";
  const auto console = find_console(options, system, "/tmp/askpass");
  EXPECT_EQ(console->told, "ssh, port 2200");
  EXPECT_EQ(console->program.environment.at("SSH_ASKPASS"), "/tmp/askpass");
  for (const std::string& argument : console->program.arguments) EXPECT_EQ(argument.find("s3cret"), std::string::npos);
  options.console = ConsoleKind::none;
  EXPECT_FALSE(find_console(options, system, ""));
}

}  // namespace
}  // namespace kiln::machine::redfish
