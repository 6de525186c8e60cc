#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/reporter.h"
#include "netboot/boot_source.h"
#include "publish/boot_parts.h"

namespace kiln::netboot {

/// Asks a registry for an operating system. Both throw Error; they are called on different threads.
struct RegistryQuestions {
  /// What the reference leads to now: a digest. Should give up soon: it is asked again and again.
  std::function<std::string()> look;
  /// Brings that into the store.
  std::function<publish::BootParts()> fetch;
};

/// An operating system in a registry, watched: a thread looks every `interval` whether the tag has moved, so that who
/// asks for the state never waits for the network. A registry that cannot be asked is told of once, until it answers.
class RegistrySource final : public BootSource {
 public:
  static constexpr std::chrono::milliseconds kInterval{10'000};

  /// Looks for the first time. `reporter` must outlive the source, and take calls of any thread.
  RegistrySource(std::string url, RegistryQuestions questions, Reporter& reporter,
                 std::chrono::milliseconds interval = kInterval);
  /// Waits for a look that is under way.
  ~RegistrySource() override;
  RegistrySource(const RegistrySource&) = delete;
  RegistrySource& operator=(const RegistrySource&) = delete;

  std::string description() const override { return url_; }
  std::string state() const override;
  std::shared_ptr<const BootImage> load() override;

 private:
  void watch();
  void look();

  std::string url_;
  RegistryQuestions questions_;
  Reporter& reporter_;
  std::chrono::milliseconds interval_;
  bool told_ = false;  // of who looks: the last look failed, and that was said

  mutable std::mutex mutex_;
  std::condition_variable ended_;
  bool end_ = false;
  std::string seen_;
  std::thread thread_;  // last: it uses all of the above
};

}  // namespace kiln::netboot
