#include "archive/compress.h"

#include <libdeflate.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <limits>
#include <new>
#include <vector>

#include "base/error.h"

// Which gzip. ISA-L, which inflates for us, would be the fastest (100 MB of /usr, one core: -0 0.19 s 38.4 MB, -1 0.23
// s 34.6 MB, -3 0.40 s 33.3 MB), but its output depends on the processor: levels 0 to 2 hash with CRC32 where SSE 4.2
// is there and otherwise not, level 3 has an AVX matcher of its own. Same inputs must give the same bytes on any
// host, so frames are made by libdeflate, which is the same everywhere: -1 0.48 s 32.5 MB, -6 1.24 s 30.0 MB, -9 4.3
// s 29.7 MB, -12 16 s 28.8 MB (zlib -6: 3.1 s, 30.3 MB). It has no streaming; the rare file too large for memory goes
// through zlib.
//
// zstd frames: a window of at most 8 MiB, which is what kernels promise to decode; the content size, so that a reader
// can allocate at once; a checksum, because nothing else tells that a netbooted initramfs was damaged on the wire (gzip
// has its CRC), and four bytes a frame cost next to nothing.

namespace kiln::archive {
namespace {

constexpr int kMaxWindowLog = 23;
// zstd's own choice is four windows, 8 MiB at level 3, of which it holds one more than it has workers, and as much of
// output: 60 MiB for two. A smaller job finds a little less to match (level 3, 100 MB of programs: 0.3 % larger).
constexpr int kZstdJob = 2 << 20;
constexpr int kMaxGzipLevel = 12;
constexpr int kMaxZstdLevel = 22;

void check(std::size_t zstd_code) {
  if (ZSTD_isError(zstd_code) != 0) throw Error{"compressing with zstd: ", ZSTD_getErrorName(zstd_code)};
}

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
using ZstdContext = std::unique_ptr<ZSTD_CCtx, FreeZstd>;

/// The level's own window where it is smaller; the levels from 20 on (and 19 for large inputs) would exceed it.
ZstdContext make_zstd(int level) {
  ZstdContext context{ZSTD_createCCtx()};
  if (!context) throw std::bad_alloc{};
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
  check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1));
  if (level > 19) check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, kMaxWindowLog));
  return context;
}

struct FreeDeflate {
  void operator()(libdeflate_compressor* compressor) const { libdeflate_free_compressor(compressor); }
};
using DeflateContext = std::unique_ptr<libdeflate_compressor, FreeDeflate>;

DeflateContext make_deflate(int level) {
  DeflateContext compressor{libdeflate_alloc_compressor(level)};
  if (!compressor) throw std::bad_alloc{};
  return compressor;
}

}  // namespace

std::string_view codec_name(Codec codec) {
  constexpr std::string_view kNames[] = {"none", "gzip", "zstd"};
  return kNames[static_cast<std::size_t>(codec)];
}

std::optional<Codec> parse_codec(std::string_view name) {
  for (Codec codec : {Codec::none, Codec::gzip, Codec::zstd})
    if (name == codec_name(codec)) return codec;
  return std::nullopt;
}

int default_level(Codec codec) { return codec == Codec::zstd ? 3 : 6; }

void check_level(Codec codec, int level) {
  if (codec == Codec::none) return;
  const int highest = codec == Codec::gzip ? kMaxGzipLevel : kMaxZstdLevel;
  if (level < 1 || level > highest)
    throw Error{codec_name(codec), " has no compression level ", level, ", expected 1 to ", highest};
}

MutableBytes Room::make(std::size_t size) {
  if (size_ < size) {
    bytes_.reset();
    bytes_ = std::make_unique_for_overwrite<std::byte[]>(size);
    size_ = size;
  }
  return {bytes_.get(), size_};
}

struct FrameCompressor::State {
  Codec codec;
  ZstdContext zstd;
  DeflateContext deflate;
};

FrameCompressor::FrameCompressor(Codec codec, int level) : state_{std::make_unique<State>()} {
  check_level(codec, level);
  state_->codec = codec;
  if (codec == Codec::zstd) state_->zstd = make_zstd(level);
  if (codec == Codec::gzip) state_->deflate = make_deflate(level);
}
FrameCompressor::~FrameCompressor() = default;
FrameCompressor::FrameCompressor(FrameCompressor&&) noexcept = default;
FrameCompressor& FrameCompressor::operator=(FrameCompressor&&) noexcept = default;

