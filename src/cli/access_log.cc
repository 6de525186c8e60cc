#include "cli/access_log.h"

#include <ctime>

#include "base/error.h"
#include "base/human.h"

namespace kiln::cli {
namespace {

std::string formatted_time(const char* format) {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::localtime_r(&now, &parts);
  char text[40];
  return {text, std::strftime(text, sizeof text, format, &parts)};
}

std::string time_of_day() { return formatted_time("%H:%M:%S "); }

std::uint64_t milliseconds(std::chrono::nanoseconds duration) {
  return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::milliseconds>(duration).count());
}

Fields fields_of(const char* event, const http::Transfer& transfer) {
  const http::Request& request = transfer.request;
  Fields fields;
  fields.add("event", event).add("time", formatted_time("%Y-%m-%dT%H:%M:%S%z")).add("peer", request.peer.host);
  fields.add("method", std::string{http::method_name(request.method)}).add("target", request.target);
  fields.add("status", static_cast<std::uint64_t>(transfer.status)).add("sent", transfer.sent);
  fields.add("size", transfer.size).add("offset", transfer.offset).add("whole", transfer.whole);
  return fields.add("milliseconds", milliseconds(transfer.duration));
}

std::string beginning_of(const http::Transfer& transfer) {
  const http::Request& request = transfer.request;
  const std::string target = request.target.empty() ? "-" : printable(request.target);
  return concat(time_of_day(), request.peer.host, " ", http::method_name(request.method), " ", target, " ",
                transfer.status);
}

std::string range_of(const http::Transfer& transfer) {
  if (transfer.status != 206) return {};
  return concat(" from byte ", transfer.offset, " of ", transfer.whole);
}

std::string line_of(const http::Transfer& transfer, std::string_view cut) {
  std::string line = beginning_of(transfer);
  if (cut.empty()) {
    line += concat(" ", human_size(transfer.sent), range_of(transfer), " in ", human_duration(transfer.duration), "\n");
    return line;
  }
  // A body that is made while it is sent has no size, and mostly ends by the client leaving.
  const std::string size = transfer.size > 0 ? concat(" of ", human_size(transfer.size)) : std::string{};
  return concat(line, " cut off at ", human_size(transfer.sent), size, range_of(transfer), " after ",
                human_duration(transfer.duration), ": ", cut, "\n");
}

}  // namespace

AccessLog::~AccessLog() {
  loop_.cancel(flushing_);
  flush();
}

void AccessLog::on_response(const http::Transfer& transfer, std::string_view cut) {
  if (json_) {
    Fields fields = fields_of("request", transfer);
    if (!cut.empty()) fields.add("cut", std::string{cut});
    write(fields.to_json() + "\n");
  } else if (verbosity_ != Verbosity::quiet) {
    write(line_of(transfer, cut));
  }
}

void AccessLog::on_progress(const http::Transfer& transfer) {
  if (json_) {
    write(fields_of("sending", transfer).to_json() + "\n");
  } else if (verbosity_ == Verbosity::verbose && transfer.size > 0) {
    write(concat(beginning_of(transfer), " ", transfer.sent * 100 / transfer.size, " % of ", human_size(transfer.size),
                 " sent\n"));
  }
}

void AccessLog::on_trouble(std::string_view message) {
  if (json_) {
    write(Fields{}.add("event", "warning").add("message", std::string{message}).to_json() + "\n");
  } else {
    write(concat(time_of_day(), "warning: ", message, "\n"));
  }
}

void AccessLog::note(std::string_view message) {
  if (json_) {
    write(Fields{}.add("event", "info").add("message", std::string{message}).to_json() + "\n");
  } else if (verbosity_ != Verbosity::quiet) {
    write(concat(time_of_day(), message, "\n"));
  }
}

void AccessLog::write(const std::string& line) {
  lines_ += line;
  if (flushing_ != 0) return;
  flushing_ = loop_.after(std::chrono::nanoseconds{0}, [this] {
    flushing_ = 0;
    flush();
  });
}

void AccessLog::flush() {
  if (!lines_.empty()) to_.write(lines_);
  lines_.clear();
}

}  // namespace kiln::cli
