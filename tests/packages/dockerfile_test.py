#!/usr/bin/env python3
"""Packages: Dockerfiles built by buildah, their names, and what registries get of them.

The base image is a stand-in: real ones would have to come from the network. It is served by a docker-registry on loopback
(or lies in the store under the name a Dockerfile gives it), for both architectures, and has one program: tool.c.

usage: dockerfile_test.py [Quick|Boot|Emulated]
"""

import atexit
import json
import os
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
sys.path.insert(0, os.path.join(os.path.dirname(__file__), "../boot"))
sys.path.insert(0, os.path.dirname(__file__))
import git_model
from boot_test import shared_store
from kiln_test import case
from kiln_test.image import Image, Index
from kiln_test.layer import file
from kiln_test.layout import Layout
from kiln_test.machine import Machine
from kiln_test.registry import DockerRegistry
from kiln_test.tarball import content, read
from kiln_test.tree import digest

MACHINE = {"amd64": "x86_64", "arm64": "aarch64"}
HERE = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
OTHER = {"amd64": "arm64", "arm64": "amd64"}[HERE]
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
       "GIT_COMMITTER_NAME": "c", "GIT_COMMITTER_EMAIL": "c@example.org",
       "GIT_AUTHOR_DATE": "2026-01-02T03:04:05+0100", "GIT_COMMITTER_DATE": "2026-01-02T03:04:05+0100"}  # fmt: skip

BUILD_YML = """image: hello
org: HOST/team
arches: [amd64, arm64]
gitrepo: https://example.org/hello
buildArgs: [BASE=HOST/aarch64/alpine:3.5, "SISTER=@lkt:pkg:../sister"]
config:
  command: ["/bin/hello", "hello", "from", "a", "Dockerfile"]
"""
# The words of 2017, but for the registry.
DOCKERFILE = """ARG BASE=aarch64/alpine:3.5
FROM ${BASE}
ARG SISTER
ARG REVISION
ARG GOPKGVERSION
ARG PKG_HASH
ARG PKG_IMAGE
ARG SOURCE
ENV SISTER=$SISTER REVISION=$REVISION GOPKGVERSION=$GOPKGVERSION PKG_HASH=$PKG_HASH PKG_IMAGE=$PKG_IMAGE SOURCE=$SOURCE
COPY etc /etc/
ENTRYPOINT ["/bin/hello"]
CMD ["hello", "from", "a", "Dockerfile"]
"""


def tool(work, arch):
    """tool.c for an architecture, compiled once a run."""
    path = os.path.join(work, "tool-" + arch)
    if not os.path.exists(path):
        compiler = "gcc" if arch == HERE else f"{MACHINE[arch]}-linux-gnu-gcc"
        source = os.path.join(os.path.dirname(os.path.abspath(__file__)), "tool.c")
        subprocess.run([compiler, "-static", "-Os", "-s", "-o", path, source], check=True)
    with open(path, "rb") as stream:
        return stream.read()


def base(work, arch):
    program = tool(work, arch)
    return Image([[file("bin/sh", program, 0o755), file("bin/hello", program, 0o755)]], arch, config={"Env": ["PATH=/bin"]})


