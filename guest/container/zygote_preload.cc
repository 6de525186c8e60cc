// The library that makes a zygote (zygote.h) of a program that it is preloaded into. It runs in that program's address
// space before its main and must not touch anything there, so it uses no library: the system calls are its own.
//
// Its constructor runs when the dynamic linker has done its work, and forks there. The children return from it, each
// with arguments of its own, and so into the program's main.

#include <asm/unistd.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "container/zygote_protocol.h"

extern "C" char** environ;  // NOLINT(readability-redundant-declaration): the program's C library has it

namespace {

using guest::kZygoteLibrary;
using guest::kZygoteRequestSize;
using guest::kZygoteSocket;
using guest::ZygoteAnswer;

long system_call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
#if defined(__aarch64__)
  register long x8 asm("x8") = number;
  register long x0 asm("x0") = a;
  register long x1 asm("x1") = b;
  register long x2 asm("x2") = c;
  register long x3 asm("x3") = d;
  register long x4 asm("x4") = e;
  asm volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
  return x0;
#elif defined(__x86_64__)
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  long result = number;
  asm volatile("syscall" : "+a"(result) : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8) : "rcx", "r11", "memory");
  return result;
#elif defined(__riscv)
  register long a7 asm("a7") = number;
  register long a0 asm("a0") = a;
  register long a1 asm("a1") = b;
  register long a2 asm("a2") = c;
  register long a3 asm("a3") = d;
  register long a4 asm("a4") = e;
  asm volatile("ecall" : "+r"(a0) : "r"(a7), "r"(a1), "r"(a2), "r"(a3), "r"(a4) : "memory");
  return a0;
#else
#error "no system calls for this architecture"
#endif
}

template <typename T>
long address(T* pointer) {
  return reinterpret_cast<long>(pointer);
}

struct Request {
  char text[kZygoteRequestSize];  // NOLINT(modernize-avoid-c-arrays): there is no standard library here
  long length;
  int standard[3];
};

/// The children's arguments stay here; they are the program's for as long as it runs.
Request request;

/// False at the end of the socket, and for a request that is none.
bool receive() {
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof request.standard)];
  iovec data{request.text, sizeof request.text};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  request.length = system_call(__NR_recvmsg, kZygoteSocket, address(&message), MSG_CMSG_CLOEXEC);
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (request.length <= 0 || rights == nullptr || rights->cmsg_type != SCM_RIGHTS ||
      rights->cmsg_len != CMSG_LEN(sizeof request.standard)) {
    return false;
  }
  const auto* descriptors = reinterpret_cast<const int*>(CMSG_DATA(rights));
  for (int i = 0; i < 3; ++i) request.standard[i] = descriptors[i];
  return request.text[request.length - 1] == '\0';
}

void answer(ZygoteAnswer number) {
  system_call(__NR_sendto, kZygoteSocket, address(&number), sizeof number, MSG_NOSIGNAL);
}

bool same(const char* text, const char* prefix) {
  while (*prefix != '\0' && *text == *prefix) ++text, ++prefix;
  return *prefix == '\0';
}

/// No other program that this one starts shall meet the library.
void hide_from(char** environment) {
  char** kept = environment;
  for (char** variable = environment; *variable != nullptr; ++variable) {
    if (!same(*variable, "LD_PRELOAD=")) *kept++ = *variable;
  }
  *kept = nullptr;
}

/// The program's arguments lie before its environment, and their number before them (System V ABI, "Process
/// Initialization").
char** find_arguments(char** environment, long& count) {
  char** end = environment - 1;
  for (count = 0; count < 64; ++count) {
    if (address(end[-1 - count]) == count) return end - count;
  }
  return nullptr;
}

void take_arguments(char** arguments, long count) {
  char* text = request.text;
  for (long i = 0; i < count && text < request.text + request.length; ++i) {
    arguments[i] = text;
    while (*text != '\0') ++text;
    ++text;
  }
}

void become_child(char** arguments, long count) {
  system_call(__NR_setsid);
  for (int i = 0; i < 3; ++i) {
    system_call(__NR_dup3, request.standard[i], i, 0);
    system_call(__NR_close, request.standard[i]);
  }
  system_call(__NR_close, kZygoteSocket);
  take_arguments(arguments, count);
}

/// glibc passes the environment, and may have set `environ` already; other C libraries do only the latter.
__attribute__((constructor)) void become_zygote(int, char**, char** passed) {
  char** environment = environ != nullptr ? environ : passed;
  system_call(__NR_close, kZygoteLibrary);
  hide_from(environment);
  long count = 0;
  char** arguments = find_arguments(environment, count);
  if (arguments == nullptr) system_call(__NR_exit_group, 127);
  answer(0);
  while (receive()) {
    // A brother, not a child: whoever asked for it can wait for it.
    const long child = system_call(__NR_clone, CLONE_PARENT | SIGCHLD);
    if (child == 0) return become_child(arguments, count);
    for (const int descriptor : request.standard) system_call(__NR_close, descriptor);
    answer(static_cast<ZygoteAnswer>(child));
  }
  system_call(__NR_exit_group, 0);
}

}  // namespace
