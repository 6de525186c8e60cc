#include "oci/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>
#include <random>

#include "base/error.h"
#include "oci/testing.h"

namespace kiln::oci {
namespace {

using namespace testing_;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

const std::string kText = "application/octet-stream";

TEST(Store, BlobsAreFoundByDigest) {
  TempDir directory;
  Store store{directory.path() / "store"};
  const Descriptor abc = store.put("abc", kText);
  EXPECT_EQ(abc.digest, Digest::of("abc"));
  EXPECT_TRUE(store.has(abc));
  EXPECT_EQ(store.read(abc), "abc");
  EXPECT_FALSE(store.has(describe("abd", kText)));
  Store again{directory.path() / "store"};
  EXPECT_EQ(again.read(abc), "abc");
  EXPECT_THAT([&] { store.open(describe("abd", kText)); }, ThrowsMessage<Error>(HasSubstr("No such file")));
}

TEST(Store, WriterRefusesWhatHasAnotherDigestOrSize) {
  TempDir directory;
  Store store{directory.path()};
  {
    Store::Writer writer = store.write();
    writer.write(as_bytes("abc"));
    EXPECT_THAT([&] { writer.commit(describe("abd", kText)); },
                ThrowsMessage<Error>(
                    concat("digest is ", Digest::of("abc").to_string(), ", expected ", Digest::of("abd").to_string())));
  }
  {
    Store::Writer writer = store.write();
    writer.write(as_bytes("abc"));
    EXPECT_THAT([&] { writer.commit(describe("abcd", kText)); }, ThrowsMessage<Error>("size is 3 bytes, expected 4"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path() / "blobs" / "sha256"));
  EXPECT_TRUE(std::filesystem::is_empty(store.derived_directory("incoming")));
}

TEST(Store, DamagedBlobsAreNoticed) {
  TempDir directory;
  Store store{directory.path()};
  const Descriptor abc = store.put("abc", kText);
  write_file(store.blob_path(abc.digest), "abX");
  EXPECT_THAT([&] { store.read(abc); }, ThrowsMessage<Error>(HasSubstr("expected " + abc.digest.to_string())));
  write_file(store.blob_path(abc.digest), "ab");
  EXPECT_FALSE(store.has(abc));
  EXPECT_THAT([&] { store.read(abc); },
              ThrowsMessage<Error>("blob " + abc.digest.to_string() + ": it has 2 bytes, expected 3"));
}

TEST(Store, NamesAreReplacedAndRemoved) {
  TempDir directory;
  Store store{directory.path()};
  store.set("localhost/a:1", store.put("one", kText));
  store.set("localhost/b:1", store.put("two", kText));
  store.set("localhost/a:1", store.put("three", kText));
  EXPECT_EQ(store.find("localhost/a:1")->digest, Digest::of("three"));
  EXPECT_EQ(store.find("localhost/a"), std::nullopt);
  EXPECT_EQ(store.names().size(), 2u);
  EXPECT_TRUE(store.remove("localhost/a:1"));
  EXPECT_FALSE(store.remove("localhost/a:1"));
  EXPECT_EQ(store.names().size(), 1u);
}

TEST(Store, ForeignEntriesAndMembersSurviveAChange) {
  TempDir directory;
  Store store{directory.path()};
  const std::string sha512 = "sha512:" + std::string(128, '0');
  const std::string digest = Digest::of("x").to_string();
  write_file(directory.path() / "index.json",
             R"({"schemaVersion":2,"x-member":[1,{"y":null}],"manifests":[
               {"digest":")" +
                 digest + R"(","size":1,"mediaType":"a/b","urls":["u"]},
               {"digest":")" +
                 sha512 + R"(","size":1,"annotations":{"org.opencontainers.image.ref.name":"strange"}},
               {"digest":")" +
                 digest + R"(","size":1,"annotations":{"org.opencontainers.image.ref.name":"busybox:1"}},
               7]})");
  EXPECT_THAT(store.names(), testing::SizeIs(1));
  store.set("localhost/a:1", store.put("one", kText));
  const std::string after = read_file(directory.path() / "index.json");
  for (const char* kept : {"x-member", "\"y\": null", "\"urls\"", "sha512:", "\"strange\"", "busybox:1", "   7"}) {
    EXPECT_THAT(after, HasSubstr(kept));
  }
  EXPECT_THAT(store.names(), testing::SizeIs(2));
}

TEST(Store, ShortNamesOfOtherToolsAreFound) {
  TempDir directory;
  Store store{directory.path()};
  const std::string canonical = Reference::parse("busybox:1").canonical();
  store.set("busybox:1", store.put("short", kText));
  EXPECT_EQ(store.find(canonical)->digest, Digest::of("short"));
  EXPECT_EQ(store.find(Reference::parse("other/busybox:1").canonical()), std::nullopt);
  store.set(canonical, store.put("exact", kText));
  EXPECT_EQ(store.find(canonical)->digest, Digest::of("exact"));
  EXPECT_TRUE(store.remove(canonical));
  EXPECT_EQ(store.find(canonical), std::nullopt);
}

TEST(Store, DirectoriesThatAreNoLayout) {
  TempDir directory;
  write_file(directory.path() / "letter.txt", "");
  EXPECT_THAT([&] { Store{directory.path()}; },
              ThrowsMessage<Error>(HasSubstr("the directory has other files and no 'oci-layout'")));
  EXPECT_THAT([&] { Store{directory.path() / "letter.txt" / "x"}; },
              ThrowsMessage<Error>(HasSubstr("Not a directory")));
  write_file(directory.path() / "oci-layout", R"({"imageLayoutVersion":"2.0.0"})");
  EXPECT_THAT([&] { Store{directory.path()}; }, ThrowsMessage<Error>(HasSubstr("version '2.0.0', expected 1.0.0")));
}

struct BadIndex {
  std::string json;
  std::string complaint;
};

TEST(Store, BadIndexFiles) {
  TempDir directory;
  Store store{directory.path()};
  const BadIndex cases[] = {
      {"", "it is empty, expected JSON"},
      {"{", "it is not valid JSON: syntax error or truncation at byte 2 of 1"},
      {"[]", "expected an object, got an array"},
      {R"({"manifests":{}})", "manifests: expected an array, got an object"},
  };
  for (const BadIndex& bad : cases) {
    write_file(directory.path() / "index.json", bad.json);
    const auto message = ThrowsMessage<Error>(quote((directory.path() / "index.json").native()) + ": " + bad.complaint);
    EXPECT_THAT([&] { store.names(); }, message);
    EXPECT_THAT([&] { store.set("a", describe("x", kText)); }, message);
  }
}

TEST(Store, VerifyFindsEveryDamage) {
  TempDir directory;
  Store store{directory.path()};
  const TestImage arm64 = make_image("arm64", {"layer 1", "layer 2"});
  const TestImage amd64 = make_image("amd64", {"layer 1", "layer 3"});
  put_image(store, arm64);
  store.set("localhost/a", store.put(make_index({arm64, amd64}), media_type::kIndex));
  EXPECT_THAT(store.verify(), IsEmpty());  // the other platform was never fetched
  write_file(store.blob_path(Digest::of("layer 1")), "Layer 1");
  std::filesystem::remove(store.blob_path(Digest::of("layer 2")));
  EXPECT_THAT(
      store.verify(),
      ElementsAre(concat("'localhost/a': layer 1 of 2: blob ", Digest::of("layer 1").to_string(),
                         " has the content of ", Digest::of("Layer 1").to_string()),
                  concat("'localhost/a': layer 2 of 2: blob ", Digest::of("layer 2").to_string(), " is missing")));
}

// --- several writers -------------------------------------------------------------------------------------------

template <typename Work>
pid_t in_child(Work work) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  int status = 1;
  try {
    work();
    status = 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "in a child: %s\n", error.what());
  }
  ::_exit(status);
}

