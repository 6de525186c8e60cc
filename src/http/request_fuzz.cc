#include <cstdlib>

#include "http/answer.h"
#include "http/request_parser.h"

namespace {

using namespace kiln::http;

struct Outcome {
  std::vector<Request> requests;
  int refusal = 0;
  std::string message;
  bool operator==(const Outcome&) const = default;
};

Outcome parse(std::string_view bytes, std::size_t size) {
  const Limits limits;
  RequestParser parser{limits};
  Outcome outcome;
  while (true) {
    RequestParser::Result next = parser.next();
    if (auto* request = std::get_if<Request>(&next)) {
      outcome.requests.push_back(std::move(*request));
    } else if (auto* refusal = std::get_if<Refusal>(&next)) {
      outcome.refusal = refusal->status;
      outcome.message = refusal->message;
      return outcome;
    } else if (bytes.empty()) {
      return outcome;
    } else {
      parser.add(bytes.substr(0, size));
      bytes.remove_prefix(std::min(size, bytes.size()));
    }
  }
}

void check(const Request& request) {
  const bool good_path = request.path.starts_with('/') && (request.path + '/').find("/../") == std::string::npos &&
                         request.path.find('\0') == std::string::npos && request.path.find("//") == std::string::npos;
  if (!good_path) std::abort();
  Response response = Response::text(200, "0123456789");
  response.etag = "\"x\"";
  response.last_modified = 784111777;
  const Answer answer = make_answer(request, std::move(response), 800000000);
  if (answer.head.find("\r\n\r\n") != answer.head.size() - 4) std::abort();
}

}  // namespace

/// However the bytes are cut, the requests are the same, and every one of them can be answered.
extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  const std::string_view bytes{reinterpret_cast<const char*>(data), size};
  const Outcome whole = parse(bytes, bytes.size() + 1);
  if (parse(bytes, 1) != whole || parse(bytes, 7) != whole) std::abort();
  for (const Request& request : whole.requests) check(request);
  return 0;
}
