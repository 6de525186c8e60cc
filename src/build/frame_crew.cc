#include "build/frame_crew.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "base/error.h"
#include "base/large_pages.h"

namespace kiln::build {
namespace {

/// Thrown in a task because another one failed; never shown.
struct Cancelled {};

}  // namespace

/// One frame that is compressed as a stream. What comes out before the frames that stand in front of it are written is
/// held back; when it is too much, the producer helps with those.
class FrameCrew::Stream::Large final : public Sink {
 public:
  explicit Large(Stream& stream) : stream_{stream}, out_{*this} {
    const Compression& how = crew().compression();
    if (how.codec != archive::Codec::none) {
      compressor_ = std::make_unique<archive::StreamCompressor>(how.codec, how.level, out_, crew().threads());
    }
    number_ = stream.handed_over_++;
  }
  ~Large() override {
    compressor_.reset();
    Lock lock{crew().mutex_};
    wait_for_turn(lock);
    ++stream_.next_to_write_;
    write_ready(lock, crew(), stream_);
    crew().large_open_ = false;
    crew().changed_.notify_all();
  }
  Large(const Large&) = delete;
  Large& operator=(const Large&) = delete;

  void write(Bytes data) override { compressor_ ? compressor_->write(data) : out_.write(data); }
  void finish() {
    if (compressor_) compressor_->finish();
    Lock lock{crew().mutex_};
    wait_for_turn(lock);
    write_held(lock);
  }

 private:
  static constexpr std::size_t kMostHeld = 4 << 20;

  /// Behind the compressor.
  struct Out final : Sink {
    explicit Out(Large& to) : large{to} {}
    void write(Bytes data) override { large.put(data); }
    Large& large;
  };

  FrameCrew& crew() const { return stream_.crew_; }

  bool has_turn() const { return stream_.next_to_write_ == number_ && !stream_.writing_; }

  void wait_for_turn(Lock& lock) {
    while (!has_turn()) {
      if (!crew().help(lock)) crew().changed_.wait(lock);
    }
  }

  void put(Bytes data) {
    Lock lock{crew().mutex_};
    if (held_.size() + data.size() > kMostHeld) wait_for_turn(lock);
    if (has_turn()) {
      write_held(lock);
      write_out(data);
    } else {
      held_.append(as_text(data));
    }
  }

  /// Ends the lock: whoever has the turn is the only one who writes.
  void write_held(Lock& lock) {
    if (stream_.error_) std::rethrow_exception(stream_.error_);
    lock.unlock();
    write_out(as_bytes(held_));
    held_.clear();
  }

  void write_out(Bytes data) {
    stream_.out_.write(data);
    stream_.size_ += data.size();
  }

  Stream& stream_;
  std::uint64_t number_ = 0;
  Out out_;
  std::string held_;
  std::unique_ptr<archive::StreamCompressor> compressor_;
};

FrameCrew::FrameCrew(unsigned threads, const Compression& compression)
    : threads_{threads},
      compression_{compression},
      most_pending_{std::min(kMostPending, (threads + 3) * kUsualFrame)} {}

void FrameCrew::run(std::vector<std::function<void()>> tasks) {
  tasks_ = std::move(tasks);
  next_task_ = 0;
  std::vector<std::thread> threads;
  for (unsigned i = 1; i < threads_; ++i) threads.emplace_back([this] { work(); });
  work();
  for (std::thread& thread : threads) thread.join();
  if (error_) std::rethrow_exception(std::exchange(error_, nullptr));
}

void FrameCrew::cancel() {
  const Lock lock{mutex_};
  if (!error_) error_ = std::make_exception_ptr(Cancelled{});
  changed_.notify_all();
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

/// Whether a producer had better compress: every thread will find a frame to compress, or memory is full of them.
bool FrameCrew::crowded() const { return frames_.size() >= threads_ || pending_ >= most_pending_; }

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
  pending_ -= compressed.raw.size();
  pending_ += compressed.bytes.size();
  if (compressed.bytes.data() != as_bytes(compressed.raw).data()) recycle(std::exchange(compressed.raw, {}));
  stream.ready_.emplace(frame.number, std::move(compressed));
  write_ready(lock, *this, stream);
}

// Not what an unusually large frame made: it would stay that large, and soon all would be.

void FrameCrew::recycle(std::string raw) {
  if (raw.empty() || raw.capacity() > kUsualFrame) return;
  raw.clear();
  spare_.push_back(std::move(raw));
}

void FrameCrew::recycle(archive::Room room) {
  if (room.size() > 0 && room.size() <= kUsualFrame) spare_rooms_.push_back(std::move(room));
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
    crew.pending_ -= frame.bytes.size();
    crew.recycle(std::move(frame.raw));
    crew.recycle(std::move(frame.room));
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
  while (crew_.crowded()) {
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

bool FrameCrew::Stream::is_drained() const {
  const Lock lock{crew_.mutex_};
  return next_to_write_ == handed_over_ && !writing_;
}

std::unique_ptr<Sink> FrameCrew::Stream::begin_large() {
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
