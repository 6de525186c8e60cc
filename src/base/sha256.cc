#include "base/sha256.h"

#include <openssl/evp.h>

#include <new>

#include "base/error.h"

namespace kiln {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

}  // namespace

std::string Sha256::hex() const {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string out;
  out.reserve(2 * bytes.size());
  for (std::byte b : bytes) {
    out += kHex[static_cast<unsigned>(b) >> 4];
    out += kHex[static_cast<unsigned>(b) & 15];
  }
  return out;
}

std::optional<Sha256> Sha256::from_hex(std::string_view hex) {
  Sha256 value;
  if (hex.size() != 2 * value.bytes.size()) return std::nullopt;
  for (std::size_t i = 0; i < value.bytes.size(); ++i) {
    const int high = hex_digit(hex[2 * i]);
    const int low = hex_digit(hex[2 * i + 1]);
    if (high < 0 || low < 0) return std::nullopt;
    value.bytes[i] = static_cast<std::byte>(high << 4 | low);
  }
  return value;
}

Sha256 Sha256::of(Bytes data) {
  Sha256Hasher hasher;
  hasher.update(data);
  return hasher.finish();
}

struct Sha256Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() {
    if (context == nullptr) throw std::bad_alloc{};
    start();
  }
  ~State() { EVP_MD_CTX_free(context); }
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  void start() {
    // Fetched once: looking the algorithm up costs more than hashing a small file.
    static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
    if (EVP_DigestInit_ex(context, algorithm, nullptr) != 1) throw Error{"SHA-256 is not available from OpenSSL"};
  }
};

Sha256Hasher::Sha256Hasher() : state_{std::make_unique<State>()} {}
Sha256Hasher::~Sha256Hasher() = default;
Sha256Hasher::Sha256Hasher(Sha256Hasher&&) noexcept = default;
Sha256Hasher& Sha256Hasher::operator=(Sha256Hasher&&) noexcept = default;

void Sha256Hasher::update(Bytes data) { EVP_DigestUpdate(state_->context, data.data(), data.size()); }

Sha256 Sha256Hasher::finish() {
  Sha256 value;
  EVP_DigestFinal_ex(state_->context, reinterpret_cast<unsigned char*>(value.bytes.data()), nullptr);
  state_->start();
  return value;
}

}  // namespace kiln
