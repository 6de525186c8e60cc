#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <atomic>

#include "base/child_process.h"
#include "base/error.h"
#include "base/file.h"
#include "base/mapping.h"
#include "base/program_output.h"
#include "base/sha256.h"
#include "base/shared_library.h"
#include "base/thread_pool.h"

namespace kiln {
namespace {

TEST(Quoted, EscapesWhatCouldFoolATerminal) {
  EXPECT_EQ(quote("plain"), "'plain'");
  EXPECT_EQ(quote("a\x1b[31m'b\\"), "'a\\x1b[31m\\x27b\\x5c'");
}

TEST(ErrorText, GoesFromOuterStepToCause) {
  const Error error = Error{"digest is ", 1, ", expected ", 2}.within("layer ", 3).within("pulling ", quote("x"));
  EXPECT_EQ(error.message(), "pulling 'x': layer 3: digest is 1, expected 2");
}

TEST(ErrorText, KeepsTheHintNearestToTheCause) {
  EXPECT_EQ(Error{"a"}.with_hint("inner").with_hint("outer").hint(), "inner");
}

TEST(SharedLibrary, SaysWhichLibraryOrFunctionIsMissing) {
  const auto message_of = [](const auto& work) -> std::string {
    try {
      work();
    } catch (const Error& error) {
      return error.message();
    }
    return {};
  };
  EXPECT_THAT(message_of([] { SharedLibrary{"libnosuch.so.1"}; }), testing::StartsWith("cannot load libnosuch.so.1: "));
  const SharedLibrary c{"libc.so.6"};
  EXPECT_THAT(message_of([&] { c.function("no_such"); }), testing::StartsWith("libc.so.6 has no function no_such"));
  const decltype(&::getpid) function = c.function("getpid");
  EXPECT_EQ(function(), ::getpid());
}

TEST(Sha256, KnownValues) {
  EXPECT_EQ(Sha256::of("").hex(), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256::of("abc").hex(), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256::from_hex(Sha256::of("abc").hex()), Sha256::of("abc"));
  EXPECT_EQ(Sha256::from_hex("BA7816"), std::nullopt);
}

TEST(Sha256, HasherStartsAfresh) {
  Sha256Hasher hasher;
  hasher.update("abc");
  hasher.finish();
  EXPECT_EQ(hasher.finish(), Sha256::of(""));
}

TEST(AtomicFile, AppearsOnlyWhenCommitted) {
  TempDir directory;
  const auto path = directory.path() / "file";
  {
    AtomicFile file{path};
    file.sink().write(as_bytes("lost"));
  }
  EXPECT_TRUE(std::filesystem::is_empty(directory.path()));
  write_file(path, "kept", AtomicFile::Durability::power);
  EXPECT_EQ(read_file(path), "kept");
}

TEST(AtomicFile, StaleTemporariesOfDeadProcessesAreRemoved) {
  TempDir directory;
  write_file(directory.path() / ".file.999999999.1.tmp", "");
  write_file(directory.path() / concat(".file.", ::getpid(), ".7.tmp"), "");
  write_file(directory.path() / ".other.tmp", "");
  AtomicFile::remove_stale(directory.path());
  EXPECT_FALSE(std::filesystem::exists(directory.path() / ".file.999999999.1.tmp"));
  EXPECT_TRUE(std::filesystem::exists(directory.path() / concat(".file.", ::getpid(), ".7.tmp")));
  EXPECT_TRUE(std::filesystem::exists(directory.path() / ".other.tmp"));
}

TEST(CopyRange, CopiesAPartAndNoticesAShortFile) {
  TempDir directory;
  write_file(directory.path() / "from", "0123456789");
  UniqueFd from = open_file(directory.path() / "from");
  AtomicFile to{directory.path() / "to"};
  copy_range(from.get(), 2, 5, to.fd(), "from");
  EXPECT_THAT([&] { copy_range(from.get(), 8, 5, to.fd(), "from"); },
              testing::ThrowsMessage<Error>("reading 'from': it ends 3 bytes early"));
  to.commit();
  EXPECT_EQ(read_file(directory.path() / "to"), "2345689");
}

TEST(ReadFile, RefusesMoreThanTheLimit) {
  TempDir directory;
  const auto path = directory.path() / "f";
  write_file(path, "12345");
  EXPECT_EQ(read_file(path, 5), "12345");
  EXPECT_THAT([&] { read_file(path, 4); }, testing::Throws<Error>());
}

TEST(TaskGroup, RethrowsTheEarliestFailure) {
  ThreadPool pool{2};
  TaskGroup group{pool};
  std::atomic<int> ran{0};
  group.run([&] { ++ran; });
  group.run([] { throw Error{"second"}; });
  EXPECT_THAT([&] { group.wait(); }, testing::ThrowsMessage<Error>("second"));
  EXPECT_EQ(ran, 1);
}

TEST(Run, CollectsOutputsStatusAndInput) {
  const CommandResult result = run({{"sh", "-c", "cat; echo problem >&2; exit 3"}, {}, {}, "text"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.output, "text");
  EXPECT_EQ(result.errors, "problem\n");
}

TEST(Run, LargeInputAndOutputDoNotDeadlock) {
  const std::string text(3 << 20, 'x');
  EXPECT_EQ(run_checked({{"cat"}, {}, {}, text}), text);
}

TEST(ProgramOutput, IsReadAsItComes) {
  ProgramOutput output{{{"sh", "-c", "seq 1000000 1010000; echo done >&2"}, {}, {}, {}}};
  StringSink sink;
  copy(output, sink);
  EXPECT_EQ(sink.text().size(), 10001U * 8);
  EXPECT_NO_THROW(output.finish());
}

TEST(ProgramOutput, AFailureIsToldByWhatItSaid) {
  ProgramOutput output{{{"sh", "-c", "yes | head -c 300000; echo problem >&2; exit 3"}, {}, {}, {}}};
  EXPECT_THAT([&] { output.finish(); }, testing::ThrowsMessage<Error>("running 'sh': it ended with status 3: problem"));
}

TEST(ProgramOutput, OneThatNobodyReadsAnyMoreIsEnded) {
  ProgramOutput output{{{"sh", "-c", "exec yes"}, {}, {}, {}}};
  std::array<std::byte, 16> some{};
  EXPECT_GT(output.read(some), 0U);
}

TEST(Run, MissingProgramIsNamed) {
  EXPECT_THAT(
      [] {
        run({{"no-such-program"}, {}, {}, {}});
      },
      testing::ThrowsMessage<Error>("starting 'no-such-program': No such file or directory"));
}

TEST(ChildProcess, ThatDoesNotReadItsInputIsNoProblem) {
  for (int i = 0; i < 20; ++i) {
    const CommandResult result = run({{"true"}, {}, "", std::string(1 << 20, 'x')});
    EXPECT_EQ(result.status, 0);
  }
}

}  // namespace
}  // namespace kiln
