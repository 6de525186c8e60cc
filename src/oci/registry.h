#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/stream.h"
#include "oci/descriptor.h"
#include "oci/reference.h"
#include "oci/registry_options.h"

namespace kiln::oci {

/// A manifest or index as a registry holds it.
struct Document {
  Descriptor descriptor;  ///< media type, digest and size of `content`
  std::string content;
};

/// The registry will not let us, whatever credentials we have.
class AccessDenied : public Error {
 public:
  explicit AccessDenied(Error error) : Error{std::move(error)} {}
};

/// The registry does not answer, and did not for a while: what is in the store may do.
class RegistryUnreachable : public Error {
 public:
  explicit RegistryUnreachable(Error error) : Error{std::move(error)} {}
};

/// How a blob got to a registry.
enum class Pushed { present, mounted, uploaded };

/// What Kiln asks of registries (distribution-spec). Of references only the repository counts unless a tag or digest is
/// asked for. Methods retry by themselves what may pass and throw Error for what does not; they are thread-safe.
class Registry {
 public:
  virtual ~Registry() = default;

  /// The manifest or index under the reference's digest, else its tag, else `latest`; nothing if it does not exist.
  /// The content has the digest that was asked for.
  virtual std::optional<Document> manifest(const Reference& reference) = 0;
  /// The same without the content: a cheap way to see whether a tag has moved.
  virtual std::optional<Descriptor> manifest_descriptor(const Reference& reference) = 0;

  /// Writes the bytes from `offset` to the end of the blob, in order and each once, whatever breaks meanwhile. The
  /// caller checks the digest; more or fewer bytes than the descriptor says are an error.
  virtual void blob(const Reference& repository, const Descriptor& blob, std::uint64_t offset, Sink& sink) = 0;
  /// Says that what blob() wrote does not have the blob's digest. Whether it may be another time: then there is a place
  /// which was not asked yet.
  virtual bool reject(const Descriptor& blob) {
    static_cast<void>(blob);
    return false;
  }

  /// Uploads the blob that is the whole of `file`, unless the registry has it or can mount it from `mount_from`.
  virtual Pushed push_blob(const Reference& repository, const Descriptor& blob, int file,
                           const std::optional<Reference>& mount_from) = 0;
  /// Stores a manifest under the reference's tag, else its digest, else `latest`.
  virtual void push_manifest(const Reference& reference, const std::string& content, const std::string& media_type) = 0;
};

class BlobReceiver;
class MirrorState;
class Session;
struct Endpoint;

/// Registries on the network, and their mirrors: a mirror that does not have something, or fails, is passed over for
/// the next and at last for the registry itself, in the middle of a blob too.
class HttpRegistry final : public Registry {
 public:
  explicit HttpRegistry(RegistryOptions options);
  ~HttpRegistry() override;

  std::optional<Document> manifest(const Reference& reference) override;
  std::optional<Descriptor> manifest_descriptor(const Reference& reference) override;
  void blob(const Reference& repository, const Descriptor& blob, std::uint64_t offset, Sink& sink) override;
  bool reject(const Descriptor& blob) override;
  Pushed push_blob(const Reference& repository, const Descriptor& blob, int file,
                   const std::optional<Reference>& mount_from) override;
  void push_manifest(const Reference& reference, const std::string& content, const std::string& media_type) override;

  /// "https://host/v2/REPOSITORY" of the registry itself: what is below it others can be pointed to.
  std::string base_url(const Reference& repository);

 private:
  std::vector<Endpoint> endpoints_of(const Reference& reference);
  template <typename Step>
  auto read(const Reference& reference, const Digest* blob, const Step& step);
  std::optional<Document> manifest_at(const Endpoint& endpoint);
  std::optional<Descriptor> descriptor_at(const Endpoint& endpoint);
  bool blob_at(const Endpoint& endpoint, const Descriptor& blob, BlobReceiver& receiver);

  std::unique_ptr<Session> session_;
  std::unique_ptr<MirrorState> mirrors_;
};

}  // namespace kiln::oci
