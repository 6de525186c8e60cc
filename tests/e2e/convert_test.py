#!/usr/bin/env python3
"""kiln convert: a compose file's services become a system that builds."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, samples
from kiln_test.image import Image
from kiln_test.layer import directory, file
from kiln_test.tarball import read
from kiln_test.tree import digest

COMPOSE = """\
x-common: &common
  restart: unless-stopped
  cap_drop: [ALL]
services:
  web:
    <<: *common
    image: h.example/web:${TAG}
    command: ["-v"]
    environment:
      GREETING: "hello ${WHO:-world}"
    env_file: web.env
    ports: ["8080:80"]
    volumes:
      - ./html:/srv/www:ro
      - data:/data
    depends_on: [db]
    ulimits: {nofile: 4096}
  db:
    image: h.example/db:1
    privileged: true
    user: "70:70"
    healthcheck: {test: ["CMD", "true"]}
volumes: {data: {}}
"""


def image(name, **config):
    return Image([[file("bin/" + name, samples.noise(9_000, name), 0o755), directory("srv", 0o755)]], "amd64", config=config)


class Converts(case.Case):
    def test_it_builds(self):
        """two services, with a line for each thing that has no counterpart; the system builds, and --dry-run takes it"""
        self.store_images(
            {
                "h.example/web:1": image("web", Entrypoint=["/bin/web"], Cmd=["-q"], Env=["PATH=/bin", "GREETING=hi"]),
                "h.example/db:1": image("db", Entrypoint=["/bin/db"], User="root"),
                **{f"h.example/base/{n}:1": image(n) for n in ("kernel", "init")},
            }
        )
        self.write(".env", "TAG=1\nWHO=there\n")
        self.write("web.env", "TOKEN=abc\n")
        self.write("html/index.html", "<p>hello</p>\n")
        compose = self.write("compose.yml", COMPOSE)
        result = self.succeeds(self.kiln.run("convert", "--offline", "--arch", "amd64", "-o", self.path("os.yml"), compose))
        remarks = [line.removeprefix(f"warning: {compose}:") for line in result.stderr.splitlines()]
        wanted = {
            12: "port 80 of service 'web' is the machine's port 80, not 8080",
            14: "volume './html' is copied into the image, as /etc/services/web/srv/www",
            15: "volume 'data' is /var/lib/volumes/data, which is in memory",
            16: "'depends_on' of service 'web' has no counterpart: all services are started at once",
            22: "'healthcheck' of service 'db' has no counterpart",
        }
        self.assertEqual([int(line.partition(":")[0]) for line in remarks], sorted(wanted))
        for line, text in zip(remarks, wanted.values()):
            self.assertIn(text, line)
        self.checked("a warning with its line for each of " + ", ".join(map(str, wanted)))

        # The parts that come from Debian are left out here: what was converted is what is to be seen.
        with open(self.path("os.yml"), encoding="utf-8") as stream:
            text = stream.read()
        self.write("services.yml", text[text.index("\nservices:") + 1 :])
        dry = self.succeeds(self.kiln.build(self.path("services.yml"), "--dry-run")).stdout
        self.assertIn("h.example/web:1", dry)
        self.succeeds(self.kiln.build(self.path("services.yml"), "-f", "tar", cwd=self.work))
        tree = read(self.path("out/os.tar"))
        self.assertEqual(tree["etc/services/web/srv/www/index.html"].content, digest(b"<p>hello</p>\n"))
        web, db = (self.config_of(name) for name in ("web", "db"))
        self.assertEqual(web["process"]["args"], ["/bin/web", "-v"])
        self.assertEqual(web["process"]["env"], ["GREETING=hello there", "PATH=/bin", "TOKEN=abc"])
        self.assertEqual(web["annotations"]["org.kiln.restart"], "always")
        self.assertFalse(web["process"]["capabilities"].get("bounding"))
        self.assertEqual(web["process"]["rlimits"], [{"type": "RLIMIT_NOFILE", "soft": 4096, "hard": 4096}])
        binds = {m["destination"]: (m["source"], m["options"]) for m in web["mounts"] if m["type"] == "bind"}
        self.assertEqual(binds["/srv/www"], ("/etc/services/web/srv/www", ["ro", "rbind"]))
        self.assertEqual(binds["/data"][0], "/var/lib/volumes/data")
        self.assertEqual((db["process"]["user"]["uid"], db["process"]["user"]["gid"]), (70, 70))
        self.assertIn("CAP_SYS_ADMIN", db["process"]["capabilities"]["bounding"])
        self.checked("it builds; command, environment, rights, limits and binds are Docker's")

    def config_of(self, service):
        bsdtar = self.tool("tar", "-xOf", self.path("out/os.tar"), f"containers/services/{service}/config.json")
        return json.loads(bsdtar)

    def test_mistakes(self):
        """not a compose file, an image that is missing, a variable that must be set"""
        compose = self.write("compose.yml", "services: {web: {build: .}}\n")
        result = self.kiln.run("convert", "--offline", compose)
        self.assertEqual(result.status, 1)
        self.assertTrue(result.stderr.startswith(f"error: {compose}:1:17: service 'web' has no image\n"), result)
        compose = self.write("compose.yml", "services:\n  web:\n    image: h.example/web:${TAG:?which one}\n")
        result = self.kiln.run("convert", "--offline", compose)
        self.assertIn(f"error: {compose}:3:12: variable 'TAG' is not set: 'which one'", result.stderr)
        self.checked(result.stderr.splitlines()[0])


if __name__ == "__main__":
    case.main()
