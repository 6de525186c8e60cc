#include "build/indexing_observer.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>

#include "archive/decompress.h"
#include "base/error.h"
#include "base/file.h"
#include "tree/layer_index.h"

namespace kiln::build {
namespace {

/// Bytes from one thread to another, at most kCapacity of them under way.
class BytePipe final : public Source {
 public:
  /// Waits for room. Does nothing once nobody reads any more.
  void write(Bytes data) {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return size_ < kCapacity || abandoned_; });
    if (abandoned_ || data.empty()) return;
    chunks_.emplace_back(data.begin(), data.end());
    size_ += data.size();
    changed_.notify_all();
  }
  void close() { set(closed_); }
  void abandon() { set(abandoned_); }

  std::size_t read(MutableBytes into) override {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return !chunks_.empty() || closed_ || abandoned_; });
    if (chunks_.empty()) return 0;
    const Bytes rest = Bytes{chunks_.front()}.subspan(read_);
    const std::size_t size = std::min(rest.size(), into.size());
    std::copy_n(rest.begin(), size, into.begin());
    read_ += size;
    if (read_ == chunks_.front().size()) {
      size_ -= read_;
      read_ = 0;
      chunks_.pop_front();
      changed_.notify_all();
    }
    return size;
  }

 private:
  static constexpr std::size_t kCapacity = 2 << 20;

  void set(bool& flag) {
    std::lock_guard lock{mutex_};
    flag = true;
    changed_.notify_all();
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::vector<std::byte>> chunks_;
  std::size_t size_ = 0;
  std::size_t read_ = 0;  ///< of the first chunk
  bool closed_ = false;
  bool abandoned_ = false;
};

class IndexingSink final : public oci::LayerSink {
 public:
  IndexingSink(const std::filesystem::path& path, const oci::Descriptor& layer)
      : file_{path}, name_{layer.digest.to_string()}, size_{layer.size}, thread_{[this] { index(); }} {}

  ~IndexingSink() override {
    pipe_.abandon();
    if (thread_.joinable()) thread_.join();
  }

  void write(Bytes data) override { pipe_.write(data); }

  void commit() override {
    pipe_.close();
    thread_.join();
    if (complete_) file_.commit();
  }

 private:
  void index() {
    try {
      archive::FramePoints points;
      const std::unique_ptr<Source> tar = archive::decompress(pipe_, name_, &points);
      tree::LayerLimits limits;
      limits.compressed_size = size_;
      tree::write_layer_index(*tar, file_.sink(), limits, &points);
      complete_ = true;
    } catch (const std::exception&) {
      pipe_.abandon();  // the download goes on; whoever needs the index makes it again and reports the error
    }
  }

  AtomicFile file_;
  std::string name_;
  std::uint64_t size_;
  BytePipe pipe_;
  bool complete_ = false;  ///< written by the thread, read after it ended
  std::thread thread_;     ///< last: it uses the others
};

}  // namespace

std::unique_ptr<oci::LayerSink> IndexingObserver::begin_layer(const oci::Descriptor& layer) {
  return std::make_unique<IndexingSink>(directory_ / layer.digest.hex(), layer);
}

}  // namespace kiln::build
