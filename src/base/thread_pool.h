#pragma once

#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace kiln {

/// A bounded number of threads that run tasks in the order they were submitted. A thread is started when there is a
/// task and no thread waits for one: a pool that nobody uses costs nothing.
class ThreadPool {
 public:
  explicit ThreadPool(unsigned threads);  ///< 0 means one per processor this process may use
  ~ThreadPool();                          ///< drops tasks that have not begun and joins
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  unsigned size() const { return most_; }
  void submit(std::function<void()> task);  ///< the task must not throw: see TaskGroup

  static unsigned processors();  ///< how many this process may use

 private:
  void run();

  const unsigned most_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> tasks_;
  std::size_t idle_ = 0;  ///< threads that wait for a task
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

/// Tasks that end together: wait() returns when all have run, and rethrows the error of the earliest submitted task
/// that failed (so which error is shown does not depend on timing). After a failure later tasks not yet begun are
/// skipped.
class TaskGroup {
 public:
  explicit TaskGroup(ThreadPool& pool) : pool_{pool} {}
  ~TaskGroup();
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;

  void run(std::function<void()> task);
  void wait();
  bool failed() const;  ///< a long task may ask, to stop early

 private:
  bool is_wanted(std::size_t index) const;
  void finish_one(std::size_t index, std::exception_ptr error);

  ThreadPool& pool_;
  mutable std::mutex mutex_;
  std::condition_variable done_;
  std::size_t submitted_ = 0;
  std::size_t running_ = 0;
  std::size_t failed_index_ = 0;
  std::exception_ptr error_;
};

}  // namespace kiln
