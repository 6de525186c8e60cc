#pragma once

#include <chrono>
#include <string>
#include <string_view>

namespace kiln::cli {

/// A point in time in local time, by strftime's format.
std::string formatted_time(std::chrono::system_clock::time_point time, const char* format);

/// A line as LinuxKit's logger writes it: `time="2017-04-12T12:26:40Z" level=info msg="Add files:"`, and the line's
/// end.
std::string log_line(std::chrono::system_clock::time_point time, std::string_view level, std::string_view message);

}  // namespace kiln::cli
