#include "netboot/site.h"

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/file.h"
#include "netboot/dhcp_service.h"
#include "netboot/http_service.h"
#include "netboot/tftp_service.h"

namespace kiln::netboot {
namespace {

using namespace std::chrono_literals;

/// A system that is what the test says.
struct FakeSource final : BootSource {
  explicit FakeSource(std::string architecture) : architecture_{std::move(architecture)} {}
  std::string description() const override { return architecture_ + ".yml"; }
  std::string state() const override { return std::to_string(version); }
  std::shared_ptr<const BootImage> load() override {
    if (broken) throw Error{"line 3 is wrong"}.with_hint("write it right");
    auto image = std::make_shared<BootImage>();
    image->architecture = architecture_;
    image->id = concat(architecture_, "-", version.load());
    image->kernel = {"kernel", file, 6};
    image->initramfs = {{"ucode", file, 5}, {"seg2", file, 6}};
    image->initramfs_size = 11;
    return image;
  }
  std::atomic<int> version{1};
  std::atomic<bool> broken{false};
  std::string architecture_;
  std::shared_ptr<const UniqueFd> file;
};

struct FakeNeighbours final : Neighbours {
  std::map<std::string, MacAddress> known;
  std::optional<MacAddress> find(const std::string& ip) const override {
    const auto found = known.find(ip);
    return found == known.end() ? std::nullopt : std::optional{found->second};
  }
};

/// What was said, a line each.
struct FakeReporter final : Reporter {
  std::vector<std::string> lines;
  std::unique_ptr<Activity> start(std::string_view, std::string_view, std::uint64_t) override { return nullptr; }
  void info(std::string_view message) override { lines.emplace_back(message); }
  void detail(std::string_view) override {}
  void warning(std::string_view message) override { lines.push_back(concat("warning: ", message)); }
};

const MacAddress kMac = *MacAddress::parse("52:54:00:12:34:56");

class SiteTest : public testing::Test {
 protected:
  SiteTest() {
    write_file(directory_.path() / "ipxe-arm64.efi", "iPXE for arm64");
    write_file(directory_.path() / "file", "012345");
    neighbours_.known["192.0.2.7"] = kMac;
    add("web", "arm64");
  }

  FakeSource& add(const std::string& label, const std::string& architecture) {
    auto source = std::make_unique<FakeSource>(architecture);
    source->file = std::make_shared<const UniqueFd>(open_file(directory_.path() / "file"));
    FakeSource& made = *source;
    catalog_.add(label, "", std::move(source));
    sources_.push_back(&made);
    return made;
  }

  Site& site() {
    if (!site_) {
      SiteSettings settings{"http://192.0.2.1:8080", {"all=1"}, {}, policy_};
      site_ = std::make_unique<Site>(clock_, reporter_, neighbours_, catalog_,
                                     IpxePrograms::from_directory(directory_.path()), settings);
    }
    return *site_;
  }

  void use_policy(const std::string& text) {
    policy_ = (directory_.path() / "policy.yml").native();
    write_file(policy_, text);
  }

  http::Response get(const std::string& path, std::vector<std::pair<std::string, std::string>> query = {},
                     http::Request::Method method = http::Request::Method::get, std::string body = "") {
    http::Request request;
    request.method = method;
    request.path = path;
    request.target = path;
    request.query = std::move(query);
    request.body = std::move(body);
    request.peer = {"192.0.2.7", 4711};
    request.headers = {{"Host", "192.0.2.1:8080"}};
    return HttpService{site()}.handle(request);
  }

  static std::string text(const http::Response& response) {
    std::string all;
    for (const http::Body::Piece& piece : response.body.pieces()) {
      if (const auto* memory = std::get_if<http::Body::Memory>(&piece)) {
        all += memory->text->substr(memory->offset, memory->size);
      } else {
        const auto& file = std::get<http::Body::File>(piece);
        std::string part(file.size, '\0');
        EXPECT_EQ(::pread(file.file->get(), part.data(), part.size(), static_cast<off_t>(file.offset)),
                  static_cast<ssize_t>(part.size()));
        all += part;
      }
    }
    return all;
  }

  const Machine& machine() { return *site().machines().find(kMac); }

  /// Until the build under way has ended.
  void wait_for_build() {
    for (int i = 0; i < 500 && catalog_.systems().front().building; ++i) loop_.run_once(10ms);
    ASSERT_FALSE(catalog_.systems().front().building);
  }

  TempDir directory_;
  SteadyClock clock_;
  EventLoop loop_{clock_};
  FakeReporter reporter_;
  FakeNeighbours neighbours_;
  Catalog catalog_{loop_};
  std::vector<FakeSource*> sources_;
  std::string policy_;
  std::unique_ptr<Site> site_;
};

TEST_F(SiteTest, TheMachinesArchitectureChoosesTheSystem) {
  add("web", "amd64");
  EXPECT_NE(
      text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "x86_64"}})).find("/os/amd64-1@52-54-00-12-34-56\n"),
      std::string::npos);
  EXPECT_NE(text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}})).find("/os/arm64-1@"),
            std::string::npos);
  EXPECT_EQ(machine().os, "web");
  EXPECT_EQ(machine().stage, Stage::script);
}