class Packages(case.Case):
    def setUp(self):
        super().setUp()
        self.needs("git", "buildah", "docker-registry", "skopeo")
        if os.geteuid() != 0 and subprocess.run(["buildah", "unshare", "true"], capture_output=True).returncode != 0:
            self.skipTest("buildah cannot make user namespaces here: no range in /etc/subuid, or the kernel forbids it")
        self.tools = os.path.join(case.WORK, f"tools-{os.getpid()}")
        if not os.path.isdir(self.tools):
            os.makedirs(self.tools)
            atexit.register(shutil.rmtree, self.tools, True)
        self.registry = DockerRegistry(self.path("registry"))
        self.addCleanup(self.registry.stop)
        self.host = self.registry.host

    def base_image(self):
        self.registry.push("aarch64/alpine:3.5", Index([base(self.tools, arch) for arch in MACHINE]))

    def put(self, name, text):
        return self.write(os.path.join("repo", name), text.replace("HOST", self.host))

    def git(self, *arguments):
        return self.tool("git", "-C", self.path("repo"), *arguments, env={**os.environ, **GIT}).decode().strip()

    def commit(self):
        if not os.path.isdir(self.path("repo/.git")):
            self.git("init", "-q", "-b", "main")
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "change")

    def package(self, build_yml=BUILD_YML, dockerfile=DOCKERFILE):
        self.put("hello/build.yml", build_yml)
        self.put("hello/Dockerfile", dockerfile)
        self.put("hello/etc/greeting", "hello\n")
        self.put("sister/build.yml", "image: sister\norg: HOST/team\ntag: v1-{{.Hash}}\n")
        self.commit()
        return self.path("repo/hello")

    def pkg(self, verb, *arguments, **more):
        return self.kiln.run("pkg", verb, *arguments, **more)

    def tag(self, *arguments):
        return self.succeeds(self.pkg("show-tag", *arguments)).stdout.strip()

    def raw(self, name):
        """The manifest or index of a name in the registry, to skopeo."""
        return json.loads(self.tool("skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name))

    def config(self, name, arch):
        options = ["--config", "--tls-verify=false", "--override-arch", arch]
        return json.loads(self.tool("skopeo", "inspect", *options, "docker://" + name))

    def images(self, name):
        """The entries of its index, without what attests them."""
        return [entry for entry in self.raw(name)["manifests"] if entry["platform"]["os"] != "unknown"]

    def platforms(self, name):
        return [entry["platform"]["architecture"] for entry in self.images(name)]

    def tree(self, image, arch):
        """The root of an image, to `kiln build`."""
        system = self.write_system({"onboot": [{"name": "it", "image": image}]})
        self.succeeds(self.kiln.build(system, "-f", "tar", arch=arch))
        nodes = read(os.path.join(self.kiln.out, "os.tar"))
        prefix = "containers/onboot/000-it/lower/"
        return {path.removeprefix(prefix): node for path, node in nodes.items() if path.startswith(prefix)}


class Quick(Packages):
    def test_tags(self):
        """names are those of a model of git's objects, for clean and changed directories, extra sources, commits and templates"""
        directory = self.package()
        self.put("hello/run.sh", "#!/bin/sh\n")
        os.chmod(os.path.join(directory, "run.sh"), 0o755)
        os.symlink("run.sh", os.path.join(directory, "link"))
        self.put("hello/a.b/file", "1\n")
        self.put("hello/a/file", "2\n")  # sorts after a.b as a directory, before it as a name
        self.put("hello/.gitignore", "*.log\n")
        self.commit()
        name = f"{self.host}/team/hello"
        clean = git_model.package_hash(directory)
        self.assertEqual(self.tag(directory), f"{name}:{clean}")
        self.put("hello/x.log", "ignored\n")
        self.assertEqual(self.tag(directory), f"{name}:{clean}")
        os.unlink(os.path.join(directory, "x.log"))
        self.checked("a directory with programs, links, directories of all kinds: " + clean)
        self.assertEqual(self.tag("--hash-path", self.path("repo"), directory), f"{name}:{git_model.tree_id(self.path('repo'))}")
        self.assertEqual(self.tag("--tag", "6.12-{{.Hash}}", "--org", "o", directory), f"o/hello:6.12-{clean}")
        self.assertEqual(self.tag("--hash", "h", directory), f"{name}:h")
        self.assertEqual(self.succeeds(self.pkg("show-tag", "--dev", directory, env={"USER": "me"})).stdout, "me/hello:dev\n")
        self.assertEqual(self.tag("--canonical", "--org", "o", directory), f"docker.io/o/hello:{clean}")
        environment = {"LINUXKIT_PKG_ORG": "env"}
        self.assertEqual(self.succeeds(self.pkg("show-tag", directory, env=environment)).stdout, f"env/hello:{clean}\n")
        self.checked("--hash-path, --tag, --org, --hash, --dev, --canonical, LINUXKIT_PKG_ORG")
        tracked = self.git("-C", directory, "ls-files").splitlines()
        self.assertEqual(self.tag("--force-dirty", directory), f"{name}:{clean}{git_model.dirty_suffix(directory, tracked)}")
        self.put("hello/etc/greeting", "changed\n")
        self.put("hello/new", "new\n")
        changed = f"{name}:{clean}{git_model.dirty_suffix(directory, tracked, ['new'])}"
        self.assertEqual(self.tag(directory), changed)
        os.unlink(os.path.join(directory, "run.sh"))
        self.assertNotEqual(self.tag(directory), changed)
        self.checked("changed, new, deleted and forced: the suffix is that of the contents")
        self.commit()
        self.assertEqual(self.tag("--hash-commit", "HEAD~1", directory), f"{name}:{clean}")
        self.assertEqual(self.tag(directory), f"{name}:{git_model.package_hash(directory)}")
        self.put("hello/build.yml", BUILD_YML + "extra-sources: ['../sister:sister', '../hello/etc:copy']\n")
        self.commit()
        extra = git_model.package_hash(directory, [self.path("repo/sister"), self.path("repo/hello/etc")])
        self.assertEqual(self.tag(directory), f"{name}:{extra}")
        self.checked("another commit, and extra sources")
        outside = self.write("outside/build.yml", "image: x\norg: o\n")
        no_git = {"GIT_CEILING_DIRECTORIES": self.work}  # the test itself may run inside of a work tree
        result = self.succeeds(self.pkg("show-tag", os.path.dirname(outside), env=no_git))
        self.assertEqual(result.stdout, "o/x:latest\n")
        self.checked("latest outside of git")

    def test_build_and_push(self):
        """buildah builds for amd64 and arm64 from a base in a registry; one index, read by skopeo; labels, arguments, layers"""
        self.base_image()
        directory = self.package()
        name = self.tag(directory)
        built = self.succeeds(self.pkg("push", directory))
        self.assertEqual(built.stdout, name + "\n")
        index = self.raw(name)
        self.assertEqual(index["mediaType"], "application/vnd.oci.image.index.v1+json")
        images = self.images(name)
        self.assertEqual([entry["platform"] for entry in images],
                         [{"architecture": "amd64", "os": "linux"}, {"architecture": "arm64", "os": "linux"}])  # fmt: skip
        targets = [entry["annotations"]["vnd.docker.reference.digest"] for entry in index["manifests"][2:]]
        self.assertEqual(sorted(targets), sorted(entry["digest"] for entry in images))
        self.checked("an index of two images, what attests them, and nothing else")
        head, tree = self.git("rev-parse", "HEAD"), name.rpartition(":")[2]
        for entry in images:
            arch = entry["platform"]["architecture"]
            alone = self.raw(f"{name}-{arch}")
            self.assertEqual(alone["layers"][0]["digest"], base(self.tools, arch).layer_digests[0])
            self.assertEqual({layer["mediaType"] for layer in alone["layers"]}, {"application/vnd.oci.image.layer.v1.tar+gzip"})
            told = self.config(name, arch)
            self.assertEqual((told["architecture"], told.get("variant")), (arch, None))
            labels = told["config"]["Labels"]
            self.assertEqual(labels, {
                "org.mobyproject.linuxkit.version": self.succeeds(self.kiln.run("version", "--short")).stdout.strip(),
                "org.mobyproject.linuxkit.revision": self.succeeds(self.kiln.run("version", "--commit")).stdout.strip(),
                "org.mobyproject.config": '{"command":["/bin/hello","hello","from","a","Dockerfile"]}',
                "org.opencontainers.image.source": "https://example.org/hello",
                "org.opencontainers.image.revision": head,
            })  # fmt: skip
            environment = dict(item.split("=", 1) for item in told["config"]["Env"])
            self.assertEqual(environment, {
                "PATH": "/bin", "SISTER": f"{self.host}/team/sister:v1-{git_model.tree_id(self.path('repo/sister'))}",
                "REVISION": head, "GOPKGVERSION": f"v0.0.0-20260102020405-{head[:12]}", "PKG_HASH": tree,
                "PKG_IMAGE": f"{self.host}/team/hello", "SOURCE": "https://example.org/hello",
            })  # fmt: skip
            self.assertNotIn(self.work.lower(), json.dumps(told).lower())
            tree_of = self.tree(name, arch)
            self.assertEqual(tree_of["etc/greeting"].content, digest(b"hello\n"))
            self.assertEqual(tree_of["bin/hello"].content, digest(tool(self.tools, arch)))
        self.checked("TAG-ARCH, base layers as they were, labels, build arguments, nothing of this machine, the tree: for both")
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        copied = self.path("copied")
        self.tool("skopeo", "copy", "--all", "--src-tls-verify=false", "docker://" + name, f"oci:{copied}:copy")
        self.checked("skopeo copies it all")
        again = self.succeeds(self.pkg("build", directory))
        self.assertIn(f"found {name} in local cache, skipping build", again.stderr)
        self.kiln.store = self.path("second-store")
        elsewhere = self.succeeds(self.pkg("build", directory))
        self.assertIn(f"{name} arm64 found on registry", elsewhere.stderr)
        self.assertEqual(os.path.exists(self.path("second-store/kiln/packages/buildah")), False)
        self.checked("nothing is built that is in the cache or in the registry")

    def test_messages(self):
        """as linuxkit, what is done is said on stdout in its words; as kiln, only names are there"""
        self.base_image()
        directory = self.package()
        name = self.tag(directory)
        platform = ["--platforms", f"linux/{HERE}"]
        os.symlink(case.kiln.PROGRAM, self.path("linuxkit"))
        self.kiln.program = self.path("linuxkit")
        self.assertEqual(self.succeeds(self.pkg("build", *platform, directory)).stdout, f"""Building "{name}"
checking for {name} in local cache...
{name} {HERE} not found in local cache, checking registry
{name} {HERE} not found, will build
building {name} for arches: {HERE}
Building for arch {HERE} as {name}-{HERE}
Build complete, not pushing, all done.
""")
        pushed = self.succeeds(self.pkg("push", *platform, directory))
        self.assertEqual(pushed.stdout, f"""Building and pushing "{name}"
checking for {name} in local cache...
found {name} in local cache, skipping build
Build and push complete, not releasing, all done.
""")
        self.assertEqual(pushed.stderr.splitlines()[0], "Command \"push\" is deprecated, use 'pkg build --push' instead")
        released = self.succeeds(self.pkg("build", "--push", "--nobuild", "--release", "v1", *platform, directory))
        self.assertEqual(released.stdout, f"""Pushing "{name}" without building
Build, push and release of "v1" complete, all done.
""")
        self.assertNotIn("deprecated", released.stderr)
        self.kiln.store = self.path("second-store")
        pulled = self.succeeds(self.pkg("build", "--pull", *platform, directory))
        self.assertEqual(pulled.stdout.splitlines()[2:4], [f"{name} {HERE} not found in local cache, trying to pull", f"{name} pulled"])
        self.assertEqual(json.loads(self.succeeds(self.kiln.run("--json", "pkg", "build", *platform, directory)).stdout)["packages"][0]["image"], name)
        self.checked("linuxkit: built, found, pushed with a notice, released, pulled; --json stays an object")
        self.kiln.program = case.kiln.PROGRAM
        built = self.succeeds(self.pkg("push", *platform, directory))
        self.assertEqual(built.stdout, name + "\n")
        self.assertIn(f"found {name} in local cache, skipping build", built.stderr)
        self.assertNotIn("deprecated", built.stderr)
        self.checked("kiln: the name, and the messages on stderr")

    def test_sbom(self):
        """images get an SPDX document of the packages in them, which `build --sbom` collects"""
        apk = "P:musl\nV:1.2.5-r0\nA:x86_64\nL:MIT\no:musl\n\nP:busybox\nV:1.36.1-r2\nA:x86_64\no:busybox\n\n"
        files = [file("lib/apk/db/installed", apk), file("etc/os-release", 'ID=alpine\nVERSION_ID=3.20.1\n')]
        self.registry.push("aarch64/alpine:3.5", Image([files], HERE, config={"Env": ["PATH=/bin"]}))
        directory = self.package()
        more = "P:musl\nV:1.2.5-r1\nA:x86_64\nL:MIT\n\n"
        self.put("hello/installed", more)
        self.put("hello/Dockerfile", "ARG BASE\nFROM ${BASE}\nCOPY installed /lib/apk/db/installed\nCOPY etc /etc/\n")
        self.commit()
        platform = ["--platforms", f"linux/{HERE}"]
        self.succeeds(self.pkg("push", *platform, directory))
        name = self.tag(directory)
        image, attestation = self.raw(name)["manifests"]
        self.assertEqual(attestation["annotations"], {
            "vnd.docker.reference.type": "attestation-manifest", "vnd.docker.reference.digest": image["digest"],
        })  # fmt: skip
        system = self.write_system({"services": [{"name": "it", "image": name}]})
        self.succeeds(self.kiln.build(system, "-f", "tar", "--sbom", arch=HERE))
        document = json.loads(content(os.path.join(self.kiln.out, "os.tar"), "sbom.spdx.json"))
        packages = {package["name"]: package for package in document["packages"]}
        self.assertEqual(set(packages), {name, "musl"})
        self.assertEqual(packages[name]["versionInfo"], image["digest"])
        url = packages["musl"]["externalRefs"][0]["referenceLocator"]
        self.assertEqual(url, "pkg:apk/alpine/musl@1.2.5-r1?arch=x86_64&distro=alpine-3.20.1")
        related = [[r[key] for key in ("spdxElementId", "relationshipType", "relatedSpdxElement")] for r in document["relationships"]]
        self.assertIn([packages[name]["SPDXID"], "CONTAINS", packages["musl"]["SPDXID"]], related)
        self.checked("in the index, and in the system's document: " + url)
        self.put("hello/installed", "P:musl\n")
        failed = self.pkg("build", *platform, directory)
        self.assertEqual(failed.status, 1)
        self.assertRegex(failed.stderr, r"error: building package '.*' for \w+: making its SBOM: '.*': /lib/apk/db/installed:1: "
                                        r"package 'musl' has no version \(V:\)\nhint: '--sbom-scanner false' builds it without one\n$")  # fmt: skip
        self.succeeds(self.pkg("build", *platform, "--sbom-scanner", "false", directory))
        self.checked("a database that is damaged is an error, unless no SBOM is wanted")

    def test_run(self):
        """RUN: no network unless it is asked for; a failure is told with what the command printed"""
        self.base_image()
        text = "ARG BASE\nFROM $BASE AS build\nENV GREETING=hi\nRUN report /report\nFROM $BASE\nCOPY --from=build /report /\n"
        directory = self.package(dockerfile=text)
        platform = ["--platforms", f"linux/{HERE}"]
        self.succeeds(self.pkg("build", *platform, directory))
        report = f"machine {MACHINE[HERE]}\ngreeting hi\ninterfaces "
        tree = self.tree(self.tag(directory), HERE)
        self.assertEqual(tree["report"].content, digest((report + "lo\n").encode()))
        self.checked("it ran on this machine with the environment of the Dockerfile and without a network")
        self.succeeds(self.pkg("build", *platform, "--force", "--network", "--disable-cache", directory))
        tree = self.tree(self.tag(directory), HERE)
        self.assertNotEqual(tree["report"].content, digest((report + "lo\n").encode()))
        self.checked("--network gives it one")
        self.put("hello/Dockerfile", "ARG BASE\nFROM $BASE\nRUN fail\n")
        failed = self.pkg("build", *platform, directory)
        self.assertEqual(failed.status, 1)
        self.assertRegex(failed.stderr, r"error: building package '.*' for \w+: buildah ended with status \d+:")
        self.assertIn("failing as told", failed.stderr)
        self.assertIn("hint: commands have no network unless build.yml says 'network: true'", failed.stderr)
        # A stage that runs here, for an image of the other architecture: no emulation is needed.
        self.put("hello/Dockerfile", "ARG BASE\nFROM --platform=$BUILDPLATFORM $BASE AS b\nRUN report /r\nFROM scratch\nCOPY --from=b /r /\n")
        self.commit()
        self.succeeds(self.pkg("build", "--platforms", f"linux/{OTHER}", directory))
        report = f"machine {MACHINE[HERE]}\ngreeting none\ninterfaces lo\n"
        self.assertEqual(self.tree(self.tag(directory), OTHER)["r"].content, digest(report.encode()))
        self.checked("--platform=$BUILDPLATFORM runs here for an image of " + OTHER)
        self.checked("a command that fails: " + failed.stderr.strip().splitlines()[-1])

    def test_story(self):
        """the story of 2017: FROM aarch64/alpine, an architecture in the tag, a kernel package with a release"""
        # As written: the name is Docker Hub's, so the stand-in lies in the store.
        self.store_images({"docker.io/aarch64/alpine:3.5": base(self.tools, "arm64")})
        build_yml = "image: kernel\norg: HOST/linuxkit\narches: [arm64]\ntag: 4.10.x-arm64\n"
        directory = self.package(build_yml, "FROM aarch64/alpine:3.5\nCOPY etc/greeting /kernel\n")
        self.git("tag", "v4.10")
        self.git("tag", "also")
        self.succeeds(self.pkg("build", "--push", directory))
        name = f"{self.host}/linuxkit/kernel:4.10.x-arm64"
        self.assertEqual(self.platforms(name), ["arm64"])
        self.assertEqual(self.raw(name + "-arm64"), self.raw(f"{self.host}/linuxkit/kernel:v4.10-arm64"))
        for tag in ("v4.10", "also"):
            self.assertEqual(self.raw(f"{self.host}/linuxkit/kernel:{tag}"), self.raw(name))
        self.checked("built, pushed, released under both tags of HEAD: " + name)
        self.assertEqual(self.tree("@pkg:repo/hello", "arm64")["kernel"].content, digest(b"hello\n"))
        self.checked("a YAML that names it with @pkg: takes it from the store")

    def test_index_grows(self):
        """machines that build one architecture each add to one index; releases stay; nothing dirty; manifest and remote-tag"""
        self.base_image()
        directory = self.package()
        name = self.tag(directory)
        for number, arch in enumerate(("arm64", "amd64")):
            self.kiln.store = self.path(f"store-{arch}")
            self.succeeds(self.pkg("push", "--platforms", f"linux/{arch}", "--release", "v1", directory))
            self.assertEqual(self.platforms(name), [["arm64"], ["amd64", "arm64"]][number])
        self.assertEqual(self.platforms(f"{self.host}/team/hello:v1"), ["arm64"])
        self.checked("two pushes, one index; the release that was there is left alone")
        whole = self.raw(name)
        self.succeeds(self.pkg("push", "--nobuild", directory))
        self.assertEqual(self.raw(name), whole)
        self.checked("pushing again, with one of the two, leaves the index as it is")
        # An index that was lost is made anew from the images.
        other = f"{self.host}/team/hello:v2"
        for arch in MACHINE:
            self.succeeds(self.pkg("remote-tag", f"{name}-{arch}", f"{other}-{arch}"))
        made = self.succeeds(self.pkg("manifest", "--tag", "v2", directory))
        self.assertEqual(self.platforms(other), ["amd64", "arm64"])
        self.assertEqual(made.stdout.split()[0], other)
        self.assertIn(f"the registry has no '{other}-riscv64'", made.stderr)
        self.assertEqual(self.images(other), self.images(name))
        self.checked("pkg manifest makes an index of TAG-ARCH, and says what is missing")
        copy = f"{self.host}/elsewhere/hello:v3"
        self.succeeds(self.pkg("remote-tag", name, copy))
        self.assertEqual(self.raw(copy), self.raw(name))
        self.assertEqual(self.config(copy, "arm64"), self.config(name, "arm64"))
        self.assertIn("is that image already", self.succeeds(self.pkg("remote-tag", name, copy)).stderr)
        self.checked("remote-tag copies into another repository, and once")
        self.put("hello/etc/greeting", "changed\n")
        failed = self.pkg("push", "--platforms", "linux/arm64", directory)
        self.fails_with(failed, failed.stderr)
        self.assertRegex(failed.stderr, r"error: build complete, refusing to push dirty package\n"
                                        r"hint: commit the changes in '.*/repo/hello' first\n$")  # fmt: skip
        self.assertNotIn("dirty", json.dumps(json.loads(self.tool("skopeo", "list-tags", "--tls-verify=false", f"docker://{self.host}/team/hello"))))
        self.checked("a dirty package is built and not pushed")

    def test_context(self):
        """extra sources, images that lie in the context as archives, and what is left of the package's directory"""
        self.base_image()
        needed = Image([[file("needed", "x\n")]], OTHER)
        self.registry.push("team/needed:1", needed)
        pinned = f"{self.host}/team/needed@{needed.descriptor['digest']}"
        more = f"extra-sources: ['../sister:from/sister']\ndepends: {{docker-images: {{list: ['{pinned}'], target-dir: images}}}}\n"
        text = "ARG BASE\nFROM $BASE\nCOPY from/sister/build.yml /sister\nCOPY images /images\n"
        directory = self.package(BUILD_YML + more, text)
        before = sorted(os.listdir(directory))
        self.succeeds(self.pkg("build", "--platforms", f"linux/{OTHER}", directory))
        tree = self.tree(self.tag(directory), OTHER)
        with open(self.path("repo/sister/build.yml"), "rb") as stream:
            self.assertEqual(tree["sister"].content, digest(stream.read()))
        archive = f"images/needed@{needed.descriptor['digest']}.tar"
        self.assertIn(archive, tree)
        self.assertEqual(sorted(os.listdir(directory)), before)
        self.checked("both are in the image, and the package's directory is as it was")

    def test_dry_run(self):
        """--dry-run says docker's command, or that of the engine named"""
        directory = self.package()
        result = self.succeeds(self.pkg("build", "--dry-run", directory))
        lines = result.stdout.splitlines()
        self.assertEqual(len(lines), 2)
        self.assertRegex(lines[1], r"^docker buildx build --builder linuxkit-builder --platform linux/arm64 .*/hello$")
        result = self.succeeds(self.pkg("build", "--dry-run", "--engine", "buildah", "--platforms", "arm64", directory))
        self.assertRegex(result.stdout, r"^unshare --net buildah .* --platform linux/arm64 .*/hello\n$" if os.geteuid() == 0 else "buildah")
        self.checked(lines[1][:70] + "…")

    def test_refused(self):
        """what is wrong is said, with its place"""
        directory = self.package()
        empty = self.write("bin/git", "")
        shutil.copy(shutil.which("git"), empty)
        only_git = {"PATH": os.path.dirname(empty)}
        failed = self.pkg("build", directory, env=only_git)
        self.assertIn("no program is here that builds Dockerfiles\nhint: install buildah", failed.stderr)
        failed = self.pkg("build", "--platforms", "amd64", directory)
        self.assertRegex(failed.stderr, r"error: building package '.*' for amd64: line 2 of its Dockerfile: pulling '.*': ")
        for arguments, message in [
            (["--release", "v1"], "error: --release: only what is pushed is released\n"),
            (["--hash-commit", "HEAD~1"], "error: cannot build from commit hash != HEAD\n"
                                          "hint: what is built are the files as they are; --nobuild and show-tag take any commit\n"),
            (["--builders", "arm64"], "error: --builders 'arm64': expected PLATFORM=CONTEXT, for example linux/arm64=far\n"),
            (["--registry-creds", "secret"], "error: --registry-creds: expected REGISTRY=USER:PASSWORD or REGISTRY=TOKEN\n"),
            (["--hash-path", self.path("repo/sister")],
             f"error: hash path '{self.path('repo/sister')}': it is not above package '{directory}'\n"),
        ]:  # fmt: skip
            self.fails_with(self.pkg("build", *arguments, directory), message)
            self.checked(message.splitlines()[0])


class Emulated(Packages):
    def test_run_for_another_architecture(self):
        """RUN for the other architecture, by the kernel's binfmt_misc and qemu-user"""
        if not os.path.exists(f"/proc/sys/fs/binfmt_misc/qemu-{MACHINE[OTHER]}"):
            self.skipTest(f"the kernel does not run programs for {OTHER}: qemu-user-static and binfmt-support are not set up")
        self.base_image()
        text = "ARG BASE\nFROM --platform=$BUILDPLATFORM $BASE AS build\nRUN report /here\nFROM $BASE\nRUN report /there\nCOPY --from=build /here /\n"
        directory = self.package(dockerfile=text)
        self.succeeds(self.pkg("build", "--platforms", f"linux/{OTHER}", directory))
        tree = self.tree(self.tag(directory), OTHER)
        for name, arch in (("here", HERE), ("there", OTHER)):
            report = f"machine {MACHINE[arch]}\ngreeting none\ninterfaces lo\n"
            self.assertEqual(tree[name].content, digest(report.encode()))
        self.checked("a stage for this machine and one for the other")

    def test_podman(self):
        """podman builds the same"""
        self.needs("podman")
        self.base_image()
        directory = self.package()
        self.succeeds(self.pkg("build", "--engine", "podman", directory))
        for arch in MACHINE:
            self.assertEqual(self.tree(self.tag(directory), arch)["etc/greeting"].content, digest(b"hello\n"))
        self.checked("for both architectures")


class Boot(Packages):
    def test_boot(self):
        """a system with an onboot container built from a Dockerfile boots and runs it"""
        arch = "amd64"
        self.base_image()
        directory = self.package()
        self.kiln.store = shared_store()
        system = self.write_system({
            "kernel": {"image": "@kiln:kernel-cloud", "cmdline": "console=ttyS0"},
            "init": ["@kiln:init", "@kiln:crun"],
            "onboot": [{"name": "hello", "image": "@pkg:repo/hello"},
                       {"name": "poweroff", "image": "@kiln:poweroff", "command": ["/sbin/poweroff", "-f"]}],
        })  # fmt: skip
        self.succeeds(self.kiln.build(system, arch=arch, timeout=1500))
        self.addCleanup(self.kiln.run, "cache", "rm", self.tag("--canonical", directory))
        machine = Machine(self.kiln, "--state", self.path("state"), os.path.join(self.kiln.out, "os"))
        self.addCleanup(machine.kill)
        machine.wait_for(rf"^hello from a Dockerfile on {MACHINE[arch]}$", 180)
        machine.ended(120)
        self.checked("its program spoke on the console: built by `kiln build`, as the store had no image")


if __name__ == "__main__":
    case.main()
