#include "base/udp_port.h"

#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "base/error.h"

namespace kiln {
namespace {

namespace fs = std::filesystem;

/// "socket:[INODE]" of each socket with that port, as links in /proc/PID/fd read (proc(5), /proc/net/udp).
std::set<std::string> socket_links(const char* table, std::uint16_t port) {
  std::set<std::string> links;
  std::ifstream file{table};
  std::string line;
  std::getline(file, line);  // the heading
  while (std::getline(file, line)) {
    std::istringstream fields{line};
    std::string slot, local, remote, state, queues, timer, retransmits, user, timeout, inode;
    fields >> slot >> local >> remote >> state >> queues >> timer >> retransmits >> user >> timeout >> inode;
    const std::size_t colon = local.rfind(':');
    if (!fields || colon == local.npos) continue;
    if (std::strtoul(local.c_str() + colon + 1, nullptr, 16) == port) links.insert("socket:[" + inode + "]");
  }
  return links;
}

bool holds(const fs::path& process, const std::set<std::string>& links) {
  std::error_code error;
  for (fs::directory_iterator fd{process / "fd", error}, end; !error && fd != end; fd.increment(error)) {
    std::error_code unreadable;
    if (links.count(fs::read_symlink(fd->path(), unreadable).string()) > 0) return true;
  }
  return false;
}

bool is_number(const std::string& text) { return text.find_first_not_of("0123456789") == text.npos; }

}  // namespace

std::string udp_port_holder(std::uint16_t port) {
  std::set<std::string> links = socket_links("/proc/net/udp", port);
  links.merge(socket_links("/proc/net/udp6", port));
  std::error_code error;
  for (fs::directory_iterator process{"/proc", error}, end; !error && process != end; process.increment(error)) {
    const std::string pid = process->path().filename().string();
    if (!is_number(pid) || !holds(process->path(), links)) continue;
    std::string name;
    std::getline(std::ifstream{process->path() / "comm"}, name);
    return concat(name.empty() ? "a program" : name, " (pid ", pid, ")");
  }
  return "another program";
}

}  // namespace kiln