TEST(Store, ConcurrentWritersLoseNoName) {
  TempDir directory;
  constexpr int kProcesses = 4;
  constexpr int kThreads = 2;
  constexpr int kNames = 8;
  const auto write_names = [&](int writer) {
    Store store{directory.path() / "store"};
    for (int i = 0; i < kNames; ++i) {
      store.set(concat("localhost/", writer, ":", i), store.put(concat("shared ", i), kText));
    }
  };
  std::vector<pid_t> children;
  for (int process = 0; process < kProcesses; ++process) {
    children.push_back(in_child([&] {
      auto other = std::async(std::launch::async, write_names, process * kThreads + 1);
      write_names(process * kThreads);
      other.get();
    }));
  }
  for (pid_t child : children) {
    int status = -1;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
  }
  Store store{directory.path() / "store"};
  EXPECT_EQ(store.names().size(), std::size_t{kProcesses * kThreads * kNames});
  EXPECT_THAT(store.verify(), IsEmpty());
}

TEST(Store, AFullDiskLeavesItGood) {
  TempDir directory;
  const Descriptor kept = Store{directory.path()}.put("kept", kText);
  Store{directory.path()}.set("localhost/kept", kept);
  const pid_t child = in_child([&] {
    ::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{100, 100};  // bytes a file may have: writing more fails as on a full disk
    ::setrlimit(RLIMIT_FSIZE, &limit);
    Store store{directory.path()};
    const auto fails = [](auto work) {
      try {
        work();
      } catch (const SysError& error) {
        if (error.error_number() == EFBIG) return;
      }
      ::_exit(2);
    };
    fails([&] { store.put(std::string(300'000, 'x'), kText); });
    fails([&] { store.set("localhost/lost", kept); });
  });
  int status = -1;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  Store store{directory.path()};
  EXPECT_THAT(store.names(), testing::SizeIs(1));
  EXPECT_THAT(store.verify(), IsEmpty());
  EXPECT_TRUE(std::filesystem::is_empty(store.derived_directory("incoming")));
}

TEST(Store, KilledWritersLeaveItGood) {
  TempDir directory;
  const auto write_images = [&] {
    for (int i = 0;; ++i) {
      Store store{directory.path() / "store"};
      const TestImage image =
          make_image("arm64", {std::string(300'000, static_cast<char>(i)), concat("layer ", i % 7)});
      put_image(store, image);
      store.set(concat("localhost/image:", i % 5), image.descriptor);
    }
  };
  std::mt19937 random{1};
  for (int round = 0; round < 60; ++round) {
    const pid_t child = in_child(write_images);
    // The first gets something done, however busy the machine is.
    while (round == 0 && Store{directory.path() / "store"}.names().empty()) ::usleep(1000);
    ::usleep(static_cast<useconds_t>(500 + random() % 30'000));
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    Store store{directory.path() / "store"};
    ASSERT_THAT(store.verify(), IsEmpty()) << "round " << round;
  }
  Store store{directory.path() / "store"};
  EXPECT_THAT(store.names(), testing::Not(IsEmpty()));
  EXPECT_TRUE(std::filesystem::is_empty(store.derived_directory("incoming")));
}

}  // namespace
}  // namespace kiln::oci
