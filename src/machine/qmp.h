#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace kiln::machine {

/// One line from QEMU (docs/interop/qmp-spec: greeting, event, return or error), as far as Kiln cares.
struct QmpMessage {
  enum class Kind { greeting, event, result, error, other };
  Kind kind = Kind::other;
  std::string text;    ///< of an event its name, of an error its description
  std::string reason;  ///< of SHUTDOWN and RESET: "guest-shutdown" …; of query-status' result the status

  bool operator==(const QmpMessage&) const = default;
};

/// `other` for what is not a JSON object of a known kind.
QmpMessage parse_qmp(std::string_view line);

/// Cuts what comes in pieces into lines.
class LineSplitter {
 public:
  void add(std::string_view piece) { rest_ += piece; }
  std::optional<std::string> next();  ///< without its end

 private:
  std::string rest_;
};

/// The control connection to a running QEMU, over a socket.
class Qmp {
 public:
  explicit Qmp(UniqueFd socket) : socket_{std::move(socket)} {}

  int fd() const { return socket_.get(); }
  /// Reads what is there (blocks if nothing is); false at the end: QEMU is gone.
  bool receive();
  std::optional<QmpMessage> next();  ///< of what was received

  void negotiate() { send(R"({"execute":"qmp_capabilities"})"); }
  void press_power_button(bool has_acpi);
  void ask_status() { send(R"({"execute":"query-status"})"); }
  void quit() { send(R"({"execute":"quit"})"); }

 private:
  void send(std::string_view command);  ///< a QEMU that is gone shows in receive()

  UniqueFd socket_;
  LineSplitter lines_;
};

}  // namespace kiln::machine
