#include "base/file.h"
#include "format/format.h"

namespace kiln::format {
namespace {

class CountingSink final : public Sink {
 public:
  explicit CountingSink(Sink& to) : to_{to} {}
  void write(Bytes data) override {
    to_.write(data);
    size_ += data.size();
  }
  std::uint64_t size() const { return size_; }

 private:
  Sink& to_;
  std::uint64_t size_ = 0;
};

}  // namespace

void write_tar(build::Build& build, const std::filesystem::path& base, OutputSet& outputs) {
  AtomicFile* file = outputs.begin(base.native() + ".tar", build.tar_key());
  if (file == nullptr) return;
  CountingSink counting{file->sink()};
  build.write_tar(counting);
  outputs.end(counting.size());
}

}  // namespace kiln::format
