#include "netboot/http_service.h"

#include <nlohmann/json.hpp>

#include <algorithm>

#include "base/error.h"
#include "base/human.h"
#include "netboot/api.h"
#include "netboot/script.h"
#include "netboot/site.h"
#include "netboot/status_page.h"

namespace kiln::netboot {
namespace {

using http::Request;
using http::Response;

constexpr std::string_view kScriptType = "text/plain; charset=utf-8";
constexpr std::string_view kBinaryType = "application/octet-stream";

std::string base_url(const Request& request) { return "http://" + request.authority(); }

/// Scripts depend on who asks and on what is on disk now.
Response script_response(std::string text) {
  Response response = Response::text(200, std::move(text), std::string{kScriptType});
  response.add("Cache-Control", "no-store");
  return response;
}

Response json_response(std::string text) {
  Response response = Response::text(200, std::move(text), "application/json");
  response.add("Cache-Control", "no-store");
  return response;
}

/// What never changes under its name.
Response fixed_response(http::Body body, const std::string& etag) {
  Response response;
  response.add("Content-Type", std::string{kBinaryType});
  response.body = std::move(body);
  response.etag = concat("\"", etag, "\"");
  return response;
}

std::string parameter(const Request& request, std::string_view name) {
  return std::string{request.parameter(name).value_or("")};
}

std::string lower_case(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return text;
}

ScriptQuery parse_query(const Request& request) {
  ScriptQuery query;
  query.mac = MacAddress::parse(parameter(request, "mac"));
  query.uuid = lower_case(parameter(request, "uuid"));
  query.serial = parameter(request, "serial");
  query.architecture = std::string{processor_of_ipxe(parameter(request, "arch"))};
  query.platform = parameter(request, "platform");
  query.ip = parameter(request, "ip");
  std::vector<std::string_view> ranges;
  for (const auto& [name, value] : request.query) {
    if (name == "range") ranges.push_back(value);
  }
  query.memory = memory_of(parameter(request, "memsize"), ranges);
  return query;
}

std::string describe(const BootImage& image) {
  const std::size_t segments = image.initramfs.size();
  return concat("kernel ", human_size(image.kernel.size), ", initramfs ", human_size(image.initramfs_size), " in ",
                segments, segments == 1 ? " segment" : " segments");
}

void append(http::Body& body, const BootFile& file) { body.append(file.file, 0, file.size); }

/// All segments in a row. The kernel wants each archive to begin on a 4-byte boundary; only early microcode may end off
/// one.
http::Body joined(const BootImage& image) {
  http::Body body;
  for (const BootFile& file : image.initramfs) {
    const std::uint64_t gap = align_up(body.size(), 4) - body.size();
    if (gap > 0) body.append(std::string(gap, '\0'));
    append(body, file);
  }
  return body;
}

/// A text member of an object; empty if there is none.
std::string text_of(const nlohmann::json& json, const char* key) {
  if (!json.is_object()) return {};
  const auto found = json.find(key);
  return found != json.end() && found->is_string() ? found->get<std::string>() : std::string{};
}

/// What a system says of itself: {"state": "running", "failed": false, "message": "…"}, or plain text.
event::Reported parse_report(const std::string& body, const nlohmann::json& json) {
  if (!json.is_object()) return {body.empty() ? "running" : body, false};
  std::string state = text_of(json, "state");
  if (state.empty()) state = "running";
  const bool failed = state == "failed" || json.value("failed", nlohmann::json(false)) == nlohmann::json(true);
  const std::string message = text_of(json, "message");
  return {message.empty() ? state : concat(state, ": ", message), failed};
}

}  // namespace

Response HttpService::handle(const Request& request) {
  if (request.path == "/report" || request.path.starts_with("/report/")) {
    if (request.method == Request::Method::post) return report(request);
    return Response::error(405, "a system that calls home does so by POST").add("Allow", "POST");
  }
  if (request.method == Request::Method::post) {
    return Response::error(405, "only /report takes a POST").add("Allow", "GET, HEAD");
  }
  return get(request);
}

Response HttpService::get(const Request& request) {
  const std::string_view path = request.path;
  if (path == "/") return status_page();
  if (path == "/boot.ipxe") return script_response(first_script(base_url(request)));
  if (path == "/script") return script(request);
  if (path.starts_with("/os/")) return system_file(request, path.substr(4));
  if (path == "/ipxe/autoexec.ipxe") return script_response(autoexec_script(base_url(request)));
  if (path.starts_with("/ipxe/")) return ipxe_program(request, path.substr(6));
  if (path == "/api/machines") return json_response(machines_json(site_));
  if (path == "/api/os") return json_response(systems_json(site_));
  if (path == "/healthz") return Response::text(200, "ok\n");
  if (path == "/metrics") {
    site_.metrics().uptime_seconds = std::chrono::duration<double>(site_.uptime()).count();
    return Response::text(200, metrics_text(site_.metrics(), site_.machines(), site_.catalog()),
                          "text/plain; version=0.0.4; charset=utf-8");
  }
  return Response::error(404, "there is nothing here; the status page is at /");
}

/// The machine a request is about: the one it names, or else the one that has the address it comes from.
std::optional<MacAddress> HttpService::machine_of(const Request& request, std::string_view named) {
  if (const auto mac = MacAddress::parse(named)) return mac;
  return site_.whose(request.peer.host);
}

Response HttpService::script(const Request& request) {
  const ScriptQuery query = parse_query(request);
  const std::optional<MacAddress> mac = query.mac ? query.mac : site_.whose(request.peer.host);
  const MachineFacts facts{mac ? mac->to_string() : "", query.uuid, query.serial, query.architecture};
  // What is on disk now counts, not what was there a second ago.
  site_.catalog().check();
  const Decision decision = site_.decide(facts, query.memory);
  event::Scripted scripted{site_.choose(facts).name,
                           "",
                           query.uuid,
                           query.serial,
                           query.architecture,
                           query.ip.empty() ? request.peer.host : query.ip,
                           query.memory,
                           0,
                           0};
  const auto note = [&](const Event& event, const std::string& line) {
    if (mac) {
      site_.note(*mac, event, line);
    } else {
      site_.log(concat(request.peer.host, ": ", line));
    }
  };
  const auto refuse = [&](const std::string& reason) {
    ++site_.metrics().scripts["refused"];
    note(scripted, "");
    note(event::Refused{reason}, "refused: " + reason);
    return script_response(refusal_script(reason));
  };
  if (std::holds_alternative<Ignore>(decision)) {
    ++site_.metrics().scripts["ignored"];
    note(event::Refused{"left alone, as the policy says"}, "left alone, as the policy says");
    return script_response(nothing_script());
  }
  if (const auto* wait = std::get_if<Wait>(&decision)) {
    ++site_.metrics().scripts["waiting"];
    return script_response(waiting_script(wait->what, base_url(request) + request.target));
  }
  if (const auto* refusal = std::get_if<Refusal>(&decision)) return refuse(refusal->reason);
  const Boot& boot = std::get<Boot>(decision);
  MachineScript parts{*boot.image, base_url(request), mac, {}, site_.settings().kernel_args, site_.settings().console,
                      true};
  parts.title = concat("Kiln: ", boot.system->label, " (", boot.image->architecture, "), ", describe(*boot.image));
  parts.kernel_args.insert(parts.kernel_args.end(), boot.choice.kernel_args.begin(), boot.choice.kernel_args.end());
  std::string text;
  try {
    text = machine_script(parts);
  } catch (const Error& error) {
    return refuse(concat("system ", quote(boot.system->label), ": ", error.message()));
  }
  ++site_.metrics().scripts["boot"];
  scripted.os = boot.system->label;
  scripted.kernel_size = boot.image->kernel.size;
  scripted.initramfs_size = boot.image->initramfs_size;
  note(scripted,
       concat("boots ", quote(boot.system->label), " (", boot.image->architecture, "): ", describe(*boot.image)));
  return script_response(std::move(text));
}

/// REST is ID[@MAC]/FILE.
Response HttpService::system_file(const Request& request, std::string_view rest) {
  const std::size_t slash = rest.find('/');
  if (slash == std::string_view::npos) return Response::error(404, "expected /os/ID/FILE");
  const std::string_view owner = rest.substr(0, slash);
  const std::string_view name = rest.substr(slash + 1);
  const std::size_t at = owner.find('@');
  const std::string_view id = owner.substr(0, at);
  const std::optional<MacAddress> mac =
      machine_of(request, at == std::string_view::npos ? std::string_view{} : owner.substr(at + 1));
  const std::shared_ptr<const BootImage> image = site_.catalog().image(id);
  if (!image) {
    return Response::error(404, concat("no system has the ID ", quote(id), ", or no longer; /api/os lists them"));
  }
  if (name == "kernel") {
    begin(request, mac, Stage::kernel, "kernel", image->kernel.size);
    http::Body body;
    append(body, image->kernel);
    return fixed_response(std::move(body), concat(id, "-kernel"));
  }
  if (name == "initrd.img") {
    begin(request, mac, Stage::initramfs, "initrd.img", image->initramfs_size);
    return fixed_response(joined(*image), concat(id, "-initrd"));
  }
  const BootFile* segment = image->segment(name);
  if (segment == nullptr) {
    return Response::error(404,
                           concat("system ", id, " has no ", quote(name), ": expected kernel, initrd.img or one of ",
                                  image->initramfs.size(), " segments"));
  }
  const auto number = segment - image->initramfs.data() + 1;
  begin(request, mac, Stage::initramfs, concat("segment ", number, " of ", image->initramfs.size()), segment->size);
  http::Body body;
  append(body, *segment);
  return fixed_response(std::move(body), segment->name);
}

Response HttpService::ipxe_program(const Request& request, std::string_view name) {
  const std::shared_ptr<const std::string> program = site_.programs().find(name);
  if (!program) return Response::error(404, concat("no iPXE binary ", quote(name), " here"));
  begin(request, machine_of(request, {}), Stage::tftp, std::string{name}, program->size());
  Response response;
  // UEFI 2.10 §24.7.3: the media type by which HTTP boot knows a program.
  response.add("Content-Type", name.ends_with(".efi") ? "application/efi" : std::string{kBinaryType});
  response.body.append(program);
  response.etag = concat("\"", name, "-", program->size(), "\"");
  return response;
}

Response HttpService::report(const Request& request) {
  constexpr std::size_t kPrefix = std::string_view{"/report/"}.size();
  const std::string_view named =
      request.path.size() > kPrefix ? std::string_view{request.path}.substr(kPrefix) : std::string_view{};
  const nlohmann::json json = nlohmann::json::parse(request.body, nullptr, false);
  // The URL says who was given it; without a name in it the system's own word counts, then its address.
  const std::optional<MacAddress> mac = machine_of(request, named.empty() ? text_of(json, "mac") : std::string{named});
  if (!mac) return Response::error(404, "who calls? expected /report/MAC");
  ++site_.metrics().reports;
  const event::Reported reported = parse_report(request.body, json);
  site_.note(*mac, reported, concat("calls home: ", reported.state));
  return Response::text(200, "noted\n");
}

void HttpService::begin(const Request& request, const std::optional<MacAddress>& mac, Stage stage, std::string file,
                        std::uint64_t size) {
  if (!mac || request.method != Request::Method::get) return;
  site_.note(*mac, event::Began{stage, file, size});
  under_way_[request.peer.to_string()] = {*mac, stage, std::move(file), 0};
}

void HttpService::moved(Under& under, std::uint64_t sent) {
  if (sent <= under.sent) return;
  site_.note(under.mac, event::Moved{under.stage, sent - under.sent});
  under.sent = sent;
}

void HttpService::on_progress(const http::Transfer& transfer) {
  const auto found = under_way_.find(transfer.request.peer.to_string());
  if (found != under_way_.end()) moved(found->second, transfer.sent);
}

void HttpService::on_response(const http::Transfer& transfer, std::string_view cut) {
  Metrics& metrics = site_.metrics();
  ++metrics.http_responses[transfer.status];
  metrics.http_bytes += transfer.sent;
  if (!cut.empty()) ++metrics.http_cut;
  const auto found = under_way_.find(transfer.request.peer.to_string());
  if (found == under_way_.end()) return;
  Under under = std::move(found->second);
  under_way_.erase(found);
  moved(under, transfer.sent);
  if (!cut.empty()) {
    const std::string reason = concat(cut, " after ", human_size(transfer.sent), " of ", human_size(transfer.size));
    site_.note(under.mac, event::Failed{under.stage, under.file, reason}, concat(under.file, ": ", reason));
    return;
  }
  // Segments are many and small: they are worth a line when the last one is there.
  const std::string line =
      concat("loaded ", under.file, ": ", human_size(transfer.sent), " in ", human_duration(transfer.duration));
  site_.note(under.mac, event::Ended{under.stage, under.file}, under.stage == Stage::initramfs ? "" : line);
  if (under.stage == Stage::initramfs) tell_initramfs(under.mac);
}

void HttpService::tell_initramfs(const MacAddress& mac) {
  const Machine* machine = site_.machines().find(mac);
  const auto stage = static_cast<std::size_t>(Stage::initramfs);
  if (machine == nullptr || machine->sent[stage] < machine->size[stage] || !machine->reached[stage]) return;
  site_.log(concat(machine_name(*machine), ": has all of the initramfs: ", human_size(machine->sent[stage]), " in ",
                   human_duration(site_.clock().now() - *machine->reached[stage])));
}

void HttpService::on_trouble(std::string_view message) { site_.warn(concat("HTTP: ", message)); }

}  // namespace kiln::netboot
