#include "machine/qmp.h"

#include <sys/socket.h>

#include <array>
#include <cerrno>

#include <nlohmann/json.hpp>

namespace kiln::machine {
namespace {

using Json = nlohmann::json;

std::string text_at(const Json& object, const char* name) {
  if (!object.is_object()) return {};
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

const Json& member(const Json& object, const char* name) {
  static const Json none;
  const auto found = object.find(name);
  return found != object.end() ? *found : none;
}

/// QEMU's lines are short and flat; a limit keeps a hostile one from exhausting the parser's stack.
bool is_too_deep(std::string_view line) {
  constexpr int kDeepest = 64;
  int depth = 0;
  for (char c : line) {
    depth += c == '{' || c == '[' ? 1 : 0;
    depth -= c == '}' || c == ']' ? 1 : 0;
    if (depth > kDeepest) return true;
  }
  return false;
}

}  // namespace

QmpMessage parse_qmp(std::string_view line) {
  if (is_too_deep(line)) return {};
  const Json message = Json::parse(line, nullptr, false);
  if (!message.is_object()) return {};
  if (message.contains("QMP")) return {QmpMessage::Kind::greeting, {}, {}};
  if (message.contains("event")) {
    return {QmpMessage::Kind::event, text_at(message, "event"), text_at(member(message, "data"), "reason")};
  }
  if (message.contains("error")) return {QmpMessage::Kind::error, text_at(member(message, "error"), "desc"), {}};
  if (message.contains("return")) return {QmpMessage::Kind::result, {}, text_at(member(message, "return"), "status")};
  return {};
}

std::optional<std::string> LineSplitter::next() {
  const std::size_t end = rest_.find('\n');
  if (end == std::string::npos) return std::nullopt;
  std::string line = rest_.substr(0, end);
  rest_.erase(0, end + 1);
  if (!line.empty() && line.back() == '\r') line.pop_back();
  return line;
}

bool Qmp::receive() {
  std::array<char, 4096> buffer;
  const ssize_t got = ::read(socket_.get(), buffer.data(), buffer.size());
  if (got > 0) lines_.add({buffer.data(), static_cast<std::size_t>(got)});
  return got > 0 || (got < 0 && errno == EINTR);
}

std::optional<QmpMessage> Qmp::next() {
  const std::optional<std::string> line = lines_.next();
  if (!line) return std::nullopt;
  return parse_qmp(*line);
}

void Qmp::press_power_button(bool has_acpi) {
  if (has_acpi) {
    send(R"({"execute":"system_powerdown"})");
  } else {
    send(R"({"execute":"send-key","arguments":{"keys":[{"type":"qcode","data":"power"}]}})");
  }
}

void Qmp::send(std::string_view command) {
  std::string line{command};
  line += '\n';
  std::string_view rest = line;
  while (!rest.empty()) {
    const ssize_t put = ::send(socket_.get(), rest.data(), rest.size(), MSG_NOSIGNAL);
    if (put < 0 && errno != EINTR) return;
    if (put > 0) rest.remove_prefix(static_cast<std::size_t>(put));
  }
}

}  // namespace kiln::machine
