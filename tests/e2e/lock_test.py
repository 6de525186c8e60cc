#!/usr/bin/env python3
"""kiln lock and kiln build --locked: the same system from the same inputs, whatever has moved since. And several
platforms in one build.

usage: lock_test.py [Locks|Packages|Dockerfiles|Debian|Platforms]…
"""

import functools
import hashlib
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, samples
from kiln_test.image import Attested, Image, Index
from kiln_test.layer import file
from kiln_test.layout import Layout
from kiln_test.registry import DockerRegistry
from kiln_test.tarball import content, read
from kiln_test.tree import digest

ARCHES = ("amd64", "arm64")


def app(seed):
    shared = [file("shared", samples.noise(90_000, "shared"))]
    return Index([Image([shared, [file("app", samples.noise(30_000, seed + arch), 0o755)]], arch, config=samples.COMMAND) for arch in ARCHES])


class Frame(case.Case):
    def registry(self):
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"))
        self.addCleanup(lambda: registry.process.poll() is None and registry.stop())
        return registry

    def system(self, images, name="os.yml"):
        services = [{"name": service, "image": image} for service, image in images.items()]
        return self.write_system({"services": services}, name)

    def lock(self):
        with open(self.path("kiln.lock"), encoding="utf-8") as stream:
            return stream.read()

    def git(self, *arguments):
        identity = ("-c", "user.name=test", "-c", "user.email=test@example.org", "-c", "init.defaultBranch=main")
        return self.tool("git", *identity, *arguments, cwd=self.work).decode().strip()

    def commit(self, path="pkg"):
        if not os.path.isdir(self.path(".git")):
            self.git("init", "-q")
        self.git("add", path)
        self.git("commit", "-qm", "change")

    def app_of(self, path, service="app"):
        """Which app a tar has."""
        content = read(path)[f"containers/services/{service}/lower/app"].content
        found = [s for s in ("old", "new", "other") for arch in ARCHES if digest(samples.noise(30_000, s + arch)) == content]
        return found[0]


def relock(text):
    """The lock's text with the checksum it should have."""
    text = text.partition("checksum: ")[0]
    return f"{text}checksum: sha256:{hashlib.sha256(text.encode()).hexdigest()}\n"


