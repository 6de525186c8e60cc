#pragma once

#include <atomic>
#include <functional>
#include <list>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/unique_fd.h"
#include "oci/testing.h"

namespace kiln::oci::testing_ {

struct TestRequest {
  std::string method;
  std::string target;  ///< path and query
  std::map<std::string, std::string> headers;
  std::string body;

  std::string header(const std::string& name) const;
  bool is(const std::string& its_method, const std::string& part) const {
    return method == its_method && target.find(part) != std::string::npos;
  }
};

struct TestReply {
  int status = 200;
  std::vector<std::string> headers;
  std::string body;

  // Faults.
  std::optional<std::size_t> cut_at;    ///< close the connection after so many bytes of the body
  std::optional<std::size_t> stall_at;  ///< send nothing more after so many bytes of the body
  bool announce_length = true;          ///< else the end of the connection is the end of the body
};

/// An HTTP server on a free port of 127.0.0.1 that answers what the test says, faults included.
class TestServer {
 public:
  using Handler = std::function<TestReply(const TestRequest&)>;
  explicit TestServer(Handler handler);
  ~TestServer();

  std::string address() const;  ///< 127.0.0.1:PORT
  std::vector<TestRequest> requests() const;
  std::size_t count(const std::string& method, const std::string& part) const;

 private:
  void accept_all();
  void serve(int fd);
  bool answer(int fd, const TestRequest& request);

  Handler handler_;
  UniqueFd listener_;
  mutable std::mutex mutex_;
  std::vector<TestRequest> requests_;
  std::set<int> connections_;
  std::list<std::thread> threads_;
  std::atomic<bool> stopping_ = false;
  std::thread acceptor_;
};

/// A registry with a memory (distribution-spec: pull with ranges, push, mounts) on a TestServer. `spoil` may change any
/// reply before it is sent, or look at it.
class TestRegistry {
 public:
  TestRegistry();

  std::string address() const { return server_.address(); }
  Reference reference(const std::string& name) const { return Reference::parse(address() + "/" + name); }
  TestServer& server() { return server_; }

  void add_manifest(const std::string& name, const std::string& tag, const std::string& content);
  void add_blob(const std::string& content);
  void add_image(const std::string& name, const std::string& tag, const TestImage& image);
  std::optional<std::string> manifest(const std::string& name, const std::string& tag);
  bool has_blob(const std::string& content);

  using Spoil = std::function<void(const TestRequest&, TestReply&)>;
  void set_spoil(Spoil spoil);

 private:
  TestReply handle(const TestRequest& request);
  TestReply respond(const TestRequest& request);
  TestReply get_manifest(const std::string& key);
  TestReply get_blob(const TestRequest& request, const std::string& digest);
  TestReply upload(const TestRequest& request, const std::string& path, const std::string& query);

  std::mutex mutex_;
  Spoil spoil_;
  std::map<std::string, std::string> manifests_;  // "name:tag" and "name:digest"
  std::map<std::string, std::string> blobs_;      // by digest
  std::map<std::string, std::string> uploads_;    // by path
  int next_upload_ = 0;
  TestServer server_;  // last: its threads use the rest
};

}  // namespace kiln::oci::testing_
