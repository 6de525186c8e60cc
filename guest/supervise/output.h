#pragma once

#include <string>
#include <string_view>

#include "base/errno.h"
#include "base/log.h"
#include "base/unique_fd.h"
#include "supervise/log_file.h"

namespace guest {

/// One output stream of a container: a pipe whose other end the container holds, copied to a bounded log file and, for
/// one-shot containers, line by line to the console.
class Output {
 public:
  /// `echo` may be null.
  Output(std::string path, Log* echo) : file_(std::move(path)), echo_(echo) {}

  /// Makes a fresh pipe; `write_end` is for the container and should be closed here once it has it.
  Errno open(UniqueFd& write_end);
  /// -1 once the stream has ended.
  int fd() const { return read_end_.get(); }
  /// Copies what is there, a bounded amount a call so that one noisy container cannot starve the others. False at the
  /// end.
  bool copy();
  /// Copies everything the pipe holds now and prints an unfinished last line.
  void drain();
  void close() { read_end_.reset(); }
  /// The end of what the stream carried since open(), one line for a message about a failed start.
  std::string tail() const;
  const std::string& path() const { return file_.path(); }

 private:
  /// Reads once. 1: got some; 0: nothing now; -1: the stream has ended.
  int read_some();
  void show(std::string_view data);

  LogFile file_;
  Log* echo_;
  UniqueFd read_end_;
  std::string partial_;
  std::string tail_;
};

}  // namespace guest