TEST_F(SiteTest, AnotherArchitectureIsRefusedInWords) {
  const std::string script = text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "riscv64"}}));
  EXPECT_TRUE(script.ends_with("exit 1\n")) << script;
  EXPECT_EQ(
      machine().error,
      "this machine is riscv64, and no system for that is served, only web (arm64); serve one as well, with --pxe "
      "SOURCE,arch=riscv64");
  EXPECT_EQ(reporter_.lines.back(), "52:54:00:12:34:56: refused: " + machine().error);
}

TEST_F(SiteTest, APolicyNamesSystemsMachinesAndParameters) {
  add("database", "arm64");
  use_policy(
      "machines:\n"
      "  - {name: db-1, match: {serial: C7}, os: database, kernel-args: quiet}\n"
      "  - {match: {mac: 52:54:00:00:00:01}, ignore: true}\n");
  const std::string script = text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}, {"serial", "C7"}}));
  EXPECT_NE(script.find(" all=1 quiet kiln.report="), std::string::npos) << script;
  EXPECT_EQ(machine().name, "db-1");
  EXPECT_EQ(machine().os, "database");
  const std::string ignored = text(get("/script", {{"mac", "52-54-00-00-00-01"}, {"arch", "arm64"}}));
  EXPECT_TRUE(ignored.ends_with("exit 0\n")) << ignored;
}

TEST_F(SiteTest, ABrokenPolicyKeepsTheOldOne) {
  use_policy("machines:\n  - {name: db-1, match: {serial: C7}}\n");
  site();
  write_file(policy_, "machines: {}");
  site().tick();
  EXPECT_EQ(site().policy_error(), policy_ + ":1:11: 'machines' of policy: expected a list, got a mapping");
  EXPECT_EQ(site().choose({"", "", "C7", ""}).name, "db-1");
}

TEST_F(SiteTest, ARebuildIsServedAtOnceAndTheOldVersionStays) {
  sources_[0]->version = 2;
  const std::string waiting = text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}}));
  EXPECT_EQ(
      waiting,
      "#!ipxe\necho system 'web' is being built\nsleep 1\nchain --autofree --replace http://192.0.2.1:8080/script\n");
  wait_for_build();
  EXPECT_NE(text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}})).find("/os/arm64-2@"),
            std::string::npos);
  EXPECT_EQ(text(get("/os/arm64-1/kernel")), "012345");
  EXPECT_EQ(text(get("/os/arm64-2/kernel")), "012345");
}

TEST_F(SiteTest, ABrokenRebuildKeepsTheOldVersionAndShowsWhy) {
  sources_[0]->version = 2;
  sources_[0]->broken = true;
  catalog_.check();
  wait_for_build();
  EXPECT_NE(text(get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}})).find("/os/arm64-1@"),
            std::string::npos);
  const std::string json = text(get("/api/os"));
  EXPECT_NE(json.find(R"json("state":"failed","error":"line 3 is wrong (write it right)","builds":2)json"),
            std::string::npos)
      << json;
}

TEST_F(SiteTest, FilesOfASystem) {
  EXPECT_EQ(text(get("/os/arm64-1/seg2")), "012345");
  EXPECT_EQ(text(get("/os/arm64-1@52-54-00-00-00-09/initrd.img")), std::string("01234\0\0\0"
                                                                               "012345",
                                                                               14));
  EXPECT_EQ(site().machines().find(*MacAddress::parse("52:54:00:00:00:09"))->stage, Stage::initramfs);
  EXPECT_EQ(get("/os/arm64-1/seg2").etag, "\"seg2\"");
  for (const auto& [path, message] : std::map<std::string, std::string>{
           {"/os/none/kernel", "404 Not Found: no system has the ID 'none', or no longer; /api/os lists them\n"},
           {"/os/arm64-1/x",
            "404 Not Found: system arm64-1 has no 'x': expected kernel, initrd.img or one of 2 segments\n"},
           {"/ipxe/passwd", "404 Not Found: no iPXE binary 'passwd' here\n"},
           {"/x", "404 Not Found: there is nothing here; the status page is at /\n"}}) {
    EXPECT_EQ(text(get(path)), message);
  }
}

TEST_F(SiteTest, SystemsCallHome) {
  using Method = http::Request::Method;
  EXPECT_EQ(get("/report/52-54-00-12-34-56", {}, Method::post, R"({"state": "running"})").status, 200);
  EXPECT_EQ(machine().stage, Stage::booted);
  EXPECT_EQ(machine().report, "running");
  get("/report", {}, Method::post,
      R"({"state": "failed", "message": "onboot dhcpcd: exit status 1"})");  // known by its address
  EXPECT_EQ(machine().error, "failed: onboot dhcpcd: exit status 1");
  EXPECT_EQ(get("/report/x").status, 405);
  EXPECT_EQ(get("/", {}, Method::post).status, 405);
}

