#pragma once

#include <chrono>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/guarded.h"
#include "base/thread_pool.h"
#include "base/unique_fd.h"
#include "netboot/boot_source.h"

namespace kiln::netboot {

/// The systems that are served, each as its newest good version. What changes on disk is built anew on a thread of its
/// own, one at a time, so that the server's loop never waits; a build that fails leaves the old version in place.
class Catalog {
 public:
  struct System {
    std::string label;         ///< what a policy calls it
    std::string architecture;  ///< that it was asked for; empty: that of its kernel
    std::unique_ptr<BootSource> source;

    std::shared_ptr<const BootImage> image;                ///< null until one was built
    std::deque<std::shared_ptr<const BootImage>> earlier;  ///< newest first
    std::string error;                                     ///< of the last build; empty: it was good
    bool building = false;
    std::string state;  ///< of the source when it was last loaded
    std::chrono::nanoseconds build_time{};
    unsigned builds = 0, failures = 0;

    const std::string& served_architecture() const { return image ? image->architecture : architecture; }
  };

  /// How many versions stay available to machines that began with them.
  static constexpr std::size_t kEarlier = 8;

  Catalog(EventLoop& loop);
  ~Catalog();
  Catalog(const Catalog&) = delete;
  Catalog& operator=(const Catalog&) = delete;

  /// Adds a system and loads it, waiting for it: a mistake in what the user gave should end the command. Throws Error.
  void add(std::string label, std::string architecture, std::unique_ptr<BootSource> source);

  const std::deque<System>& systems() const { return systems_; }
  std::vector<std::string_view> labels() const;

  /// The system of that label (empty: any) for that architecture, or null. Of several the first.
  const System* find(std::string_view label, std::string_view architecture) const;
  /// A version by its ID, of whatever system: the newest of each or an earlier one.
  std::shared_ptr<const BootImage> image(std::string_view id) const;

  /// Starts a build of the systems whose source has changed. Cheap.
  void check();

  /// Called on the loop's thread when a build has ended.
  std::function<void(const System&)> on_built;

 private:
  struct Result {
    System* system;
    std::shared_ptr<const BootImage> image;
    std::string error;
    std::chrono::nanoseconds time;
  };

  void build(System& system);
  void take_results();
  static void replace(System& system, std::shared_ptr<const BootImage> image);

  EventLoop& loop_;
  std::deque<System> systems_;
  UniqueFd ready_;  // an eventfd: the worker says that there is a result
  Guarded<std::vector<Result>> results_;
  ThreadPool worker_{1};
};

}  // namespace kiln::netboot
