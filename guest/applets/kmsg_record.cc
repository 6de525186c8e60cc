#include "applets/kmsg_record.h"

#include "base/text.h"

namespace guest {
namespace {

std::string_view take_field(std::string_view& rest) {
  std::string_view field = rest.substr(0, rest.find(','));
  rest.remove_prefix(field.size() < rest.size() ? field.size() + 1 : rest.size());
  return field;
}

}  // namespace

std::string kmsg_line(std::string_view record) {
  std::size_t semicolon = record.find(';');
  if (semicolon == std::string_view::npos) return {};
  std::string_view fields = record.substr(0, semicolon);
  std::string_view text = record.substr(semicolon + 1);
  take_field(fields);
  auto sequence = parse_decimal(take_field(fields));
  auto microseconds = parse_decimal(take_field(fields));
  if (!sequence || !microseconds) return {};
  return format("(%llu) - %llu.%06llu: %s", static_cast<unsigned long long>(*sequence),
                static_cast<unsigned long long>(*microseconds / 1'000'000),
                static_cast<unsigned long long>(*microseconds % 1'000'000),
                std::string{text.substr(0, text.find('\n'))}.c_str());
}

}  // namespace guest