TEST_F(SiteTest, TextOfStrangersStaysText) {
  get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}, {"serial", "<img src=x>\"\x1b[2J\xff"}});
  EXPECT_NE(text(get("/api/machines")).find(R"("serial":"<img src=x>\"?[2J?")"), std::string::npos);
}

struct OfferCase {
  const char* name;
  dhcp::Client::Kind kind;
  std::optional<dhcp::Architecture> architecture;
  const char* expected;
};
const OfferCase kOffers[] = {
    {"Firmware", dhcp::Client::Kind::pxe, dhcp::Architecture::arm64_uefi, "ipxe-arm64.efi"},
    {"HttpBoot", dhcp::Client::Kind::uefi_http, dhcp::Architecture::arm64_uefi_http,
     "http://192.0.2.1:8080/ipxe/ipxe-arm64.efi"},
    {"Ipxe", dhcp::Client::Kind::ipxe, dhcp::Architecture::arm64_uefi, "http://192.0.2.1:8080/boot.ipxe"},
    {"MissingProgram", dhcp::Client::Kind::pxe, dhcp::Architecture::x64_uefi,
     "no: asked for x64 UEFI but there is no iPXE binary for that: snponly.efi is missing from the iPXE package"},
    {"WithoutOption93", dhcp::Client::Kind::pxe, std::nullopt,
     "no: asked for x86 BIOS but there is no iPXE binary for that: undionly.kpxe is missing from the iPXE package"},
    {"NoProgram", dhcp::Client::Kind::pxe, dhcp::Architecture::arm32_uefi,
     "no: asked for arm UEFI but there is no iPXE binary for that"},
};
TEST_F(SiteTest, Offers) {
  DhcpService service{site()};
  for (const OfferCase& row : kOffers) {
    dhcp::Client client;
    client.kind = row.kind;
    client.architecture = row.architecture;
    const dhcp::BootChoice choice = service.choose(client);
    const auto* boot = std::get_if<dhcp::BootFile>(&choice);
    EXPECT_EQ(boot != nullptr ? boot->name : "no: " + std::get<dhcp::NoBoot>(choice).reason, row.expected) << row.name;
  }
}

TEST_F(SiteTest, TftpHasIpxeAndItsScript) {
  const TftpService service{site()};
  EXPECT_EQ(std::get<tftp::File>(service.find("ipxe-arm64.efi")).size(), 14u);
  EXPECT_EQ(std::get<tftp::File>(service.find("boot/ipxe-arm64.efi")).size(), 14u);
  const auto script = std::get<tftp::File>(service.find("autoexec.ipxe"));
  EXPECT_EQ(as_text(script.view(0, script.size())),
            "#!ipxe\ndhcp\nchain --autofree --replace http://192.0.2.1:8080/boot.ipxe\n");
  EXPECT_TRUE(std::holds_alternative<tftp::NoFile>(service.find("etc/passwd")));
}

TEST_F(SiteTest, AFloodDoesNotFillTheLog) {
  for (int i = 0; i < 20000; ++i) site().log("noise");
  EXPECT_LT(reporter_.lines.size(), 6000u);
  EXPECT_EQ(reporter_.lines[5000], "warning: too much happens at once: log lines are left out");
  EXPECT_GT(site().metrics().log_lines_left_out, 14000u);
}

TEST_F(SiteTest, MetricsInPrometheusForm) {
  site().metrics().http_responses[200] = 3;
  get("/script", {{"mac", "52-54-00-12-34-56"}, {"arch", "arm64"}});
  const std::string metrics = text(get("/metrics"));
  for (const char* line : {"# TYPE kiln_machines gauge\n", "kiln_machines{stage=\"script\"} 1\n",
                           "kiln_http_responses_total{status=\"200\"} 3\n", "kiln_scripts_total{outcome=\"boot\"} 1\n",
                           "kiln_builds_total{system=\"web\",architecture=\"arm64\"} 1\n"}) {
    EXPECT_NE(metrics.find(line), std::string::npos) << line;
  }
}

TEST(Neighbours, ArpTable) {
  constexpr char kTable[] =
      "IP address       HW type     Flags       HW address            Mask     Device\n"
      "192.0.2.7        0x1         0x2         52:54:00:12:34:56     *        eth0\n"
      "192.0.2.8        0x1         0x0         00:00:00:00:00:00     *        eth0\n";
  EXPECT_EQ(find_in_arp_table(kTable, "192.0.2.7"), kMac);
  EXPECT_EQ(find_in_arp_table(kTable, "192.0.2.8"), std::nullopt);
  EXPECT_EQ(find_in_arp_table(kTable, "192.0.2.70"), std::nullopt);
  EXPECT_EQ(find_in_arp_table("", "192.0.2.7"), std::nullopt);
}

}  // namespace
}  // namespace kiln::netboot