Bytes FrameCompressor::compress(Bytes raw, Room& room) {
  std::size_t size = 0;
  switch (state_->codec) {
    case Codec::none:
      return raw;
    case Codec::gzip: {
      const MutableBytes to = room.make(libdeflate_gzip_compress_bound(state_->deflate.get(), raw.size()));
      size = libdeflate_gzip_compress(state_->deflate.get(), raw.data(), raw.size(), to.data(), to.size());
      break;
    }
    case Codec::zstd: {
      const MutableBytes to = room.make(ZSTD_compressBound(raw.size()));
      size = ZSTD_compress2(state_->zstd.get(), to.data(), to.size(), raw.data(), raw.size());
      check(size);
      break;
    }
  }
  return room.make(size).first(size);
}

struct StreamCompressor::State {
  State(Codec codec_, Sink& to_) : codec{codec_}, to{to_} {}
  ~State() {
    if (zlib_ready) deflateEnd(&zlib);
  }
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  void run_zstd(Bytes raw, ZSTD_EndDirective directive) {
    ZSTD_inBuffer in{raw.data(), raw.size(), 0};
    for (;;) {
      ZSTD_outBuffer target{buffer.data(), buffer.size(), 0};
      const std::size_t left = ZSTD_compressStream2(zstd.get(), &target, &in, directive);
      check(left);
      emit(target.pos);
      if (directive == ZSTD_e_end ? left == 0 : in.pos == in.size) return;
    }
  }

  void run_zlib(Bytes raw, int flush) {
    do {
      const auto size = static_cast<uInt>(std::min<std::size_t>(raw.size(), std::numeric_limits<uInt>::max() / 2));
      zlib.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(raw.data()));
      zlib.avail_in = size;
      raw = raw.subspan(size);
      run_zlib_piece(raw.empty() ? flush : Z_NO_FLUSH);
    } while (!raw.empty());
  }

  void run_zlib_piece(int flush) {
    do {
      zlib.next_out = reinterpret_cast<Bytef*>(buffer.data());
      zlib.avail_out = static_cast<uInt>(buffer.size());
      deflate(&zlib, flush);
      emit(buffer.size() - zlib.avail_out);
    } while (zlib.avail_out == 0);
  }

  void emit(std::size_t size) {
    if (size > 0) to.write(Bytes{buffer}.first(size));
  }

  Codec codec;
  Sink& to;
  std::vector<std::byte> buffer = std::vector<std::byte>(256 * 1024);
  ZstdContext zstd;
  z_stream zlib = {};
  bool zlib_ready = false;
};

StreamCompressor::StreamCompressor(Codec codec, int level, Sink& to, unsigned threads)
    : state_{std::make_unique<State>(codec, to)} {
  check_level(codec, level);
  if (codec == Codec::zstd) {
    state_->zstd = make_zstd(level);
    // Always with workers, even one: their jobs are cut by position in the input, so the bytes are the same for any
    // number of them but differ from those made without.
    const int workers = static_cast<int>(std::clamp(threads, 1U, 64U));
    check(ZSTD_CCtx_setParameter(state_->zstd.get(), ZSTD_c_nbWorkers, workers));
    check(ZSTD_CCtx_setParameter(state_->zstd.get(), ZSTD_c_jobSize, kZstdJob));
  }
  if (codec == Codec::gzip) {
    constexpr int kGzip = 16, kMemory = 8;
    if (deflateInit2(&state_->zlib, std::min(level, 9), Z_DEFLATED, MAX_WBITS + kGzip, kMemory, Z_DEFAULT_STRATEGY) !=
        Z_OK)
      throw std::bad_alloc{};
    state_->zlib_ready = true;
  }
}
StreamCompressor::~StreamCompressor() = default;

void StreamCompressor::write(Bytes raw) {
  if (raw.empty()) return;
  switch (state_->codec) {
    case Codec::none:
      state_->to.write(raw);
      break;
    case Codec::gzip:
      state_->run_zlib(raw, Z_NO_FLUSH);
      break;
    case Codec::zstd:
      state_->run_zstd(raw, ZSTD_e_continue);
      break;
  }
}

void StreamCompressor::finish() {
  if (state_->codec == Codec::gzip) state_->run_zlib({}, Z_FINISH);
  if (state_->codec == Codec::zstd) state_->run_zstd({}, ZSTD_e_end);
}

}  // namespace kiln::archive
