// netboot_servers [--tftp DIRECTORY] [--port N] [--address A] [--memory] [--per-peer N]
//                 [--dhcp INTERFACE [--range FIRST-LAST]]
// The servers of src/netboot without the boot server around them. Prints "ready", then a line for every event; ends on
// SIGTERM. DHCP offers arm64 and x64 firmware "ipxe.efi", BIOS "undionly.kpxe", iPXE a URL, HTTP boot nothing.

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <map>

#include "base/error.h"
#include "base/event_loop.h"
#include "base/signal_pipe.h"
#include "netboot/dhcp/server.h"
#include "netboot/tftp/server.h"

namespace {

using namespace kiln;

void say(const std::string& line) {
  std::puts(line.c_str());
  std::fflush(stdout);
}

struct DhcpLog final : dhcp::Observer {
  void on_event(const dhcp::Event& event) override { say(event.describe()); }
  void on_trouble(std::string_view message) override { say(concat("trouble: ", message)); }
};

struct TftpLog final : tftp::Observer {
  void on_end(const tftp::TransferStatus& transfer, tftp::Ending ending, std::string_view reason) override {
    static constexpr const char* kEndings[] = {"complete", "size only", "unconfirmed", "aborted", "silent", "failed"};
    say(concat("TFTP ", transfer.peer.to_string(), " ", transfer.file, " ", kEndings[static_cast<int>(ending)], " ",
               transfer.acknowledged, "/", transfer.size, " bytes, ", transfer.blocks_resent, " resent ", reason));
  }
  void on_refused(const tftp::Peer& peer, std::string_view file, std::string_view reason) override {
    say(concat("TFTP ", peer.to_string(), " ", quote(file), " refused: ", reason));
  }
  void on_trouble(std::string_view message) override { say(concat("trouble: ", message)); }
};

/// The files of a directory, confined by the kernel; read into memory once if `in_memory`.
class Files {
 public:
  Files(const std::string& directory, bool in_memory)
      : root_{::open(directory.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)}, in_memory_{in_memory} {
    if (!root_) throw SysError{errno, "opening ", quote(directory)};
  }

  std::variant<tftp::File, tftp::NoFile> find(std::string_view name) {
    const auto known = known_.find(std::string{name});
    if (known != known_.end()) return known->second;
    open_how how{};
    how.flags = O_RDONLY | O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
    auto fd = std::make_shared<UniqueFd>(
        static_cast<int>(::syscall(SYS_openat2, root_.get(), std::string{name}.c_str(), &how, sizeof how)));
    struct stat status {};
    if (!*fd || ::fstat(fd->get(), &status) != 0 || !S_ISREG(status.st_mode)) return tftp::NoFile{};
    tftp::File file{fd, 0, static_cast<std::uint64_t>(status.st_size)};
    if (in_memory_) {
      auto text = std::make_shared<std::string>(file.size(), '\0');
      file.read(0, std::as_writable_bytes(std::span{text->data(), text->size()}));
      file = tftp::File{text};
      known_.emplace(name, file);
    }
    return file;
  }

 private:
  UniqueFd root_;
  bool in_memory_;
  std::map<std::string, tftp::File> known_;
};

dhcp::BootChoice choose_boot(const dhcp::Client& client) {
  if (client.kind == dhcp::Client::Kind::ipxe) return dhcp::BootFile{"http://10.77.0.1/boot.ipxe", {}};
  if (client.kind == dhcp::Client::Kind::uefi_http) return dhcp::NoBoot{"no UKI was built"};
  if (client.architecture == dhcp::Architecture::x86_bios) return dhcp::BootFile{"undionly.kpxe", {}};
  return dhcp::BootFile{"ipxe.efi", {}};
}

int serve(const std::map<std::string, std::string>& options) {
  const SteadyClock clock;
  EventLoop loop{clock};
  SignalPipe signals{SIGTERM, SIGINT};
  loop.watch(signals.fd(), EventLoop::kReadable, [&](std::uint32_t) { loop.stop(); });
  const auto option = [&](const char* name) {
    const auto found = options.find(name);
    return found == options.end() ? std::string{} : found->second;
  };

  DhcpLog dhcp_log;
  std::optional<dhcp::Server> dhcp_server;
  if (!option("--dhcp").empty()) {
    dhcp::ServerOptions dhcp_options;
    dhcp_options.interface = option("--dhcp");
    if (!option("--range").empty()) {
      dhcp_options.responder.leases.emplace().range = dhcp::AddressRange::parse(option("--range"));
    }
    dhcp_server.emplace(loop, dhcp_options, choose_boot, dhcp_log);
  }
  TftpLog tftp_log;
  std::optional<Files> files;
  std::optional<tftp::Server> tftp_server;
  if (!option("--tftp").empty()) {
    files.emplace(option("--tftp"), options.count("--memory") > 0);
    tftp::ServerOptions tftp_options;
    tftp_options.address = option("--address");
    if (!option("--port").empty()) tftp_options.port = static_cast<std::uint16_t>(std::stoi(option("--port")));
    if (!option("--per-peer").empty()) tftp_options.per_peer = std::stoul(option("--per-peer"));
    tftp_server.emplace(
        loop, tftp_options, [&](std::string_view name, const tftp::Peer&) { return files->find(name); }, tftp_log);
  }
  say("ready");
  loop.run();
  loop.forget(signals.fd());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  std::map<std::string, std::string> options;
  for (int i = 1; i < argc; ++i) {
    const std::string name = argv[i];
    const bool has_value = name != "--memory" && i + 1 < argc;
    options[name] = has_value ? argv[++i] : "";
  }
  try {
    return serve(options);
  } catch (const Error& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    if (!error.hint().empty()) std::fprintf(stderr, "hint: %s\n", error.hint().c_str());
    return 1;
  }
}
