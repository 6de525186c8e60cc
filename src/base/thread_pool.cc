#include "base/thread_pool.h"

#include <sched.h>

#include <system_error>
#include <utility>

#include "base/error.h"

namespace kiln {

unsigned ThreadPool::processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
    return static_cast<unsigned>(CPU_COUNT(&set));
  const unsigned all = std::thread::hardware_concurrency();
  return all > 0 ? all : 1;
}

ThreadPool::ThreadPool(unsigned threads) : most_{threads == 0 ? processors() : threads} { threads_.reserve(most_); }

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock{mutex_};
    stopping_ = true;
    tasks_.clear();
  }
  ready_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::submit(std::function<void()> task) {
  {
    std::lock_guard lock{mutex_};
    // First, as it may fail: without any thread the task was never taken, and with fewer it comes later.
    if (idle_ <= tasks_.size() && threads_.size() < most_) {
      try {
        threads_.emplace_back([this] { run(); });
      } catch (const std::system_error& error) {
        if (threads_.empty()) throw SysError{error.code().value(), "starting a thread"};
      }
    }
    tasks_.push_back(std::move(task));
  }
  ready_.notify_one();
}

void ThreadPool::run() {
  for (;;) {
    std::function<void()> task;
    {
      std::unique_lock lock{mutex_};
      ++idle_;
      ready_.wait(lock, [this] { return stopping_ || !tasks_.empty(); });
      --idle_;
      if (stopping_) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
    }
    task();
  }
}

TaskGroup::~TaskGroup() {
  std::unique_lock lock{mutex_};
  done_.wait(lock, [this] { return running_ == 0; });
}

bool TaskGroup::failed() const {
  std::lock_guard lock{mutex_};
  return error_ != nullptr;
}

/// A task taken before another failed may come to its first instruction after that: it still counts, or which error is
/// shown would depend on the scheduler.
bool TaskGroup::is_wanted(std::size_t index) const {
  std::lock_guard lock{mutex_};
  return error_ == nullptr || index < failed_index_;
}

void TaskGroup::run(std::function<void()> task) {
  std::size_t index = 0;
  {
    std::lock_guard lock{mutex_};
    index = submitted_++;
    ++running_;
  }
  auto run = [this, index, task = std::move(task)] {
    std::exception_ptr error;
    try {
      if (is_wanted(index)) task();
    } catch (...) {
      error = std::current_exception();
    }
    finish_one(index, std::move(error));
  };
  try {
    pool_.submit(std::move(run));
  } catch (...) {
    finish_one(index, std::current_exception());  // wait() would wait for it for ever
  }
}

void TaskGroup::finish_one(std::size_t index, std::exception_ptr error) {
  std::lock_guard lock{mutex_};
  if (error && (!error_ || index < failed_index_)) {
    error_ = std::move(error);
    failed_index_ = index;
  }
  // Under the lock: once it is released and running_ is 0, the group may be gone.
  if (--running_ == 0) done_.notify_all();
}

void TaskGroup::wait() {
  std::unique_lock lock{mutex_};
  done_.wait(lock, [this] { return running_ == 0; });
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

}  // namespace kiln
