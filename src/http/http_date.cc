#include "http/http_date.h"

#include <algorithm>
#include <array>
#include <utility>

#include "http/syntax.h"

namespace kiln::http {
namespace {

constexpr std::array<std::string_view, 7> kDays = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

/// Reads the fields of a date in turn; once something does not fit, everything that follows fails.
class Fields {
 public:
  explicit Fields(std::string_view text) : rest_{text} {}

  void skip(std::string_view expected) {
    good_ = good_ && rest_.starts_with(expected);
    if (good_) rest_.remove_prefix(expected.size());
  }
  void skip_past(char separator) {
    const std::size_t at = rest_.find(separator);
    good_ = good_ && at != std::string_view::npos;
    if (good_) rest_.remove_prefix(at + 1);
  }
  int number(std::size_t digits) {
    const auto value = parse_number(take(digits));
    good_ = good_ && value.has_value();
    return good_ ? static_cast<int>(*value) : 0;
  }
  /// A day that may have a space in place of its first digit.
  int padded_number() {
    if (rest_.starts_with(' ')) {
      rest_.remove_prefix(1);
      return number(1);
    }
    return number(2);
  }
  int month() {
    const auto* const found = std::find(kMonths.begin(), kMonths.end(), take(3));
    good_ = good_ && found != kMonths.end();
    return good_ ? static_cast<int>(found - kMonths.begin()) : 0;
  }
  void time(std::tm& into) {
    into.tm_hour = number(2);
    skip(":");
    into.tm_min = number(2);
    skip(":");
    into.tm_sec = number(2);
  }
  bool is_at_end() const { return good_ && rest_.empty(); }

 private:
  std::string_view take(std::size_t size) {
    const std::string_view taken = rest_.substr(0, size);
    good_ = good_ && taken.size() == size;
    rest_.remove_prefix(taken.size());
    return taken;
  }

  std::string_view rest_;
  bool good_ = true;
};

/// "Sun, 06 Nov 1994 08:49:37 GMT"
bool parse_imf_fixdate(std::string_view text, std::tm& into) {
  Fields fields{text};
  fields.skip_past(' ');
  into.tm_mday = fields.number(2);
  fields.skip(" ");
  into.tm_mon = fields.month();
  fields.skip(" ");
  into.tm_year = fields.number(4) - 1900;
  fields.skip(" ");
  fields.time(into);
  fields.skip(" GMT");
  return fields.is_at_end();
}

/// "Sunday, 06-Nov-94 08:49:37 GMT"; of two centuries the one before 2070 is meant.
bool parse_rfc850(std::string_view text, std::tm& into) {
  Fields fields{text};
  fields.skip_past(' ');
  into.tm_mday = fields.number(2);
  fields.skip("-");
  into.tm_mon = fields.month();
  fields.skip("-");
  const int year = fields.number(2);
  into.tm_year = year < 70 ? year + 100 : year;
  fields.skip(" ");
  fields.time(into);
  fields.skip(" GMT");
  return fields.is_at_end();
}

/// "Sun Nov  6 08:49:37 1994"
bool parse_asctime(std::string_view text, std::tm& into) {
  Fields fields{text};
  fields.skip_past(' ');
  into.tm_mon = fields.month();
  fields.skip(" ");
  into.tm_mday = fields.padded_number();
  fields.skip(" ");
  fields.time(into);
  fields.skip(" ");
  into.tm_year = fields.number(4) - 1900;
  return fields.is_at_end();
}

bool is_plausible(const std::tm& time) {
  return time.tm_mday >= 1 && time.tm_mday <= 31 && time.tm_hour <= 23 && time.tm_min <= 59 && time.tm_sec <= 60 &&
         time.tm_year >= 70;
}

}  // namespace

/// Written out digit by digit: it is in every head, and a formatter takes ten times as long.
std::string format_date(std::time_t time) {
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::string text;
  text.reserve(32);
  const auto append_two = [&text](int number) {
    text += static_cast<char>('0' + number / 10 % 10);
    text += static_cast<char>('0' + number % 10);
  };
  text.append(kDays[static_cast<std::size_t>(parts.tm_wday)]).append(", ");
  append_two(parts.tm_mday);
  text.append(" ").append(kMonths[static_cast<std::size_t>(parts.tm_mon)]).append(" ");
  append_two((parts.tm_year + 1900) / 100);
  append_two((parts.tm_year + 1900) % 100);
  for (const auto& [separator, number] : {std::pair{' ', parts.tm_hour}, {':', parts.tm_min}, {':', parts.tm_sec}}) {
    text += separator;
    append_two(number);
  }
  return text + " GMT";
}

std::optional<std::time_t> parse_date(std::string_view text) {
  for (const auto parse : {parse_imf_fixdate, parse_rfc850, parse_asctime}) {
    std::tm parts{};
    if (parse(text, parts) && is_plausible(parts)) return ::timegm(&parts);
  }
  return std::nullopt;
}

}  // namespace kiln::http
