#pragma once

#include <string>
#include <string_view>

#include "base/errno.h"
#include "base/log.h"

namespace guest {

/// One line of the xattr table.
struct XattrRecord {
  std::string path;
  std::string name;
  std::string value;  ///< raw bytes
  friend bool operator==(const XattrRecord&, const XattrRecord&) = default;
};

/// The xattr table carries what the newc archive cannot: extended attributes such as file capabilities. Text, one
/// record a line:
///
///     PATH TAB NAME TAB VALUE LF
///
/// PATH is absolute; in it and in NAME bytes up to 0x20, the backslash and bytes from 0x7f on are written \ooo (three
/// octal digits). VALUE is in hexadecimal, two digits a byte. False if `line` is not of this form.
bool parse_xattr_line(std::string_view line, XattrRecord& record);

inline constexpr char kXattrTable[] = "/.kiln/xattrs";

/// Sets every attribute of the table below the current root, then removes the table. Failures are logged one by one.
void apply_xattr_table(Log& log);

}  // namespace guest