class Archive:
    """A Debian archive of whose files only pool/ is there, on loopback."""

    def __init__(self, directory):
        os.makedirs(directory)
        self.directory, self.asked = directory, []
        asked = self.asked

        class Handler(http.server.SimpleHTTPRequestHandler):
            def do_GET(self):
                asked.append(self.path)
                super().do_GET()

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=directory))
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def put(self, path, content):
        path = os.path.join(self.directory, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(content)

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


class Locks(Frame):
    def test_moving_tag(self):
        """a tag moves: a locked build keeps what it was; --update renews it; offline too"""
        registry = self.registry()
        image = f"{registry.host}/team/app:1"
        registry.push("team/app:1", app("old"))
        registry.push("team/other:1", app("other"))
        yml = self.system({"app": image, "other": f"{registry.host}/team/other:1"})
        result = self.kiln.build(yml, "--locked", "-f", "tar")
        self.fails_with(
            result, f"error: there is no '{self.path('kiln.lock')}'\nhint: `kiln lock` with the same YAML files writes it\n"
        )
        self.checked("no lock: " + result.stderr.splitlines()[0])

        self.succeeds(self.kiln.run("lock", "--platform", "linux/arm64,linux/amd64", yml))
        lock = self.path("kiln.lock")
        with open(lock, encoding="utf-8") as stream:
            text = stream.read()
        for arch, its in zip(ARCHES, app("old").images):
            self.assertIn(f"    linux/{arch}: {its.descriptor['digest']}\n", text)
        self.succeeds(self.kiln.run("lock", yml))
        with open(lock, encoding="utf-8") as stream:
            self.assertEqual(stream.read(), text)
        self.checked("every reference, both platforms; written again it is the same")

        registry.push("team/app:1", app("new"))
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar"))
        self.assertEqual(self.app_of(self.path("out/os.tar")), "old")
        self.kiln.store = self.path("second-store")
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", name="again"))
        self.assertEqual(self.kiln.outputs()["again.tar"], self.kiln.outputs()["os.tar"])
        self.checked("the tag has moved: a locked build has the old one, from an empty store too, byte for byte")
        self.succeeds(self.kiln.build(yml, "-f", "tar", name="unlocked"))
        self.assertEqual(self.app_of(self.path("out/unlocked.tar")), "new")
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", name="after"))
        self.assertEqual(self.kiln.outputs()["after.tar"], self.kiln.outputs()["os.tar"])
        self.checked("an unlocked build has the new one; the two live beside each other in one store")

        result = self.succeeds(self.kiln.run("lock", "--update", f"{registry.host}/team/app", yml))
        old, new = (index.images[0].descriptor["digest"] for index in (app("old"), app("new")))
        self.assertIn(f"  {image} linux/amd64: {old} -> {new}\n", result.stdout)
        self.assertNotIn("team/other", result.stdout)
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar"))
        self.assertEqual(self.app_of(self.path("out/os.tar")), "new")
        self.checked("--update renewed that name and no other")
        result = self.kiln.run("lock", "--update", "nginx", yml)
        self.assertEqual((result.status, result.stderr), (1, f"error: --update nginx: {lock} has no such name\n"))

        registry.stop()
        before = self.kiln.outputs()["os.tar"]
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", name="offline"))
        self.assertEqual(self.kiln.outputs()["offline.tar"], before)
        self.succeeds(self.kiln.run("lock", "--check", yml))
        self.checked("offline: the same bytes; --check asks nobody")
        self.assertEqual(Layout(self.kiln.store).problems(), [])

    def test_volume(self):
        """a volume in OCI layout holds its image as a whole: the lock has that by its own digest"""
        registry = self.registry()
        registry.push("team/app:1", app("old"))
        volume = {"name": "images", "image": f"{registry.host}/team/app:1", "format": "oci", "readonly": True}
        yml = self.write_system({"volumes": [volume], "services": [{"name": "app", "image": f"{registry.host}/team/app:1"}]})
        self.succeeds(self.kiln.run("lock", "--platform", "linux/amd64", yml))
        self.assertIn(f"    all: {app('old').descriptor['digest']}\n", self.lock())
        registry.push("team/app:1", app("new"))
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar"))
        self.kiln.store = self.path("second-store")
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", name="again"))
        self.assertEqual(self.kiln.outputs()["again.tar"], self.kiln.outputs()["os.tar"])
        blobs = [path for path in read(self.path("out/again.tar")) if path.startswith("containers/volumes/images/lower/blobs/sha256/")]
        for its in app("old").images:
            self.assertIn("containers/volumes/images/lower/blobs/sha256/" + its.descriptor["digest"].partition(":")[2], blobs)
        registry.stop()
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", name="offline"))
        self.assertEqual(self.kiln.outputs()["offline.tar"], self.kiln.outputs()["os.tar"])
        self.checked("both platforms of it, from an empty store after the tag has moved, and offline")

    def test_sbom(self):
        """--locked --sbom: the attestation the lock names, whatever the registry's index says by now; then offline"""
        registry = self.registry()

        def image(seed):
            return Attested(Image([[file("app", seed)]], config=samples.COMMAND), [{"spdxVersion": "SPDX-2.3", "packages": [{"name": seed}]}])

        registry.push("team/app:1", image("old"))
        yml = self.system({"app": f"{registry.host}/team/app:1"})
        self.succeeds(self.kiln.run("lock", "--platform", "amd64", yml))
        old = image("old")
        expected = f"    linux/amd64:\n      image: {old.images[0].descriptor['digest']}\n      attestation: {old.attestation['digest']}\n"
        self.assertIn(expected, self.lock())
        self.succeeds(self.kiln.build(yml, "--sbom", "-f", "tar"))
        registry.push("team/app:1", image("new"))
        self.kiln.store = self.path("second-store")
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", name="again"))
        self.assertEqual(self.kiln.outputs()["again.tar"], self.kiln.outputs()["os.tar"])
        packages = json.loads(content(self.path("out/again.tar"), "sbom.spdx.json"))["packages"]
        self.assertEqual(packages, [{"name": "old"}])
        registry.stop()
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", name="offline"))
        self.assertEqual(self.kiln.outputs()["offline.tar"], self.kiln.outputs()["os.tar"])
        self.succeeds(self.kiln.run("lock", yml))
        self.assertIn(expected, self.lock())
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        self.checked("the same document as before, from an empty store after the tag has moved")

    def test_refusals(self):
        """what a lock does not have, one that was changed by hand, one of another system"""
        image = app("old")
        self.store_images({"h.example/app:1": image, "h.example/app:2": image})
        yml = self.system({"app": "h.example/app:1"})
        self.succeeds(self.kiln.run("lock", "--platform", "linux/amd64", yml))
        lock = self.path("kiln.lock")
        good = open(lock, encoding="utf-8").read()

        other = self.system({"app": "h.example/app:2"})
        result = self.kiln.build(other, "--locked", "-f", "tar")
        self.assertIn(f"os.yml:5:13: {lock} does not have 'h.example/app:2' for linux/amd64, only 'h.example/app:1'\nhint: `kiln lock` adds", result.stderr)
        self.checked("a name it does not have: " + result.stderr.splitlines()[0])
        result = self.kiln.run("lock", "--check", other)
        self.fails_with(
            result,
            f"error: {lock} is not the lock of this configuration:\n  h.example/app:2 for linux/amd64 is not in it\n"
            "  h.example/app:1 is no longer used\nhint: `kiln lock` brings it up to date\n",
        )
        self.checked("--check lists what differs")
        yml = self.system({"app": "h.example/app:1"})
        self.succeeds(self.kiln.run("lock", "--check", yml))
        result = self.kiln.build(yml, "--locked", "-f", "tar", arch="arm64")
        self.assertIn(f"{lock} is for linux/amd64, and not for linux/arm64: it does not have 'h.example/app:1'\n"
                      "hint: `kiln lock --platform linux/amd64,linux/arm64` writes it", result.stderr)  # fmt: skip
        self.checked("a platform it does not have: " + result.stderr.splitlines()[0])

        amd64, arm64 = (its.descriptor["digest"] for its in image.images)
        self.write("kiln.lock", good.replace(amd64, arm64))
        result = self.kiln.build(yml, "--locked", "-f", "tar")
        self.assertEqual(result.status, 1)
        self.assertRegex(
            result.stderr,
            r"^error: .*kiln\.lock: its content has the checksum sha256:\w+, expected 'sha256:\w+' \(its last line\): it was "
            r"changed since `kiln lock` wrote it\nhint: ",
        )
        self.checked("a digest was changed: " + result.stderr.splitlines()[0])
        self.write("kiln.lock", good[: len(good) // 2])
        self.assertIn("it has no checksum", self.kiln.build(yml, "--locked", "-f", "tar").stderr)
        self.assertEqual(self.kiln.run("lock", yml).status, 1)
        os.unlink(lock)
        self.succeeds(self.kiln.run("lock", "--platform", "amd64", yml))
        self.assertEqual(open(lock, encoding="utf-8").read(), good)
        self.checked("half of it; without it a new one is written, the same")
        result = self.kiln.build(yml, "--locked", "--pull")
        self.assertEqual(result.status, 2, result)
        self.checked("--locked and --pull exclude each other")
        result = self.kiln.build(yml, "--locked", "--input-tar", self.path("out/os.tar"))
        self.fails_with(
            result, "error: --input-tar takes what is unchanged from a tar: it cannot be given with --locked\n"
        )
        self.checked("nor an earlier tar")


class Packages(Frame):
    """Packages of recipes: git and dpkg-deb, and no archive but one of ours."""

    def setUp(self):
        super().setUp()
        self.needs("git")

    def recipe(self, text, name="box"):
        """A package with this build.yml, committed."""
        self.write(f"pkg/{name}/build.yml", text)
        self.commit()

    def test_recipe(self):
        """a package named by @pkg: is made again as the lock has it, also at a later commit; a changed recipe is refused"""
        recipe = "org: test\nimage: hello\narches: [amd64, arm64]\ndebian:\n  packages: []\n  add:\n    - {path: /hello, contents: \"%s\"}\n"
        self.recipe(recipe % "one", "hello")
        yml = self.system({"hello": "@pkg:pkg/hello"})
        self.succeeds(self.kiln.run("lock", "--platform", "linux/amd64,linux/arm64", yml))
        text = self.lock()
        head = self.git("rev-parse", "HEAD")
        self.assertRegex(
            text,
            rf'    source: "@pkg:pkg/hello"\n    linux/amd64:\n      image: sha256:\w+\n      attestation: sha256:\w+\n      commit: {head}\n      kiln: ".+"\n'
            r"      debian: \[\]\n",
        )
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar"))
        # What a user does: the lock is committed, and checked out where nothing is in the store.
        self.commit("kiln.lock")
        self.assertNotEqual(self.git("rev-parse", "HEAD"), head)
        self.kiln.store = self.path("second-store")
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", name="again"))
        self.assertEqual(self.kiln.outputs()["again.tar"], self.kiln.outputs()["os.tar"])
        self.succeeds(self.kiln.run("lock", yml))
        self.assertEqual(self.lock(), text)
        self.checked("made again, its SBOM too, in an empty store at a later commit, byte for byte; the lock is right")

        self.write("pkg/hello/build.yml", recipe % "changed")
        result = self.kiln.run("lock", yml, "--lock-file", self.path("dirty.lock"))
        self.assertIn("@pkg:pkg/hello has changes that are not committed: the lock will not fit", result.stderr)
        self.write("pkg/hello/build.yml", recipe % "two")
        self.commit()
        result = self.kiln.build(yml, "--locked", "-f", "tar")
        self.assertRegex(
            result.stderr,
            r"package '@pkg:pkg/hello': .*kiln\.lock does not have @pkg:pkg/hello \('docker\.io/test/hello:\w+'\) for linux/amd64, "
            r"only 'docker\.io/test/hello:\w+': the package has changed since it was locked\n",
        )
        self.checked("a changed recipe: " + result.stderr.splitlines()[0])
        result = self.succeeds(self.kiln.run("lock", yml))
        self.assertIn(": removed\n", result.stdout)
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar"))
        self.assertEqual(read(self.path("out/os.tar"))["containers/services/hello/lower/hello"].content, digest(b"two"))

        # What came of another Kiln is told apart from what the lock says.
        good = self.lock()
        image = re.search(r"    linux/amd64:\n      image: (sha256:\w+)\n", good)[1]
        wrong = "sha256:" + "1" * 64
        self.write("kiln.lock", relock(good.replace(image, wrong)))
        self.kiln.store = self.path("third-store")
        result = self.kiln.build(yml, "--locked", "-f", "tar")
        self.assertIn(
            f"package '@pkg:pkg/hello': made again of what the lock names, its image is {image}, expected {wrong}\nhint: another "
            "version of Kiln, or of its compression library, made the locked one; `kiln lock --update @pkg:pkg/hello` takes this one\n",
            result.stderr,
        )
        self.checked("another image comes out: " + result.stderr.splitlines()[0])

    def test_pinned_packages(self):
        """.debs are fetched by version and SHA-256 from the archive's pool; gone or other ones are an error; offline if they are there"""
        self.needs("dpkg-deb", "apt-get")
        tiny = self.deb("tiny", "1.0-1", b"one\n")
        archive = Archive(self.path("mirror"))
        self.addCleanup(archive.stop)
        env = {"KILN_DEBIAN_MIRROR": archive.url, "no_proxy": "127.0.0.1"}
        pool = "pool/main/t/tiny/tiny_1.0-1_amd64.deb"
        self.recipe("org: test\nimage: box\narches: [amd64]\ndebian:\n  packages: [tiny]\n  keep: [/usr/bin/tiny]\n")
        yml = self.system({"box": "@pkg:pkg/box"})
        name = self.succeeds(self.kiln.run("pkg", "show-tag", "--canonical", self.path("pkg/box"))).stdout.strip()

        def lock(image, sha256):
            pin = f"tiny 1.0-1 amd64 sha256:{sha256} {pool}"
            text = f'version: 1\nimages: {{}}\npackages:\n  "{name}":\n    source: "@pkg:pkg/box"\n    linux/amd64:\n'
            self.write("kiln.lock", relock(text + f"      image: {image}\n      debian:\n        - {pin}\n"))

        good = hashlib.sha256(tiny).hexdigest()
        lock("sha256:" + "1" * 64, good)
        result = self.kiln.build(yml, "--locked", "-f", "tar", env=env)
        self.assertRegex(
            result.stderr,
            rf"^error: .*package '@pkg:pkg/box': building package .* for amd64: fetching tiny 1\.0-1 \(sha256:{good}\): "
            r"(.|\n)*404(.|\n)*\nhint: mirrors drop old versions: let KILN_DEBIAN_MIRROR name an archive that keeps them \(a snapshot\), "
            r"or let the lock have today's packages with `kiln lock --update NAME`\n$",
        )
        self.checked("a version that is gone: " + result.stderr.splitlines()[0][:150] + " …")
        archive.put(pool, self.deb("tiny", "1.0-1", b"other\n"))
        result = self.kiln.build(yml, "--locked", "-f", "tar", env=env)
        self.assertEqual(result.status, 1)
        self.assertRegex(result.stderr, r"fetching tiny 1\.0-1 (.|\n)*(Hash Sum mismatch|what came has not)")
        self.assertEqual(self.debs(), [])
        self.checked("other content under its name is not kept")
        archive.put(pool, tiny)
        result = self.kiln.build(yml, "--locked", "-f", "tar", env=env)
        made = re.search(r"its image is (sha256:\w+), expected sha256:1{64}", result.stderr)
        self.assertTrue(made, result)
        self.assertEqual(self.debs(), [good + ".deb"])
        lock(made[1], good)
        archive.stop()
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", env=env))
        self.assertEqual(read(self.path("out/os.tar"))["containers/services/box/lower/usr/bin/tiny"].content, digest(b"one\n"))
        self.assertEqual([path for path in archive.asked if path != "/" + pool], [])
        self.checked("fetched once, nothing but that file; then made without an archive")
        self.succeeds(self.kiln.run("lock", "--check", yml))

    def deb(self, name, version, content):
        """A Debian package with one file, /usr/bin/NAME."""
        root = self.path("deb", hashlib.sha256(content).hexdigest())
        for path, text in ((f"usr/bin/{name}", content), (f"usr/share/doc/{name}/copyright", b"free\n")):
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "wb") as stream:
                stream.write(text)
        os.makedirs(os.path.join(root, "DEBIAN"), exist_ok=True)
        with open(os.path.join(root, "DEBIAN/control"), "w", encoding="utf-8") as stream:
            stream.write(f"Package: {name}\nVersion: {version}\nArchitecture: amd64\nMaintainer: t <t@example.org>\nDescription: a test\n")
        self.tool("dpkg-deb", "--root-owner-group", "--build", root, root + ".deb", env={**os.environ, "SOURCE_DATE_EPOCH": "1"})
        with open(root + ".deb", "rb") as stream:
            return stream.read()

    def debs(self):
        return os.listdir(os.path.join(self.kiln.store, "kiln/packages/apt/archives"))


class Dockerfiles(Frame):
    """Packages of Dockerfiles, built by buildah from nothing."""

    def setUp(self):
        super().setUp()
        self.needs("git", "buildah")
        if os.geteuid() != 0 and subprocess.run(["buildah", "unshare", "true"], capture_output=True).returncode != 0:
            self.skipTest("buildah cannot make user namespaces here: no range in /etc/subuid, or the kernel forbids it")

    def test_dockerfile(self):
        """the image of a Dockerfile is locked; elsewhere it comes from the registry by its digest, or the build says that it does not"""
        registry = self.registry()
        self.write("pkg/web/build.yml", f"org: {registry.host}/team\nimage: web\narches: [amd64]\n")
        self.write("pkg/web/Dockerfile", 'FROM scratch\nCOPY page /page\nCMD ["/page"]\n')
        self.write("pkg/web/page", "hello\n")
        self.commit()
        yml = self.system({"web": "@pkg:pkg/web"})
        self.succeeds(self.kiln.run("lock", "--platform", "amd64", yml))
        text = self.lock()
        image = re.search(r'    source: "@pkg:pkg/web"\n    linux/amd64:\n      image: (sha256:\w+)\n      attestation: sha256:\w+\n      commit: \w+\n', text)
        self.assertTrue(image, text)
        self.assertNotIn("debian:", text)
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar"))
        self.assertEqual(read(self.path("out/os.tar"))["containers/services/web/lower/page"].content, digest(b"hello\n"))
        self.checked("built for the lock, and from it")
        first = self.kiln.store

        self.kiln.store = self.path("second-store")
        result = self.kiln.build(yml, "--locked", "-f", "tar", name="again")
        self.assertRegex(
            result.stderr,
            rf"package '@pkg:pkg/web': its Dockerfile, built anew, gives sha256:\w+, and neither the store nor registry '{registry.host}' "
            rf"has {image[1]} of the lock\nhint: a Dockerfile seldom gives the same image twice: push the locked one from where it was made "
            r"\(`kiln pkg push`\), or take the new one with `kiln lock --update @pkg:pkg/web`\n",
        )
        self.assertNotIn("again.tar", self.kiln.outputs())
        self.checked("another image comes out elsewhere: " + result.stderr.splitlines()[0])
        self.succeeds(self.kiln.run("pkg", "push", "--nobuild", self.path("pkg/web"), store=first))
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", name="again"))
        self.assertEqual(self.kiln.outputs()["again.tar"], self.kiln.outputs()["os.tar"])
        registry.stop()
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", name="offline"))
        self.assertEqual(self.kiln.outputs()["offline.tar"], self.kiln.outputs()["os.tar"])
        self.assertEqual(self.lock(), text)
        self.checked("pushed, it comes from the registry; then offline")

        self.kiln.store = self.path("third-store")
        result = self.succeeds(self.kiln.run("lock", "--update", "@pkg:pkg/web", yml))
        self.assertRegex(result.stdout, rf" linux/amd64: {image[1]} -> sha256:\w+\n")
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", name="updated"))
        self.checked("--update builds it anew")

    def test_same_again(self):
        """with SOURCE_DATE_EPOCH a Dockerfile that only copies gives the same image in an empty store, from a later commit"""
        env = {"SOURCE_DATE_EPOCH": "1700000000"}
        self.write("pkg/web/build.yml", "org: 127.0.0.1:1/team\nimage: web\narches: [amd64]\n")
        self.write("pkg/web/Dockerfile", "FROM scratch\nARG REVISION\nARG GOPKGVERSION\nENV V=$REVISION-$GOPKGVERSION\nCOPY page /page\nCMD [\"/page\"]\n")
        self.write("pkg/web/page", "hello\n")
        self.commit()
        yml = self.system({"web": "@pkg:pkg/web"})
        self.succeeds(self.kiln.run("lock", "--platform", "amd64", yml, env=env))
        self.commit("kiln.lock")
        self.kiln.store = self.path("second-store")
        self.succeeds(self.kiln.build(yml, "--locked", "-f", "tar", env=env))
        self.checked("the same image, though HEAD is another commit")


class Debian(Frame):
    """Needs Debian's archive: not among the quick ones."""

    def test_pinned_packages(self):
        """a package of Debian's is made again from the .debs in the lock: without the suite's lists, and offline"""
        self.needs("git")
        recipe = (
            "org: test\nimage: box\narches: [amd64, arm64]\ndebian:\n  packages: [gzip]\n  keep: [/usr/bin/gzip]\n"
            "  entrypoint: [/usr/bin/gzip]\n"
        )
        self.write("pkg/box/build.yml", recipe)
        self.commit()
        yml = self.system({"box": "@pkg:pkg/box"})
        self.succeeds(self.kiln.run("lock", "--platform", "linux/arm64", yml, timeout=900))
        with open(self.path("kiln.lock"), encoding="utf-8") as stream:
            pins = [line.split()[1:] for line in stream if line.startswith("        - ")]
        names = [pin[0] for pin in pins]
        self.assertEqual(names, sorted(names))
        self.assertTrue({"gzip", "libc6"} <= set(names))
        for name, version, arch, sha256, path in pins:
            self.assertTrue(version and arch in ("arm64", "all") and path.startswith("pool/") and path.endswith(".deb"))
            self.assertRegex(sha256, "^sha256:[0-9a-f]{64}$")
        self.checked("name, version, architecture, SHA-256 and file of " + ", ".join(names))
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", arch="arm64"))

        debs = os.path.join(self.kiln.store, "kiln/packages/apt/archives")
        self.kiln.store = self.path("second-store")
        shutil.copytree(debs, os.path.join(self.kiln.store, "kiln/packages/apt/archives"))
        unreachable = {"KILN_DEBIAN_MIRROR": "http://127.0.0.1:1/debian"}
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", arch="arm64", name="offline", env=unreachable))
        self.assertEqual(self.kiln.outputs()["offline.tar"], self.kiln.outputs()["os.tar"])
        self.assertEqual(os.listdir(os.path.join(self.kiln.store, "kiln/packages/apt")), ["archives"])
        self.checked("with the .debs alone, the same bytes")

        self.kiln.store = self.path("third-store")
        self.succeeds(self.kiln.build(yml, "--locked", "--sbom", "-f", "tar", arch="arm64", name="fetched", timeout=900))
        self.assertEqual(self.kiln.outputs()["fetched.tar"], self.kiln.outputs()["os.tar"])
        state = os.path.join(self.kiln.store, "kiln/packages/apt/trixie-arm64-main/lists")
        self.assertEqual([name for name in os.listdir(state) if "Packages" in name], [])
        self.checked("from an empty store: fetched from the pool, no lists")
        self.kiln.store = self.path("fourth-store")
        result = self.kiln.build(yml, "--locked", "-f", "tar", arch="arm64", name="none", env=unreachable)
        self.assertEqual(result.status, 1)
        self.assertRegex(result.stderr, r"fetching \S+ \S+ \(sha256:\w+\): (.|\n)*\nhint: what the lock names is fetched unless ")
        self.checked("neither: " + result.stderr.splitlines()[0][:160])


class Platforms(Frame):
    def test_two_in_one_build(self):
        """kiln build --platform linux/arm64,linux/amd64: outputs by architecture, those of two builds, byte for byte"""
        registry = self.registry()
        registry.push("team/app:1", app("old"))
        yml = self.system({"app": f"{registry.host}/team/app:1"})
        for arch in ARCHES:
            self.succeeds(self.kiln.build(yml, "-f", "tar", arch=arch, name=f"one-{arch}"))
        run = ("build", "--name", "os", "--dir", self.kiln.out, "-f", "tar")
        result = self.succeeds(self.kiln.run("--json", *run, "--platform", "linux/arm64,linux/amd64", yml))
        names = [os.path.basename(output["path"]) for output in json.loads(result.stdout)["outputs"]]
        self.assertEqual(names, ["os-arm64.tar", "os-amd64.tar"])
        made = self.kiln.outputs()
        for arch in ARCHES:
            self.assertEqual(made[f"os-{arch}.tar"], made[f"one-{arch}.tar"])
        self.checked("two tars, the same as of two builds")
        result = self.succeeds(self.kiln.run("--json", *run, "--platform", "linux/amd64", "--arch", "arm64,amd64", yml))
        self.assertTrue(all(output["unchanged"] for output in json.loads(result.stdout)["outputs"]))
        self.checked("again: both unchanged; a platform said twice is built once")
        self.succeeds(self.kiln.run(*run, "--platform", "linux/amd64", yml))
        self.assertIn("os.tar", self.kiln.outputs())
        self.checked("one platform has no architecture in its name")
        result = self.kiln.run("build", "-o", "-", "--platform", "linux/arm64,linux/amd64", yml)
        self.assertEqual(result.status, 1)
        self.assertIn("-o writes one stream: there are 2 platforms", result.stderr)
        before = self.kiln.outputs()
        result = self.kiln.run(*run, "--platform", "linux/arm64,linux/riscv64", yml)
        self.assertEqual(result.status, 1)
        self.assertIn("there is no image for linux/riscv64; there is: linux/amd64, linux/arm64", result.stderr)
        self.assertEqual(self.kiln.outputs(), before)
        self.checked("one of two cannot be built: nothing is changed: " + result.stderr.splitlines()[0])


if __name__ == "__main__":
    case.main()
