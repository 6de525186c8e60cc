// The `resources` of an image object (spec yaml.md §5.5) as a table of runtime-spec's LinuxResources ("Control
// groups"). One table serves three purposes: reading YAML, config.json, and the metadata of a build.
#include "config/resources.h"

#include <limits>
#include <span>

#include "config/decoder.h"
#include "config/scalar.h"

namespace kiln::config {
namespace {

/// What a field holds, and how config.json and the YAML metadata treat it when it is not given.
enum class Type {
  integer,        ///< left out / null
  number,         ///< an integer that is always written, 0 by default
  boolean,        ///< left out / null
  flag,           ///< a boolean that is always written
  text,           ///< left out / ""
  page_size,      ///< a text; an integer of bytes is turned into one
  object,         ///< left out / null
  list,           ///< of objects; left out / []
  unread_object,  ///< and below: fields of runtime-spec that the YAML has no key for, only shown in the metadata
  unread_integer,
  unread_boolean,
};

struct Field {
  std::string_view json;  ///< runtime-spec's name
  Type type;
  std::int64_t least = 0;
  std::uint64_t most = 0;
  std::span<const Field> members = {};
  std::string_view yaml = {};  ///< LinuxKit's key, where it is not runtime-spec's name
};

constexpr auto kInt64Min = std::numeric_limits<std::int64_t>::min();
constexpr auto kInt64Max = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
constexpr auto kUint64Max = std::numeric_limits<std::uint64_t>::max();
constexpr std::uint64_t kUint32Max = std::numeric_limits<std::uint32_t>::max();
constexpr std::uint64_t kUint16Max = std::numeric_limits<std::uint16_t>::max();

constexpr Field kDevice[] = {
    {"allow", Type::flag},
    {"type", Type::text},
    {"major", Type::integer, kInt64Min, kInt64Max},
    {"minor", Type::integer, kInt64Min, kInt64Max},
    {"access", Type::text},
};
constexpr Field kMemory[] = {
    {"limit", Type::integer, kInt64Min, kInt64Max},
    {"reservation", Type::integer, kInt64Min, kInt64Max},
    {"swap", Type::integer, kInt64Min, kInt64Max},
    {"kernel", Type::integer, kInt64Min, kInt64Max},
    {"kernelTCP", Type::integer, kInt64Min, kInt64Max},
    {"swappiness", Type::integer, 0, kUint64Max},
    {"disableOOMKiller", Type::boolean},
    {"useHierarchy", Type::unread_boolean},
    {"checkBeforeUpdate", Type::unread_boolean},
};
constexpr Field kCpu[] = {
    {"shares", Type::integer, 0, kUint64Max},
    {"quota", Type::integer, kInt64Min, kInt64Max},
    {"burst", Type::unread_integer},
    {"period", Type::integer, 0, kUint64Max},
    {"realtimeRuntime", Type::integer, kInt64Min, kInt64Max},
    {"realtimePeriod", Type::integer, 0, kUint64Max},
    {"cpus", Type::text},
    {"mems", Type::text},
    {"idle", Type::unread_integer},
};
constexpr Field kPids[] = {{"limit", Type::number, kInt64Min, kInt64Max}};
constexpr Field kWeightDevice[] = {
    {"major", Type::number, kInt64Min, kInt64Max},
    {"minor", Type::number, kInt64Min, kInt64Max},
    {"weight", Type::integer, 0, kUint16Max},
    {"leafWeight", Type::integer, 0, kUint16Max},
};
constexpr Field kThrottleDevice[] = {
    {"major", Type::number, kInt64Min, kInt64Max},
    {"minor", Type::number, kInt64Min, kInt64Max},
    {"rate", Type::number, 0, kUint64Max},
};
constexpr Field kBlockIo[] = {
    {"weight", Type::integer, 0, kUint16Max},
    {"leafWeight", Type::integer, 0, kUint16Max},
    {"weightDevice", Type::list, 0, 0, kWeightDevice},
    {"throttleReadBpsDevice", Type::list, 0, 0, kThrottleDevice},
    {"throttleWriteBpsDevice", Type::list, 0, 0, kThrottleDevice},
    {"throttleReadIOPSDevice", Type::list, 0, 0, kThrottleDevice},
    {"throttleWriteIOPSDevice", Type::list, 0, 0, kThrottleDevice},
};
constexpr Field kHugepageLimit[] = {
    {"pageSize", Type::page_size},
    {"limit", Type::number, 0, kUint64Max},
};
constexpr Field kPriority[] = {
    {"name", Type::text},
    {"priority", Type::number, 0, kUint32Max},
};
constexpr Field kNetwork[] = {
    {"classID", Type::integer, 0, kUint32Max},
    {"priorities", Type::list, 0, 0, kPriority},
};
constexpr Field kResources[] = {
    {"devices", Type::list, 0, 0, kDevice},
    {"memory", Type::object, 0, 0, kMemory},
    {"cpu", Type::object, 0, 0, kCpu},
    {"pids", Type::object, 0, 0, kPids},
    {"blockIO", Type::object, 0, 0, kBlockIo, "blockio"},
    {"hugepageLimits", Type::list, 0, 0, kHugepageLimit},
    {"network", Type::object, 0, 0, kNetwork},
    {"rdma", Type::unread_object},
    {"unified", Type::unread_object},
};

bool is_read(const Field& field) { return field.type < Type::unread_object; }
std::string_view yaml_name(const Field& field) { return field.yaml.empty() ? field.json : field.yaml; }

std::string lower(std::string_view text) {
  std::string result{text};
  for (char& c : result)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return result;
}

/// The field of a key: by LinuxKit's schema's name, runtime-spec's, or the lower-case one LinuxKit's decoder knows.
const Field* find_field(std::span<const Field> fields, const std::string& key) {
  for (const Field& field : fields)
    if (is_read(field) && (key == field.json || key == field.yaml || key == lower(field.json))) return &field;
  return nullptr;
}

Value read_integer(Decoder& decoder, const Place& place, const Node& node, const Field& field) {
  if (node.kind != Node::Kind::integer) {
    decoder.wrong_type(place, node, "an integer");
    return {};
  }
  const Integer value = parse_integer(node.text).value_or(Integer{});
  const bool below = value.negative && value.magnitude != 0 && field.least == 0;
  if (below || (!value.negative && value.magnitude > field.most)) {
    decoder.error(node, concat(place.to_string(), ": expected an integer from ", field.least, " to ", field.most,
                               ", got ", node.text));
    return {};
  }
  return value.negative ? Value{static_cast<std::int64_t>(-value.magnitude)} : Value{value.magnitude};
}

/// runtime-spec wants text such as "2MB", LinuxKit's schema an integer, which can only mean bytes.
Value read_page_size(Decoder& decoder, const Place& place, const Node& node) {
  if (node.kind == Node::Kind::string) return node.text;
  if (node.kind != Node::Kind::integer) {
    decoder.wrong_type(place, node, "a size such as \"2MB\" or an integer of bytes");
    return {};
  }
  const Integer bytes = parse_integer(node.text).value_or(Integer{});
  for (const auto& [shift, unit] : {std::pair{30, "GB"}, {20, "MB"}, {10, "KB"}})
    if (!bytes.negative && bytes.magnitude != 0 && bytes.magnitude % (std::uint64_t{1} << shift) == 0)
      return std::to_string(bytes.magnitude >> shift) + unit;
  decoder.error(node, concat(place.to_string(), ": expected a page size in bytes, got ", node.text),
                "write the kernel's name of it, such as \"2MB\"");
  return {};
}

/// How `resources` are written: by hand, or as metadata and --dry-run show them, with every field there is and null
/// where nothing is set. The latter is refused by LinuxKit's own schema; here it can be read back.
enum class Form { by_hand, shown };

Value read_object(Decoder& decoder, const Place& place, const Node& node, std::span<const Field> fields, Form form);

Value read_list(Decoder& decoder, const Place& place, const Node& node, const Field& field, Form form) {
  Value list;
  if (node.kind != Node::Kind::sequence) {
    decoder.wrong_type(place, node, "a list");
    return list;
  }
  for (std::size_t i = 0; i < node.items.size(); ++i)
    list.append(read_object(decoder, Place{&place, "", "", i + 1}, *node.items[i], field.members, form));
  return list;
}

Value read_field(Decoder& decoder, const Place& place, const Node& node, const Field& field, Form form) {
  switch (field.type) {
    case Type::integer:
    case Type::number:
      return read_integer(decoder, place, node, field);
    case Type::page_size:
      return read_page_size(decoder, place, node);
    case Type::list:
      return read_list(decoder, place, node, field, form);
    case Type::object:
      return read_object(decoder, place, node, field.members, form);
    case Type::text: {
      std::string text;
      decode(decoder, place, node, text);
      return text;
    }
    default: {
      bool boolean = false;
      decode(decoder, place, node, boolean);
      return boolean;
    }
  }
}

/// What an object holds when a key is not given but runtime-spec requires it.
Value required_value(const Field& field) {
  if (field.type == Type::number) return std::uint64_t{0};
  if (field.type == Type::flag) return false;
  if (field.type == Type::page_size) return "";
  return {};
}

bool says_nothing(const Node& node) {
  const bool is_list_or_mapping = node.kind == Node::Kind::sequence || node.kind == Node::Kind::mapping;
  return node.kind == Node::Kind::null || (is_list_or_mapping && node.items.empty() && node.entries.empty());
}

Value read_object(Decoder& decoder, const Place& place, const Node& node, std::span<const Field> fields, Form form) {
  if (node.kind != Node::Kind::mapping) {
    decoder.wrong_type(place, node, "a mapping");
    return {};
  }
  std::vector<Value> values(fields.size());
  for (const Node::Entry& entry : node.entries) {
    if (form == Form::shown && says_nothing(*entry.value)) continue;
    if (const Field* field = find_field(fields, entry.key->text)) {
      const Place inner{&place, "", entry.key->text, 0};
      values[static_cast<std::size_t>(field - fields.data())] = read_field(decoder, inner, *entry.value, *field, form);
    } else {
      std::vector<std::string_view> valid;
      for (const Field& candidate : fields)
        if (is_read(candidate)) valid.push_back(yaml_name(candidate));
      decoder.unknown_key(place, *entry.key, valid);
    }
  }
  Value object{Value::Object{}};
  for (std::size_t i = 0; i < fields.size(); ++i) {
    Value value = values[i].is_null() ? required_value(fields[i]) : std::move(values[i]);
    const bool left_out = (fields[i].type == Type::text || fields[i].type == Type::list) && value.empty();
    if (!value.is_null() && !left_out) object.add(std::string{fields[i].json}, std::move(value));
  }
  return object;
}

const Value* member(const Value& object, std::string_view key) {
  if (const Value::Object* members = object.object())
    for (const Value::Member& candidate : *members)
      if (candidate.key == key) return &candidate.value;
  return nullptr;
}

Value show_object(const Value& object, std::span<const Field> fields);

Value show_list(const Value* list, const Field& field) {
  Value::List items;
  if (list && list->list())
    for (const Value& item : *list->list()) items.push_back(show_object(item, field.members));
  return items;
}

Value show_field(const Value* value, const Field& field) {
  if (field.type == Type::list) return show_list(value, field);
  if (field.type == Type::unread_object) return Value::Object{};
  if (field.type == Type::object) return value ? show_object(*value, field.members) : Value{};
  if (value) return *value;
  return field.type == Type::text ? Value{""} : Value{};
}

Value show_object(const Value& object, std::span<const Field> fields) {
  Value result{Value::Object{}};
  for (const Field& field : fields) result.add(lower(field.json), show_field(member(object, field.json), field));
  return result;
}

}  // namespace

void decode(Decoder& decoder, const Place& place, const Node& node, Resources& out) {
  out = {};
  const bool is_shown = node.find("rdma") && node.find("unified");  // which nobody writes by hand: they have no key
  const Value all = read_object(decoder, place, node, kResources, is_shown ? Form::shown : Form::by_hand);
  if (!all.object()) return;
  for (const Value::Member& member : *all.object()) {
    if (member.key == "devices") {
      out.devices = member.value;
    } else {
      out.limits.add(member.key, member.value);
    }
  }
}

Value resources_for_json(const Resources& resources) {
  Value result{Value::Object{}};
  if (!resources.devices.empty()) result.add("devices", resources.devices);
  if (resources.limits.object())
    for (const Value::Member& member : *resources.limits.object()) result.add(member.key, member.value);
  return result;
}

Value resources_for_yaml(const Resources& resources) { return show_object(resources_for_json(resources), kResources); }

}  // namespace kiln::config
