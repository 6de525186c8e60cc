#!/usr/bin/env python3
"""Publishing an operating system for iPXE: to directories, web servers, S3 and registries, and getting it back."""

import base64
import gzip
import json
import os
import shutil
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, layer, samples
from kiln_test.image import Image
from kiln_test.layer import file
from kiln_test.registry import DockerRegistry, free_port
from kiln_test.upload_server import S3, UploadServer, WebDav


def arm64_image(seed="kernel"):
    """What the first bytes of a raw ARM64 Image with EFI stub look like; it says that it reads zstd."""
    head = bytearray(4096)
    head[0:2] = b"MZ"
    head[0x38:0x3C] = b"ARM\x64"
    return bytes(head) + b"ZSTD-compressed data is corrupt\n" + samples.noise(60_000, seed)


def bzimage():
    head = bytearray(4096)
    head[0x1FE:0x200] = b"\x55\xaa"
    head[0x202:0x206] = b"HdrS"
    head[0x206:0x208] = b"\x0c\x02"
    head[0x236] = 1
    return bytes(head) + samples.noise(50_000, "bzimage")


def zboot(image):
    payload = gzip.compress(image, mtime=0)
    head = bytearray(64)
    head[0:8] = b"MZ\0\0zimg"
    head[8:12] = (64).to_bytes(4, "little")
    head[12:16] = len(payload).to_bytes(4, "little")
    head[24:28] = b"gzip"
    return bytes(head) + payload


CLASSIC = """#!ipxe
dhcp
set base-url {url}
set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon quiet initrd={initrd}
initrd ${{base-url}}/{initrd}
kernel ${{base-url}}/{kernel} ${{kernel-params}}
imgstat
boot
"""


