#include "build/frame_crew.h"

#include <thread>
#include <utility>

#include "base/error.h"
#include "base/large_pages.h"

namespace kiln::build {
namespace {

/// Thrown in a task because another one failed; never shown.
struct Cancelled {};

}  // namespace

// Sinks that count what a stream has written; only one exists at a time for a stream.
class FrameCrew::Stream::Counting final : public Sink {
 public:
  explicit Counting(Stream& stream) : stream_{stream} {}
  void write(Bytes data) override {
    stream_.out_.write(data);
    stream_.size_ += data.size();
  }

 private:
  Stream& stream_;
};

class FrameCrew::Stream::Large final : public Sink {
 public:
  explicit Large(Stream& stream) : crew_{stream.crew_}, counting_{stream} {
    const Compression& how = stream.crew_.compression();
    if (how.codec != archive::Codec::none) {
      compressor_ =
          std::make_unique<archive::StreamCompressor>(how.codec, how.level, counting_, stream.crew_.threads());
    }
  }
  ~Large() override {
    compressor_.reset();
    const Lock lock{crew_.mutex_};
    crew_.large_open_ = false;
    crew_.changed_.notify_all();
  }
  Large(const Large&) = delete;
  Large& operator=(const Large&) = delete;

  void write(Bytes data) override { compressor_ ? compressor_->write(data) : counting_.write(data); }
  void finish() {
    if (compressor_) compressor_->finish();
  }

 private:
  FrameCrew& crew_;
  Counting counting_;
  std::unique_ptr<archive::StreamCompressor> compressor_;
};

void FrameCrew::run(std::vector<std::function<void()>> tasks) {
  tasks_ = std::move(tasks);
  next_task_ = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < threads_; ++i) threads.emplace_back([this] { work(); });
  work();
  for (std::thread& thread : threads) thread.join();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void FrameCrew::work() {
  Lock lock{mutex_};
  for (;;) {
    if (help(lock)) continue;
    if (next_task_ < tasks_.size() && !error_) {
      run_task(lock);
    } else if (running_tasks_ == 0) {
      return;
    } else {
      changed_.wait(lock);
    }
  }
}

void FrameCrew::run_task(Lock& lock) {
  const std::size_t number = next_task_++;
  ++running_tasks_;
  lock.unlock();
  std::exception_ptr error;
  try {
    tasks_[number]();
  } catch (const Cancelled&) {
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  if (error && (!error_ || number < failed_task_)) {
    error_ = error;
    failed_task_ = number;
  }
  --running_tasks_;
  changed_.notify_all();
}

/// Compresses one waiting frame, if there is one.
bool FrameCrew::help(Lock& lock) {
  if (frames_.empty()) return false;
  Frame frame = std::move(frames_.front());
  frames_.pop_front();
  compress(lock, std::move(frame));
  return true;
}

std::unique_ptr<archive::FrameCompressor> FrameCrew::take_compressor() {
  if (idle_compressors_.empty())
    return std::make_unique<archive::FrameCompressor>(compression_.codec, compression_.level);
  auto compressor = std::move(idle_compressors_.back());
  idle_compressors_.pop_back();
  return compressor;
}

void FrameCrew::compress(Lock& lock, Frame frame) {
  Stream& stream = *frame.stream;
  auto compressor = take_compressor();
  Compressed compressed{std::move(frame.raw), {}, {}};
  if (!spare_rooms_.empty()) {
    compressed.room = std::move(spare_rooms_.back());
    spare_rooms_.pop_back();
  }
  lock.unlock();
  std::exception_ptr error;
  try {
    compressed.bytes = compressor->compress(as_bytes(compressed.raw), compressed.room);
  } catch (...) {
    error = std::current_exception();
  }
  lock.lock();
  idle_compressors_.push_back(std::move(compressor));
  if (error && !stream.error_) stream.error_ = error;
  stream.ready_.emplace(frame.number, std::move(compressed));
  write_ready(lock, *this, stream);
}

/// Not those that an unusually large frame made: they would stay that large, and soon all would be.
void FrameCrew::recycle(Compressed frame) {
  if (frame.raw.capacity() <= kUsualFrame) {
    frame.raw.clear();
    spare_.push_back(std::move(frame.raw));
  }
  if (frame.room.size() <= kUsualFrame) spare_rooms_.push_back(std::move(frame.room));
}

void FrameCrew::write_ready(Lock& lock, FrameCrew& crew, Stream& stream) {
  if (stream.writing_) return;  // who is writing will find this one too
  stream.writing_ = true;
  for (auto next = stream.ready_.find(stream.next_to_write_); next != stream.ready_.end();
       next = stream.ready_.find(stream.next_to_write_)) {
    Compressed frame = std::move(next->second);
    stream.ready_.erase(next);
    std::exception_ptr error;
    if (!stream.error_) {
      lock.unlock();
      try {
        stream.out_.write(frame.bytes);
      } catch (...) {
        error = std::current_exception();
      }
      lock.lock();
    }
    if (error) stream.error_ = error;
    stream.size_ += frame.bytes.size();
    ++stream.next_to_write_;
    crew.pending_ -= frame.raw.size();
    crew.recycle(std::move(frame));
    crew.changed_.notify_all();
  }
  stream.writing_ = false;
  crew.changed_.notify_all();
}

FrameCrew::Stream::~Stream() {
  Lock lock{crew_.mutex_};
  while (next_to_write_ < handed_over_ || writing_) {
    if (!crew_.help(lock)) crew_.changed_.wait(lock);
  }
}

std::string FrameCrew::Stream::buffer() {
  Lock lock{crew_.mutex_};
  std::string buffer;
  if (crew_.spare_.empty()) {
    buffer.reserve(kUsualFrame);
    prefer_large_pages({reinterpret_cast<std::byte*>(buffer.data()), buffer.capacity()});
  } else {
    buffer = std::move(crew_.spare_.back());
    crew_.spare_.pop_back();
  }
  return buffer;
}

void FrameCrew::Stream::frame(std::string raw) {
  Lock lock{crew_.mutex_};
  while (crew_.pending_ >= kMostPending) {
    if (crew_.error_) throw Cancelled{};
    if (!crew_.help(lock)) crew_.changed_.wait(lock);
  }
  if (error_) std::rethrow_exception(error_);
  if (crew_.error_) throw Cancelled{};
  crew_.pending_ += raw.size();
  crew_.frames_.push_back({this, handed_over_++, std::move(raw)});
  crew_.changed_.notify_one();
}

void FrameCrew::Stream::drain() {
  Lock lock{crew_.mutex_};
  while (next_to_write_ < handed_over_ || writing_) {
    if (!crew_.help(lock)) crew_.changed_.wait(lock);
  }
  if (error_) std::rethrow_exception(error_);
}

std::unique_ptr<Sink> FrameCrew::Stream::begin_large() {
  drain();
  Lock lock{crew_.mutex_};
  while (crew_.large_open_) {
    if (crew_.error_) throw Cancelled{};
    if (!crew_.help(lock)) crew_.changed_.wait(lock);
  }
  crew_.large_open_ = true;
  return std::make_unique<Large>(*this);
}

void FrameCrew::Stream::end_large(std::unique_ptr<Sink> sink) { static_cast<Large&>(*sink).finish(); }

}  // namespace kiln::build
