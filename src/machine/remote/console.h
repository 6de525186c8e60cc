#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/reporter.h"
#include "machine/remote/waiter.h"

namespace kiln::machine {

/// A program that is the serial console of a machine elsewhere: ssh to its BMC, ipmitool.
struct ConsoleProgram {
  std::vector<std::string> arguments;              ///< the program first
  std::map<std::string, std::string> environment;  ///< secrets go here, never into the arguments
};

enum class ConsoleEnd {
  left,         ///< the user left it, by ~.
  interrupted,  ///< by SIGINT, SIGTERM or SIGHUP
  closed,       ///< by the program or the other side, in good order
  lost,         ///< the program failed
  machine_off   ///< `machine_ended` became readable
};

struct ConsoleResult {
  ConsoleEnd end = ConsoleEnd::closed;
  int status = 0;          ///< of the program, if it ended; the signal, if interrupted
  bool lived = false;      ///< it went on for long enough to have been a connection
  std::string last_words;  ///< the end of what the program printed
};

/// Shows the console on standard output and sends it what is typed, with the terminal (if standard input is one) in raw
/// mode meanwhile: every key but ~. at the beginning of a line goes to the machine, Ctrl-C included. The end of
/// standard input means nothing. `machine_ended`: a descriptor, or -1. Throws Error.
ConsoleResult run_console(const ConsoleProgram& program, SignalPipe& signals, int machine_ended);

/// run_console(), and again when the connection is lost or not there yet, with a pause between: a BMC drops consoles
/// while it resets a machine. Gives up, with an Error that quotes the program, after several failures in a row. Returns
/// the exit status for the user: 0, or 128 + the signal.
int follow_console(const ConsoleProgram& program, SignalWaiter& waiter, int machine_ended, Reporter& reporter);

/// Where ssh finds a console.
struct SshConsole {
  std::string user, host;
  unsigned port = 22;
  std::vector<std::string> options;  ///< for -o
  std::string command;               ///< to run there; empty: none
};

/// Throws Error if ssh is missing, or a part is what it would take for an option.
ConsoleProgram ssh_program(const SshConsole& console);

}  // namespace kiln::machine
