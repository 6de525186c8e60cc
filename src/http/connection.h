#pragma once

#include <chrono>
#include <ctime>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/unique_fd.h"
#include "http/answer.h"
#include "http/body_sender.h"
#include "http/observer.h"
#include "http/request_parser.h"

namespace kiln {
class EventLoop;
}

namespace kiln::http {

/// What the connections of a server have in common.
struct Service {
  EventLoop& loop;
  Limits limits;
  std::function<Response(const Request&)> handler;
  std::function<std::time_t()> wall_clock;
  Observer& observer;
  bool draining = false;  ///< no request after the one under way
};

/// One client: reads requests, has them answered, sends the answers, one after the other. A state machine that is told
/// of events and time, and that says by is_closed() when it has come to its end. While an answer is sent nothing is
/// read: a client that pipelines waits in its own system's buffers.
class Connection {
 public:
  /// `socket` is non-blocking and watched on the service's loop by the owner, who passes on what it is ready for.
  Connection(UniqueFd socket, Endpoint peer, Endpoint local, Service& service);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  void on_ready();
  /// To be called about once a second: enforces the time limits, tells of progress.
  void on_tick();
  /// Answers a client that is to be turned away, without reading what it wants.
  void turn_away(int status, std::string message);
  /// Closes it unless an answer is on its way; no other follows that one.
  void drain();
  void cut_off(std::string_view why) { close(why); }

  bool is_closed() const { return !socket_; }
  bool is_answering() const { return phase_ == Phase::sending || phase_ == Phase::streaming; }
  /// Since when it has been waiting for a request to arrive; such connections go first when there are too many.
  std::optional<std::chrono::nanoseconds> waiting_since() const;

  int fd() const { return socket_.get(); }
  const Endpoint& peer() const { return peer_; }

 private:
  enum class Phase {
    reading,    // a request, or nothing yet
    sending,    // its answer
    streaming,  // its answer, from a Channel
    lingering   // everything is said; what still comes is read away, since closing with unread input would destroy
                // what the client has not yet got
  };
  /// What is under way: what observers are told of.
  struct Current {
    Request request;
    int status = 0;
    std::uint64_t size = 0;
    std::uint64_t offset = 0;
    std::uint64_t whole = 0;
    std::uint64_t head_size = 0;
    std::uint64_t handed = 0;  // to the kernel, the head included
    std::chrono::nanoseconds since{};
    bool keep_alive = false;
    bool unreported = false;
  };

  void read_requests();
  void answer_requests();
  void answer(Request request);
  void refuse(Refusal refusal);
  Response call_handler(const Request& request);
  void begin(Request request, Answer answer);
  void attach(std::shared_ptr<Channel> channel, bool chunked);
  void end_channel();
  void send_more();
  void stream_more();
  void discard_input();
  void on_handed_over();
  void end_answer();
  void begin_linger();
  void on_end_of_input();
  void close(std::string_view cut);

  void tick_reading(std::chrono::nanoseconds now);
  void tick_sending(std::chrono::nanoseconds now);
  void tick_lingering(std::chrono::nanoseconds now);
  bool is_stalled(std::chrono::nanoseconds now);

  void update_interest();
  std::uint32_t wanted() const;
  std::uint64_t unacknowledged() const;
  std::uint64_t acknowledged() const;
  Transfer transfer(std::uint64_t sent) const;
  void report(std::string_view cut);
  void report_if_acknowledged();
  std::chrono::nanoseconds now() const;

  Service& service_;
  UniqueFd socket_;
  Endpoint peer_;
  Endpoint local_;
  RequestParser parser_;
  Phase phase_ = Phase::reading;
  Current current_;
  BodySender sender_;
  std::shared_ptr<Channel> channel_;
  bool chunked_ = false;
  bool has_more_requests_ = false;         // the parser may have another, which waits for the others' turn
  bool served_ = false;                    // at least one request
  bool input_ended_ = false;               // while lingering: the client has closed its side
  std::uint32_t interest_;                 // what the loop watches the socket for
  std::chrono::nanoseconds since_;         // what is waited for in this phase
  std::uint64_t acknowledged_before_ = 0;  // of the current answer, when the reader's pace was last found good
  std::chrono::nanoseconds paced_since_{};
  std::chrono::nanoseconds handed_over_{};  ///< when the kernel had all of an answer
};

}  // namespace kiln::http
