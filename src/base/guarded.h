#pragma once

#include <mutex>
#include <utility>

namespace kiln {

/// A value shared between threads, reached only through lock().
template <typename T>
class Guarded {
 public:
  Guarded() = default;
  explicit Guarded(T value) : value_{std::move(value)} {}

  class Locked {
   public:
    T& operator*() const { return value_; }
    T* operator->() const { return &value_; }

   private:
    friend Guarded;
    Locked(std::mutex& mutex, T& value) : lock_{mutex}, value_{value} {}
    std::unique_lock<std::mutex> lock_;
    T& value_;
  };
  Locked lock() { return Locked{mutex_, value_}; }

 private:
  std::mutex mutex_;
  T value_{};
};

}  // namespace kiln
