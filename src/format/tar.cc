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

std::vector<Output> write_tar(build::Build& build, const std::filesystem::path& base) {
  AtomicFile file{base.native() + ".tar"};
  CountingSink counting{file.sink()};
  build.write_tar(counting);
  std::vector<Output> outputs;
  outputs.push_back({std::move(file), counting.size()});
  return outputs;
}

}  // namespace kiln::format
