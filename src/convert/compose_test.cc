#include "convert/compose.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"
#include "config/load.h"

namespace kiln::convert {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::ThrowsMessage;

std::optional<std::string> variable(const std::string& name) {
  if (name == "SET") return "value";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

Surroundings surroundings() {
  return {variable,
          [](const std::string& path) -> std::string {
            if (path == "web.env") return "# of web\nexport A=1\nB=\"two words\" # note\nC=from file\n";
            throw Error{"opening ", quote(path), ": No such file or directory"};
          },
          [](const std::string& path) -> std::optional<std::vector<std::string>> {
            if (path == "./conf") return std::vector<std::string>{""};
            if (path == "./html") return std::vector<std::string>{"css/a.css", "index.html"};
            return std::nullopt;
          },
          [](const std::string& image) -> std::optional<oci::ImageConfig> {
            if (image == "h.example/unknown") return std::nullopt;
            oci::ImageConfig config;
            config.entrypoint = {"/entry"};
            config.cmd = {"serve"};
            config.env = {"PATH=/bin", "C=from image", "D=4"};
            if (image == "h.example/named") config.user = "app";
            return config;
          }};
}

std::string yaml_of(const std::string& compose) { return convert_compose(compose, "compose.yml", surroundings()).yaml; }

std::vector<std::string> remarks_of(const std::string& compose) {
  std::vector<std::string> out;
  for (const Remark& remark : convert_compose(compose, "compose.yml", surroundings()).remarks) {
    out.push_back(concat(remark.where.line, ": ", remark.message));
  }
  return out;
}

/// The options of the only service, as a build would understand them.
config::Container service(const std::string& keys) {
  const std::string yaml =
      yaml_of(concat("services:\n  web:\n    image: h.example/web\n", keys, "volumes: {data: }\n"));
  const config::System system =
      config::load({{"os.yml", yaml, "."}}, [](auto, auto rest, auto) { return concat("h.example/", rest); });
  return system.services.at(0);
}

TEST(Compose, TheWholeText) {
  EXPECT_EQ(yaml_of(R"(services:
  web:
    image: "h.example/web:${TAG:-1}"
    command: serve --name "a b"
    read_only: true
    cap_drop: [all]
    cap_add: [net_bind_service]
)"),
            R"(# The services of "compose.yml", by `kiln convert`.
kernel:
  image: "@kiln:kernel-cloud"
  cmdline: "console=ttyS0 console=ttyAMA0"
init:
  - "@kiln:init"
  - "@kiln:crun"
onboot:
  - name: dhcpcd
    image: "@kiln:dhcpcd"
    command: ["/usr/sbin/dhcpcd", "--nobackground", "-f", "/dhcpcd.conf", "-1"]
services:
  - name: "web"
    image: "h.example/web:1"
    command: ["/entry", "serve", "--name", "a b"]
    capabilities:
      - "CAP_NET_BIND_SERVICE"
    readonly: true
    binds:
      - "/run/resolvconf:/run/resolvconf:ro"
      - "/etc/hosts:/etc/hosts:ro"
files:
  - path: "etc/hosts"
    contents: "127.0.0.1 localhost\n::1 localhost\n127.0.0.1 web\n"
    mode: "0644"
)");
}

TEST(Compose, Processes) {
  EXPECT_EQ(service("").options.command, std::nullopt);
  EXPECT_THAT(*service("    command: [a, b]\n").options.command, ElementsAre("/entry", "a", "b"));
  EXPECT_THAT(*service("    entrypoint: [/x]\n").options.command, ElementsAre("/x"));
  EXPECT_THAT(*service("    entrypoint: /x -y\n    command: 'z ''1 2'' \"3\"'\n").options.command,
              ElementsAre("/x", "-y", "z", "1 2", "3"));
  EXPECT_EQ(service("    working_dir: /srv\n").options.cwd, "/srv");
  EXPECT_EQ(service("    hostname: h1\n").options.hostname, "h1");
}

TEST(Compose, TheEnvironmentIsThatOfFilesAndImageToo) {
  EXPECT_THAT(*service("    env_file: web.env\n    environment: {A: '${SET}-2', E: }\n").options.env,
              ElementsAre("A=value-2", "B=two words", "C=from file", "D=4", "PATH=/bin"));
  EXPECT_THAT(*service("    environment: [SET, X=$$1]\n").options.env,
              ElementsAre("C=from image", "D=4", "PATH=/bin", "SET=value", "X=$1"));
}

TEST(Compose, Rights) {
  EXPECT_EQ(service("").options.capabilities->size(), 14U);
  EXPECT_THAT(*service("    privileged: true\n").options.capabilities, ElementsAre("all"));
  EXPECT_THAT(service("    cap_drop: [ALL]\n").options.capabilities.value_or(std::vector<std::string>{}), IsEmpty());
  EXPECT_THAT(*service("    cap_add: [CAP_SYS_ADMIN]\n    cap_drop: [MKNOD]\n").options.capabilities,
              testing::AllOf(testing::Contains("CAP_SYS_ADMIN"), testing::Not(testing::Contains("CAP_MKNOD"))));
  EXPECT_EQ(service("    security_opt: ['no-new-privileges:true']\n").options.no_new_privileges, true);
}

TEST(Compose, StorageAndLimits) {
  const config::ContainerOptions options =
      service(
          "    volumes: ['data:/data', './html:/srv:ro', /cache]\n    tmpfs: /run\n"
          "    ulimits: {nofile: {soft: 10, hard: 20}, nproc: 5}\n    mem_limit: 1g\n    cpus: 0.5\n")
          .options;
  EXPECT_THAT(*options.binds, ElementsAre("/var/lib/volumes/data:/data", "/etc/services/web/srv:/srv:ro",
                                          "/run/resolvconf:/run/resolvconf:ro", "/etc/hosts:/etc/hosts:ro"));
  EXPECT_THAT(*options.tmpfs, ElementsAre("/cache", "/run"));
  EXPECT_THAT(*options.rlimits, ElementsAre("nofile,10,20", "nproc,5,5"));
  EXPECT_THAT(
      yaml_of("services: {web: {image: h.example/web, mem_limit: 1g, cpus: '0.5', pids_limit: 9}}"),
      HasSubstr(
          "    resources: {memory: {limit: 1073741824}, cpu: {quota: 50000, period: 100000}, pids: {limit: 9}}\n"));
}

TEST(Compose, FilesBesideItBecomeFilesOfTheImage) {
  EXPECT_THAT(yaml_of("services: {web: {image: h.example/web, volumes: ['./conf:/etc/web.conf', './html:/srv']}}"),
              HasSubstr(R"(  - path: "etc/services/web/etc/web.conf"
    source: "./conf"
    mode: "0644"
  - path: "etc/services/web/srv"
    directory: true
    mode: "0755"
  - path: "etc/services/web/srv/css/a.css"
    source: "./html/css/a.css"
    mode: "0644"
  - path: "etc/services/web/srv/index.html"
    source: "./html/index.html"
    mode: "0644"
)"));
}

TEST(Compose, Remarks) {
  EXPECT_THAT(
      remarks_of(R"(services:
  web:
    image: h.example/named
    ports: ["80:80", "127.0.0.1:8080:90/tcp"]
    healthcheck: {test: x}
    container_name: quiet
    x-mine: quiet
    wrong: 1
    volumes: [data:/data, /srv/web:/srv]
    sysctls: {net.core.somaxconn: 5}
    labels: {a: "$UNSET"}
  db:
    image: h.example/unknown
    command: x
volumes: {data: }
secrets: {}
)"),
      ElementsAre("3: service 'web' runs as 'app', a name of its image: set uid and gid to the numbers that its "
                  "/etc/passwd has; as it is, it runs as root",
                  "4: port 90 of service 'web' is the machine's port 90, not 8080: have the program listen on 8080; "
                  "in QEMU, kiln run --publish 8080:90",
                  HasSubstr("5: 'healthcheck' of service 'web' has no counterpart: nothing checks it"),
                  "8: 'wrong' of service 'web' is not known to Kiln and left out",
                  HasSubstr("9: volume 'data' is /var/lib/volumes/data, which is in memory"),
                  "9: volume '/srv/web' is a path of the machine that boots, not of this one",
                  HasSubstr("10: sysctl 'net.core.somaxconn' of service 'web' belongs to the machine's network"),
                  "11: variable 'UNSET' is not set: it is taken as empty",
                  HasSubstr("13: what 'h.example/unknown' says of itself is not known"),
                  "16: 'secrets' has no counterpart and is left out"));
}

TEST(Compose, Mistakes) {
  const std::pair<const char*, const char*> cases[] = {
      {"a: 1\n", "compose.yml: it has no services: it is not a compose file"},
      {"services: {web: {build: .}}", "compose.yml:1:17: service 'web' has no image"},
      {"services: {web: {image: 'h.example/A'}}", "compose.yml:1:25: image reference 'h.example/A': "},
      {"services: {web: {image: a, volumes: ['x:/y']}}",
       "compose.yml:1:38: volume 'x' is not declared under the file's volumes:"},
      {"services: {web: {image: a, volumes: ['./absent:/y']}}",
       "volume './absent': there is no such file or directory"},
      {"services: {web: {image: a, volumes: ['./conf:']}}", "volume target '' is not absolute"},
      {"services: {web: {image: a, env_file: x}}", "compose.yml:1:38: env_file: opening 'x': No such file"},
      {"services: {web: {image: a, command: 'x \"y'}}", "compose.yml:1:37: a quote is not closed"},
      {"services: {web: {image: a, restart: maybe}}",
       "restart is 'maybe', expected no, always, unless-stopped or on-failure"},
      {"services: {web: {image: a, mem_limit: much}}", "mem_limit: expected a number of bytes, such as 512m"},
      {"services: {web: {image: '${V:?say which}'}}", "variable 'V' is not set: 'say which'"},
      {"services: {web: {image: a, privileged: 7}}", "expected true or false, got '7'"},
  };
  for (const auto& [text, message] : cases) {
    EXPECT_THAT([&] { yaml_of(text); }, ThrowsMessage<Error>(HasSubstr(message))) << text;
  }
}

TEST(Interpolation, Forms) {
  const std::pair<const char*, const char*> cases[] = {
      {"plain", "plain"},
      {"$SET!", "value!"},
      {"${SET}x", "valuex"},
      {"$$SET", "$SET"},
      {"${UNSET-d}", "d"},
      {"${EMPTY-d}", ""},
      {"${EMPTY:-d}", "d"},
      {"${SET:-d}", "value"},
      {"${SET:+other}", "other"},
      {"${EMPTY:+other}", ""},
      {"${EMPTY+other}", "other"},
      {"${UNSET:-${SET}}", "value"},
      {"${UNSET:-a${UNSET:-}b}", "ab"},
  };
  for (const auto& [text, expected] : cases) {
    EXPECT_EQ(interpolate(text, variable, [](const std::string&) {}), expected) << text;
  }
  const std::pair<const char*, const char*> bad[] = {
      {"5$", "a single '$' stands for a variable: write $$ for a dollar sign"},
      {"$1", "a single '$' stands for a variable: write $$ for a dollar sign"},
      {"${SET", "'${' has no '}'"},
      {"${}", "'${}' does not begin with a name"},
      {"${SET!}", "'${SET!}': expected :-, -, :?, ?, :+ or + after the name"},
      {"${UNSET?}", "variable 'UNSET' is not set: it must be"},
  };
  for (const auto& [text, message] : bad) {
    EXPECT_THAT([&] { interpolate(text, variable, [](const std::string&) {}); }, ThrowsMessage<Error>(message)) << text;
  }
}

TEST(EnvFile, Lines) {
  EXPECT_THAT(parse_env_file("A=1\n\n# c\nexport B = x y # c\nC='#1'\nD=\n", "f"),
              ElementsAre(testing::Pair("A", "1"), testing::Pair("B", "x y"), testing::Pair("C", "#1"),
                          testing::Pair("D", "")));
  EXPECT_THAT([] { parse_env_file("A=1\nB\n", "f"); }, ThrowsMessage<Error>("f:2: 'B': expected NAME=VALUE"));
}

}  // namespace
}  // namespace kiln::convert
