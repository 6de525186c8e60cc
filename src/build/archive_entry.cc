#include "build/archive_entry.h"

#include <sys/stat.h>

#include <algorithm>
#include <limits>

#include "archive/cpio_writer.h"
#include "archive/tar_writer.h"
#include "base/error.h"

namespace kiln::build {
namespace {

using tree::Kind;

std::uint32_t type_bits(Kind kind) {
  switch (kind) {
    case Kind::directory:
      return S_IFDIR;
    case Kind::regular:
    case Kind::hard_link:
      return S_IFREG;
    case Kind::symlink:
      return S_IFLNK;
    case Kind::char_device:
      return S_IFCHR;
    case Kind::block_device:
      return S_IFBLK;
    case Kind::fifo:
      return S_IFIFO;
  }
  return 0;
}

char type_flag(Kind kind) {
  switch (kind) {
    case Kind::directory:
      return '5';
    case Kind::regular:
      return '0';
    case Kind::hard_link:
      return '1';
    case Kind::symlink:
      return '2';
    case Kind::char_device:
      return '3';
    case Kind::block_device:
      return '4';
    case Kind::fifo:
      return '6';
  }
  return '0';
}

constexpr std::uint64_t kMost32 = std::numeric_limits<std::uint32_t>::max();

void append_cpio(std::string& out, const ArchiveEntry& entry) {
  if (entry.size > kMost32) {
    throw Error{"file ", quote(entry.path), " has ", entry.size, " bytes: an initramfs holds files of less than 4 GiB"}
        .with_hint("put it on a disk, or build a format with a file system");
  }
  const bool symlink = entry.kind == Kind::symlink;
  archive::CpioHeader header;
  header.path = entry.path;
  header.mode = type_bits(entry.kind) | entry.meta.mode;
  header.uid = entry.meta.uid;
  header.gid = entry.meta.gid;
  header.nlink = entry.kind == Kind::directory ? 2 : entry.nlink;
  header.mtime = static_cast<std::uint32_t>(std::clamp<std::int64_t>(entry.meta.mtime, 0, kMost32));
  header.size = static_cast<std::uint32_t>(symlink ? entry.link.size() : entry.size);
  header.dev_major = entry.identity[0];
  header.dev_minor = entry.identity[1];
  header.ino = entry.identity[2];
  header.rdev_major = entry.meta.rdev_major;
  header.rdev_minor = entry.meta.rdev_minor;
  archive::append_cpio_header(out, header);
  if (symlink) {
    out += entry.link;
    out.append(archive::cpio_padding(entry.link.size()), '\0');
  }
}

void append_tar(std::string& out, const ArchiveEntry& entry) {
  archive::TarHeader header;
  header.path = entry.path;
  header.type = type_flag(entry.kind);
  header.mode = entry.meta.mode;
  header.uid = entry.meta.uid;
  header.gid = entry.meta.gid;
  header.size = entry.size;
  header.mtime = entry.meta.mtime;
  header.mtime_nsec = entry.meta.mtime_nsec;
  header.rdev_major = entry.meta.rdev_major;
  header.rdev_minor = entry.meta.rdev_minor;
  header.link = entry.link;
  header.user_name = entry.user_name;
  header.group_name = entry.group_name;
  for (const tree::Xattr& xattr : entry.xattrs) {
    header.records.emplace_back(concat("SCHILY.xattr.", xattr.name), xattr.value);
  }
  header.records.insert(header.records.end(), entry.records.begin(), entry.records.end());
  archive::append_tar_header(out, header);
}

}  // namespace

void append_header(ArchiveKind kind, std::string& out, const ArchiveEntry& entry) {
  kind == ArchiveKind::cpio ? append_cpio(out, entry) : append_tar(out, entry);
}

std::size_t padding_after(ArchiveKind kind, std::uint64_t size) {
  return kind == ArchiveKind::cpio ? archive::cpio_padding(size) : archive::tar_padding(size);
}

std::string_view archive_end(ArchiveKind kind) {
  return kind == ArchiveKind::cpio ? archive::cpio_trailer() : archive::tar_end();
}

}  // namespace kiln::build
