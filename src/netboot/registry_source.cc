#include "netboot/registry_source.h"

#include <utility>

#include "base/error.h"

namespace kiln::netboot {

RegistrySource::RegistrySource(std::string url, RegistryQuestions questions, Reporter& reporter,
                               std::chrono::milliseconds interval)
    : url_{std::move(url)}, questions_{std::move(questions)}, reporter_{reporter}, interval_{interval} {
  look();
  thread_ = std::thread{[this] { watch(); }};
}

RegistrySource::~RegistrySource() {
  {
    const std::lock_guard lock{mutex_};
    end_ = true;
  }
  ended_.notify_all();
  thread_.join();
}

std::string RegistrySource::state() const {
  const std::lock_guard lock{mutex_};
  return seen_;
}

std::shared_ptr<const BootImage> RegistrySource::load() { return boot_image_of(questions_.fetch()); }

void RegistrySource::watch() {
  std::unique_lock lock{mutex_};
  while (!ended_.wait_for(lock, interval_, [this] { return end_; })) {
    lock.unlock();
    look();
    lock.lock();
  }
}

void RegistrySource::look() {
  try {
    std::string now = questions_.look();
    told_ = false;
    const std::lock_guard lock{mutex_};
    seen_ = std::move(now);
  } catch (const Error& error) {
    if (!std::exchange(told_, true)) {
      reporter_.warning(concat("looking for a newer ", url_, ": ", error.message(), "; what is there stays"));
    }
  }
}

}  // namespace kiln::netboot