class Publishing(case.Case):
    def prefix(self, name="os", kernel=None, cmdline="quiet"):
        """As `kiln build` would have written it."""
        self.initrd = samples.noise(70_000, "initrd")
        self.write(f"{name}-kernel", arm64_image() if kernel is None else kernel)
        self.write(f"{name}-initrd.img", self.initrd)
        self.write(f"{name}-cmdline", cmdline)
        return self.path(name)

    def system(self, service="one", arch="arm64", kernel=None):
        """A YAML whose service's content can be changed."""
        kernel = (arm64_image() if arch == "arm64" else bzimage()) if kernel is None else kernel
        self.store_images(
            {
                "example.org/os/kernel:1": Image([[file("kernel", kernel), file("kernel.tar", layer.tar(samples.MODULES))]], arch),
                "example.org/os/init:1": Image([[file("init", samples.noise(40_000, "init"), 0o755)]], arch),
                "example.org/os/app:1": Image([[file("app", samples.noise(30_000, service), 0o755)]], arch, config=samples.COMMAND),
                "example.org/os/other:1": Image([[file("other", samples.noise(90_000, "other"), 0o755)]], arch, config=samples.COMMAND),
            }
        )
        return self.write_system(
            {
                "kernel": {"image": "example.org/os/kernel:1", "cmdline": "quiet"},
                "init": ["example.org/os/init:1"],
                "services": [
                    {"name": "app", "image": "example.org/os/app:1"},
                    {"name": "other", "image": "example.org/os/other:1"},
                ],
            }
        )

    def listing(self, directory):
        found = {}
        for name in sorted(os.listdir(directory)):
            with open(os.path.join(directory, name), "rb") as stream:
                found[name] = stream.read()
        return found

    def push(self, *arguments, **more):
        return self.kiln.run("push", *arguments, **more)

    # Directories.

    def test_directory(self):
        """kiln push ipxe: the classic script with its files in a directory"""
        target = self.path("www/boot")
        url = "http://10.0.0.1:8000/boot"
        options = ["--base-url", url, "--kernel-name", "arm64-bzImage", "--initrd-name", "arm64-initrd.img"]
        self.succeeds(self.push("ipxe", self.prefix(), "--destination", target, *options))
        script = CLASSIC.format(url=url, kernel="arm64-bzImage", initrd="arm64-initrd.img").encode()
        self.assertEqual(self.listing(target), {"arm64-bzImage": arm64_image(), "arm64-initrd.img": self.initrd, "os.ipxe": script})
        self.checked("the files are named as asked for, and the script is the classic one")
        for name, kernel in {"gzip": gzip.compress(arm64_image()), "zboot": zboot(arm64_image())}.items():
            target = self.path(name)
            self.succeeds(self.push("ipxe", self.prefix(name, kernel), "--destination", "file://" + target, "--base-url", url))
            self.assertEqual(self.listing(target)[f"{name}-kernel"], arm64_image())
            self.checked(f"a kernel in the form {name} becomes the raw Image")

    def test_built(self):
        """kiln push ipxe os.yml: built first, the segments joined into one file"""
        system = self.system()
        self.succeeds(self.kiln.build(system, arch="arm64"))
        target = self.path("www")
        self.succeeds(self.push("ipxe", system, "--arch", "arm64", "--destination", target, "--base-url", "http://h/"))
        self.assertEqual(self.listing(target)["os-initrd.img"], self.kiln.outputs()["os-initrd.img"])
        self.checked("the initramfs is that of kiln build")
        self.succeeds(self.push("ipxe", system, "--arch", "arm64", "--destination", target, "--base-url", "http://h/", "--decompress"))
        plain = self.listing(target)["os-initrd.img"]
        self.assertTrue(plain.startswith(b"070701"))
        self.assertIn(samples.noise(30_000, "one"), plain)
        self.checked("with --decompress it is plain")

    def test_linuxkit(self):
        """kiln push equinixmetal and packet: LinuxKit's names and script, byte for byte"""
        prefix = self.prefix(cmdline="console=ttyAMA1")
        expected = (
            "#!ipxe\n\ndhcp\nset base-url http://h/d\ninitrd --name initrd ${base-url}/os-initrd.img\n"
            "set kernel-params ip=dhcp nomodeset ro console=ttyAMA1\n"
            "kernel ${base-url}/os-kernel initrd=initrd root=/dev/ram0 ${kernel-params}\nboot"
        )
        for verb in ("equinixmetal", "packet"):
            target = self.path(verb)
            self.succeeds(self.push(verb, prefix, "--destination", target, env={"METAL_BASE_URL": "http://h/d"}))
            found = self.listing(target)
            self.assertEqual(sorted(found), ["os-equinixmetal.ipxe", "os-initrd.img", "os-kernel"])
            self.assertEqual(found["os-equinixmetal.ipxe"].decode(), expected)
        self.checked("arm64")
        self.prefix("x", bzimage(), "console=tty0")
        target = self.path("x86")
        arguments = ["equinixmetal", "x", "--base-url", "http://h", "--img-name", "n", "--arch", "x86_64", "--destination", target]
        self.succeeds(self.push(*arguments, cwd=self.work))
        self.assertEqual(
            self.listing(target)["n-equinixmetal.ipxe"].decode(),
            "#!ipxe\n\ndhcp\nset base-url http://h\n"
            "set kernel-params ip=dhcp nomodeset ro serial console=ttyS1,115200 console=tty0\n"
            "kernel ${base-url}/n-kernel ${kernel-params}\ninitrd ${base-url}/n-initrd.img\nboot",
        )
        self.checked("x86_64, with METAL_NAME's option")

    def test_refused(self):
        """what cannot boot is refused before anything is written"""
        target = self.path("www")
        arguments = ["--destination", target, "--base-url", "http://h"]
        elf = self.prefix("elf", b"\x7fELF" + bytes(9000))
        self.fails_with(
            self.push("ipxe", elf, *arguments),
            f"error: kernel '{elf}-kernel' is an ELF image: iPXE does not start Linux in that form\n"
            "hint: take arch/arm64/boot/Image, arch/riscv/boot/Image or arch/x86/boot/bzImage of the kernel's build, not vmlinux\n",
        )
        prefix = self.prefix()
        self.fails_with(
            self.push("ipxe", prefix, "--arch", "amd64", *arguments),
            "error: the kernel is for arm64, not for amd64, which was asked for\n"
            "hint: build it with --arch amd64, or leave --arch out: it is seen from the kernel\n",
        )
        self.fails_with(
            self.push("ipxe", prefix, "--destination", target, "--base-url", "http://h/${mac}"),
            "error: base URL 'http://h/${mac}': iPXE would replace what follows \"${\"\n",
        )
        self.fails_with(
            self.push("ipxe", prefix, "--destination", "gopher://h/x", "--base-url", "http://h"),
            "error: destination 'gopher://h/x': unknown scheme 'gopher': expected a directory, file:, http:, https:, s3: or oci:\n",
        )
        self.assertFalse(os.path.exists(target))
        self.checked("an ELF kernel, another architecture, a URL that iPXE would change, an unknown scheme; not even the directory was made")

    # Web servers.

    def server(self, handler, **state):
        server = UploadServer(handler, **state)
        self.addCleanup(server.stop)
        return server

    def test_webdav(self):
        """kiln push ipxe to WebDAV: missing collections are made, the script comes last, logins"""
        dav = self.server(WebDav)
        url = dav.url + "/boot/arm64"
        self.succeeds(self.push("ipxe", self.prefix(), "--destination", url))
        puts = [path for method, path, status in dav.requests if method == "PUT" and status == 201]
        self.assertEqual(puts, [f"/boot/arm64/os{ending}" for ending in ("-kernel", "-initrd.img", ".ipxe")])
        script = CLASSIC.format(url=url, kernel="os-kernel", initrd="os-initrd.img").encode()
        self.assertEqual(dav.objects, dict(zip(puts, (arm64_image(), self.initrd, script))))
        self.checked("kernel, initramfs, script, in this order, into collections that were not there")
        dav.objects.clear()
        dav.fail["/boot/arm64/os-initrd.img"] = 507
        result = self.push("-q", "ipxe", self.path("os"), "--destination", url)
        self.fails_with(result, f"error: uploading '{url}/os-initrd.img': the server answered 507 (no room)\n")
        self.assertEqual(sorted(dav.objects), ["/boot/arm64/os-kernel"])
        self.checked("a failure halfway: no script")
        self.logins()

    def logins(self):
        basic = "Basic " + base64.b64encode(b"me:a secret").decode()
        dav = self.server(WebDav, authorization=basic)
        result = self.push("ipxe", self.path("os"), "--destination", dav.url)
        self.fails_with(
            result,
            f"error: uploading '{dav.url}/os-kernel': the server answered 401 (who are you?)\n"
            "hint: give credentials: KILN_HTTP_USER and KILN_HTTP_PASSWORD, KILN_HTTP_TOKEN, or a line in ~/.netrc\n",
        )
        login = {"KILN_HTTP_USER": "me", "KILN_HTTP_PASSWORD": "a secret"}
        self.succeeds(self.push("ipxe", self.path("os"), "--destination", dav.url, env=login))
        self.checked("Basic from the environment")
        dav.objects.clear()
        dav.authorization = "Basic " + base64.b64encode(b"me:secret").decode()
        self.write("home/.netrc", "machine 127.0.0.1 login me password secret\n")
        self.succeeds(self.push("ipxe", self.path("os"), "--destination", dav.url))
        self.assertEqual(len(dav.objects), 3)
        self.checked("Basic from ~/.netrc")
        dav.authorization = "Bearer a-token"
        self.succeeds(self.push("ipxe", self.path("os"), "--destination", dav.url, env={"KILN_HTTP_TOKEN": "a-token"}))
        self.checked("a bearer token")
        result = self.push("ipxe", self.path("os"), "--destination", f"http://me:secret@{dav.host}/")
        self.assertEqual(result.status, 1)
        self.assertNotIn("secret@", result.stderr)
        self.checked("credentials in the URL are refused: " + result.stderr.splitlines()[0])

    def test_nginx(self):
        """kiln push ipxe to nginx's dav module"""
        self.needs("nginx")
        port = free_port()
        directory = self.path("nginx")
        for name in ("data", "tmp"):
            os.makedirs(os.path.join(directory, name))
        config = self.write(
            "nginx/nginx.conf",
            f"daemon off; master_process off; pid {directory}/pid; error_log {directory}/errors;\n"
            f"events {{}}\nhttp {{ access_log off; client_body_temp_path {directory}/tmp; proxy_temp_path {directory}/p;\n"
            f"fastcgi_temp_path {directory}/f; uwsgi_temp_path {directory}/u; scgi_temp_path {directory}/s;\n"
            f"server {{ listen 127.0.0.1:{port}; root {directory}/data; client_max_body_size 0;\n"
            "location / { dav_methods PUT DELETE MKCOL; } } }\n",
        )
        user = ["-g", "user root;"] if os.geteuid() == 0 else []
        server = subprocess.Popen(["nginx", "-c", config, "-e", directory + "/errors", *user])
        self.addCleanup(server.wait)
        self.addCleanup(server.terminate)
        self.wait_for_port(port)
        self.succeeds(self.push("ipxe", self.prefix(), "--destination", f"http://127.0.0.1:{port}/a/b"))
        found = self.listing(os.path.join(directory, "data/a/b"))
        self.assertEqual(sorted(found), ["os-initrd.img", "os-kernel", "os.ipxe"])
        self.assertEqual(found["os-kernel"], arm64_image())
        self.checked("nginx has the three files, in collections that it was told to make")

    def wait_for_port(self, port):
        import socket

        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                return
            except OSError:
                self.assertLess(time.monotonic(), deadline, "the server does not come up")
                time.sleep(0.05)

    def test_s3(self):
        """kiln push ipxe to S3: the signature is right, of the whole content"""
        keys = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}
        server = self.server(S3, access_key="AKIDEXAMPLE", secret_key=keys["AWS_SECRET_ACCESS_KEY"], region="eu-test-1")
        arguments = ["ipxe", self.prefix(), "--destination", "s3://a-bucket/boot/arm64", "--base-url", "http://cdn/os"]
        arguments += ["--s3-endpoint", server.url, "--s3-region", "eu-test-1"]
        self.succeeds(self.push(*arguments, env=keys))
        self.assertEqual(list(server.objects), [f"/a-bucket/boot/arm64/os{end}" for end in ("-kernel", "-initrd.img", ".ipxe")])
        self.assertEqual(server.objects["/a-bucket/boot/arm64/os-kernel"], arm64_image())
        self.checked("a bucket of an S3-compatible server")
        server.session_token = "a/session+token=="
        self.succeeds(self.push(*arguments, env={**keys, "AWS_SESSION_TOKEN": "a/session+token=="}))
        self.checked("with a session token")
        result = self.push(*arguments, env={**keys, "AWS_SECRET_ACCESS_KEY": "another"})
        self.assertEqual(result.status, 1)
        self.assertRegex(result.stderr, r"403 \(<Error><Code>SignatureDoesNotMatch</Code>.*\nhint: check the keys, the region")
        self.checked("a wrong secret is refused, with what the server says")
        self.fails_with(
            self.push(*arguments),
            "error: uploading to S3 needs keys, and there are none\nhint: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY\n",
        )

    # Registries.

    def registry(self):
        self.needs("docker-registry")
        registry = DockerRegistry(self.path("registry"))
        self.addCleanup(registry.stop)
        return registry

    def push_json(self, *arguments):
        return json.loads(self.succeeds(self.push(*arguments, "--json")).stdout)

    def test_registry(self):
        """kiln push oci os.yml: segments as blobs; an update sends only what changed; pull and ipxe"""
        registry = self.registry()
        name = f"{registry.host}/team/os:1"
        first = self.push_json("oci", name, self.system("one"), "--arch", "arm64")
        self.assertEqual(first["sent"], first["blobs"])
        self.assertGreater(first["systems"][0]["segments"], 3)
        self.checked(f"{first['blobs']} blobs, {first['systems'][0]['segments']} of them segments")
        again = self.push_json("oci", name, self.system("one"), "--arch", "arm64")
        self.assertEqual((again["sent"], again["digest"]), (0, first["digest"]))
        self.checked("pushed again: nothing is sent, the digest is the same")
        shutil.rmtree(self.kiln.store)
        update = self.push_json("oci", name, self.system("two"), "--arch", "arm64")
        self.assertNotEqual(update["digest"], first["digest"])
        # The segment of the application, and the script that names it.
        self.assertEqual(update["sent"], 2)
        self.assertLess(update["sent_bytes"], 35_000)
        self.checked(f"another application, from an empty cache: {update['sent']} blobs, {update['sent_bytes']} bytes sent")
        self.skopeo(name)
        self.pull(name)
        self.script(registry, name)

    def skopeo(self, name):
        if shutil.which("skopeo") is None:
            print("  skopeo is not installed: not asked")
            return
        manifest = json.loads(self.tool("skopeo", "inspect", "--raw", "--tls-verify=false", "docker://" + name))
        self.assertEqual(manifest["artifactType"], "application/vnd.kiln.os.v1")
        self.assertEqual(manifest["config"]["mediaType"], "application/vnd.oci.empty.v1+json")
        self.assertEqual(manifest["annotations"]["vnd.kiln.os.architecture"], "arm64")
        titles = [part["annotations"]["org.opencontainers.image.title"] for part in manifest["layers"]]
        self.assertEqual((titles[0], titles[1], titles[-2:]), ("kernel", "initramfs.000", ["cmdline", "boot.ipxe"]))
        self.checked("skopeo reads the artifact's manifest: " + ", ".join(titles))
        copied = self.path("copied")
        self.tool("skopeo", "copy", "--src-tls-verify=false", "docker://" + name, f"oci:{copied}:it")
        digests = {part["digest"].partition(":")[2] for part in manifest["layers"]}
        self.assertLessEqual(digests, set(os.listdir(os.path.join(copied, "blobs/sha256"))))
        self.checked("and copies it with every blob")

    def pull(self, name):
        self.kiln.store = self.path("another-store")
        self.succeeds(self.kiln.run("pull", "oci", name, "--dir", self.kiln.out, "--name", "pulled"))
        system = self.system("two")
        self.succeeds(self.kiln.build(system, arch="arm64", name="built"))
        found = self.kiln.outputs()
        for ending in ("-kernel", "-initrd.img", "-cmdline"):
            self.assertEqual(found["pulled" + ending], found["built" + ending], ending)
        self.checked("kiln pull oci gives what kiln build does, byte for byte")
        from kiln_test.layout import Layout

        self.assertEqual(Layout(self.kiln.store).problems(), [])
        self.assertIn(name, self.succeeds(self.kiln.run("cache", "ls")).stdout)
        self.succeeds(self.kiln.run("cache", "verify"))
        self.checked("it is in the cache under its name")

    def script(self, registry, name):
        text = self.succeeds(self.kiln.run("ipxe", name, "--registry-url", "http://10.0.2.2:5000/")).stdout
        lines = text.splitlines()
        self.assertEqual(lines[:3], ["#!ipxe", "dhcp", "set base-url http://10.0.2.2:5000/v2/team/os/blobs"])
        digest = r"sha256:[0-9a-f]{64}"
        initrds = [line for line in lines if line.startswith("initrd ")]
        for number, line in enumerate(initrds, 1):
            self.assertRegex(line, rf"^initrd --name s{number} \$\{{base-url\}}/{digest}$")
        self.assertRegex(lines[3], r"^set kernel-params ip=dhcp nomodeset ro serial console=ttyAMA0,115200 earlycon quiet initrd=s1 ")
        self.assertRegex(lines[-3], rf"^kernel --name kernel \$\{{base-url\}}/{digest} \$\{{kernel-params\}}$")
        self.assertIn(f"http://{registry.host}/v2/team/os/blobs", self.succeeds(self.kiln.run("ipxe", name)).stdout)
        self.checked(f"kiln ipxe prints {len(initrds)} initrd lines with the registry's own URLs")
        import urllib.request

        joined = b""
        for line in initrds:
            with urllib.request.urlopen(f"http://{registry.host}/v2/team/os/blobs/" + line.rpartition("/")[2]) as reply:
                joined += reply.read()
        self.assertEqual(joined, self.kiln.outputs()["built-initrd.img"])
        self.checked("which together are the initramfs")

    def test_architectures(self):
        """several architectures under one name: an index; the wrong one is refused by name"""
        registry = self.registry()
        name = f"{registry.host}/team/multi:1"
        # Of one name each, the images of both architectures.
        from kiln_test.image import Index

        images = {
            "kernel": [Image([[file("kernel", kernel), file("kernel.tar", layer.tar(samples.MODULES))]], arch)
                       for arch, kernel in (("arm64", arm64_image()), ("amd64", bzimage()))],
            "init": [Image([[file("init", samples.noise(9_000, arch), 0o755)]], arch) for arch in ("arm64", "amd64")],
        }
        self.store_images({f"example.org/multi/{key}:1": Index(value) for key, value in images.items()})
        system = self.write_system({"kernel": {"image": "example.org/multi/kernel:1", "cmdline": "quiet"}, "init": ["example.org/multi/init:1"]})
        pushed = self.push_json("oci", name, system, "--arch", "arm64", "--arch", "amd64")
        self.assertEqual([one["architecture"] for one in pushed["systems"]], ["arm64", "amd64"])
        for arch, kernel in (("arm64", arm64_image()), ("amd64", bzimage())):
            self.succeeds(self.kiln.run("pull", "oci", name, "--arch", arch, "--name", arch, "--dir", self.kiln.out))
            self.assertEqual(self.kiln.outputs()[arch + "-kernel"], kernel)
        self.assertIn("console=ttyS0,115200", self.succeeds(self.kiln.run("ipxe", name, "--arch", "x86_64")).stdout)
        self.checked("each is pulled, and has its script")
        self.fails_with(
            self.kiln.run("ipxe", name),
            f"error: '{name}': it has several architectures: arm64, amd64\nhint: say with --arch which one\n",
        )
        self.fails_with(
            self.kiln.run("ipxe", name, "--arch", "riscv64"),
            f"error: '{name}': it has arm64, amd64 only, not riscv64\nhint: push it with --arch riscv64 as well\n",
        )
        self.fails_with(
            self.kiln.run("run", "--arch", "riscv64", "oci://" + name),
            f"error: pulling '{name}': it has arm64, amd64 only, not riscv64\nhint: push it with --arch riscv64 as well\n",
        )
        self.checked("what is not there is refused, with what is")
        single = f"{registry.host}/team/single:1"
        self.push_json("oci", single, system, "--arch", "amd64")
        self.fails_with(
            self.kiln.run("ipxe", single, "--arch", "arm64"),
            f"error: '{single}': it has amd64 only, not arm64\nhint: push it with --arch arm64 as well\n",
        )
        self.checked("also where there is one architecture alone")

    def test_no_operating_system(self):
        """an ordinary image, and nothing at all, where an operating system was expected"""
        registry = self.registry()
        registry.push("team/app:1", Image([[file("app", b"x")]], "arm64"))
        name = f"{registry.host}/team/app:1"
        self.fails_with(
            self.kiln.run("ipxe", name),
            f"error: '{name}': manifest: it is an image (config 'application/vnd.oci.image.config.v1+json'), not an operating system\n"
            "hint: 'kiln push oci' is what stores operating systems; 'kiln pull' without 'oci' is for images\n",
        )
        self.assertRegex(self.kiln.run("pull", "oci", f"{registry.host}/team/none:1").stderr, "has no such thing")
        self.checked("both say what is there")

    def test_interrupted(self):
        """a push that breaks off leaves no tag; the cache serves when the registry is gone"""
        registry = self.registry()
        name = f"{registry.host}/team/os:1"
        process = self.kiln.start("push", "oci", name, self.system(), "--arch", "arm64", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        # Gone as soon as the registry has the first bytes of it.
        deadline = time.monotonic() + 60
        while "POST" not in registry.log() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.002)
        process.kill()
        process.wait()
        if "PUT /v2/team/os/manifests" in registry.log():
            print("  the push was faster than the test; nothing was interrupted")
        else:
            self.assertRegex(self.kiln.run("ipxe", name).stderr, "has no such thing")
            self.checked("killed while it uploaded: there is no tag")
        self.succeeds(self.push("oci", name, self.system(), "--arch", "arm64"))
        self.succeeds(self.kiln.run("pull", "oci", name, "--dir", self.kiln.out))
        before = self.kiln.outputs()
        registry.stop()
        result = self.succeeds(self.kiln.run("pull", "oci", name, "--dir", self.kiln.out))
        self.assertRegex(result.stderr, "from the cache")
        self.assertEqual(self.kiln.outputs(), before)
        self.checked("with the registry gone, the cache has it: " + result.stderr.splitlines()[-1])


if __name__ == "__main__":
    case.main()
