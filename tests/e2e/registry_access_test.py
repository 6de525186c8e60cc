#!/usr/bin/env python3
"""How Kiln gets at registries: mirrors, credentials, certificates, proxies, and lines that break."""

import base64
import json
import os
import re
import sys
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(__file__), ".."))
from kiln_test import case, samples
from kiln_test.certificates import Authority
from kiln_test.faulty_registry import Fault, FaultyRegistry
from kiln_test.forward_proxy import ForwardProxy
from kiln_test.image import OCI_INDEX, Image, Index
from kiln_test.layer import file
from kiln_test.layout import Layout
from kiln_test.registry import PASSWORD, USER, DockerRegistry, free_port

ARCH = "amd64"


def app(size=60_000, seed="app"):
    return Image([[file("app", samples.noise(size, seed), 0o755)]], ARCH, config=samples.COMMAND)


class Access(case.Case):
    def registry(self, name="registry", **more):
        self.needs("docker-registry")
        registry = DockerRegistry(self.path(name), **more)
        self.addCleanup(registry.stop)
        return registry

    def faulty(self, **more):
        registry = FaultyRegistry(**more)
        self.addCleanup(registry.stop)
        return registry

    def pull(self, image, *options, store=None, env=None):
        return self.kiln.run(*options, "pull", "--arch", ARCH, image, store=store or self.fresh_store(), env=env)

    def fresh_store(self):
        self.stores = getattr(self, "stores", 0) + 1
        self.kiln.store = self.path(f"store-{self.stores}")
        return self.kiln.store

    def pulls(self, *arguments, **more):
        result = self.succeeds(self.pull(*arguments, **more))
        self.assertEqual(Layout(self.kiln.store).problems(), [])
        return result

    def refused(self, *arguments, **more):
        result = self.pull(*arguments, **more)
        self.assertEqual(result.status, 1, result)
        return result.stderr

    # --- mirrors

    def test_mirrors(self):
        """--mirror, LINUXKIT_MIRROR and registries.conf: what fails is passed over, the registry comes last"""
        registry, mirror = self.faulty(), self.registry()
        registry.add("team/app:1", app())
        mirror.push("hub/team/app:1", app())
        image = f"{registry.host}/team/app:1"
        spec = f"{registry.host}=http://{mirror.host}/hub"
        self.pulls(image, "--mirror", spec)
        self.assertEqual(registry.requests, [])
        self.pulls(image, env={"LINUXKIT_MIRROR": f"http://127.0.0.1:1/nowhere, {spec}"})
        self.assertEqual(registry.requests, [])
        self.checked("the mirror for this registry, by flag and by environment; the registry is not asked")

        dead = f"http://127.0.0.1:{free_port()}"
        result = self.pulls(image, "--mirror", f"{registry.host}={dead}", "--mirror", spec)
        self.assertEqual(registry.requests, [])
        self.assertRegex(result.stderr, r"warning: mirror '127\.0\.0\.1:\d+' \(--mirror .*\): .*; going on with '")
        self.assertEqual(result.stderr.count("warning:"), 1, result)
        self.checked("a mirror that is down is passed over for the next: " + result.stderr.splitlines()[0])
        result = self.pulls(image, "--mirror", dead)
        self.assertTrue(registry.requests)
        self.checked("and for the registry where there is no other")

        registry.requests.clear()
        conf = self.write(
            "home/.config/containers/registries.conf",
            f"[[registry]]\nprefix = '{registry.host}/team'\nlocation = '{registry.host}/team'\n"
            f"[[registry.mirror]]\nlocation = '{dead[7:]}/a'\n[[registry.mirror]]\nlocation = '{mirror.host}/hub/team'\n",
        )
        self.pulls(image)
        self.assertEqual(registry.requests, [])
        self.checked("two mirrors of registries.conf, of which one is down")
        self.write(
            "home/.config/containers/registries.conf.d/50-block.conf",
            f"[[registry]]\nprefix = '{registry.host}/team'\nblocked = true\n",
        )
        stderr = self.refused(image)
        self.assertIn(f"images of '{registry.host}/team' are blocked by '", stderr)
        self.checked("a drop-in blocks it: " + stderr.splitlines()[0])
        os.unlink(self.path("home/.config/containers/registries.conf.d/50-block.conf"))
        self.write("broken.conf", "[[registry]\n")
        stderr = self.refused(image, env={"CONTAINERS_REGISTRIES_CONF": self.path("broken.conf")})
        self.assertRegex(stderr, r"broken\.conf':1: it is not TOML: ")
        self.checked("a mistake in it: " + stderr.splitlines()[0])
        os.unlink(conf)
        self.assertIn("it has no scheme, expected http:// or https://", self.refused(image, "--mirror", "mirror.example"))

    def test_mirror_that_lies(self):
        """a mirror with damaged layers: they come from the registry, and the store is right"""
        registry, mirror = self.faulty(), self.faulty()
        image = app()
        for server in (registry, mirror):
            server.add("team/app:1", image)
        damaged = image.blobs[image.layer_digests[0]][:-1] + b"!"
        mirror.faults.append(Fault(image.layer_digests[0], times=-1, body=damaged))
        self.pulls(f"{registry.host}/team/app:1", "--mirror", f"http://{mirror.host}")
        self.assertEqual([r[1].rpartition("/")[2] for r in registry.requests if r[1] != "/v2/"], [image.layer_digests[0]])
        self.checked("the registry was asked for the one layer that was damaged, and nothing else")

    def test_push_past_a_mirror(self):
        """what a push merges into is the registry's, though a mirror has an older one"""
        registry, mirror = self.registry(), self.registry("mirror")
        ours, theirs, older = app(seed="ours"), Image([[file("app", "new")]], "arm64"), Image([[file("app", "old")]], "arm64")
        registry.push("team/app:1", Index([theirs]))
        mirror.push("team/app:1", Index([older]))
        mirror.push("team/app:2", older)
        registry.push("team/app:stable-arm64", theirs)
        mirror.push("team/app:stable-arm64", older)
        image = f"{registry.host}/team/app"
        spec = ("--mirror", f"{registry.host}=http://{mirror.host}")

        def digests(tag):
            url = f"http://{registry.host}/v2/team/app/manifests/{tag}"
            with urllib.request.urlopen(urllib.request.Request(url, headers={"Accept": OCI_INDEX})) as reply:
                document = json.load(reply)
            return {entry["platform"]["architecture"]: entry["digest"] for entry in document["manifests"]}

        layout = Layout(self.fresh_store())
        for tag in "12":
            layout.add(f"{image}:{tag}", Index([ours]))
        both = {"amd64": ours.descriptor["digest"], "arm64": theirs.descriptor["digest"]}
        self.succeeds(self.kiln.run(*spec, "cache", "push", "--override", f"{image}:1"))
        self.assertEqual(digests("1"), both)
        self.checked("cache push --override: the registry's arm64 stays in the index")
        told = self.succeeds(self.kiln.run(*spec, "cache", "push", f"{image}:2")).stdout
        self.assertTrue(told.endswith(" pushed\n"), told)
        self.assertEqual(digests("2"), {"amd64": both["amd64"]})
        self.checked("cache push: a tag that only the mirror has is free")

        package = os.path.dirname(self.write("app/build.yml", f"image: app\norg: {registry.host}/team\narches: [amd64, arm64]\n"))
        self.succeeds(self.kiln.run(*spec, "pkg", "manifest", "--hash", "stable", package))
        self.assertEqual(digests("stable"), {"arm64": both["arm64"]})
        self.checked("pkg manifest: of the registry's images")
        self.succeeds(self.kiln.run(*spec, "pkg", "remote-tag", f"{image}:1", f"{image}:3"))
        self.assertEqual(digests("3"), both)
        self.checked("pkg remote-tag: what the registry has")
        layout.add(f"{image}:1", Index([ours]))
        self.succeeds(self.kiln.run(*spec, "pkg", "push", "--nobuild", "--hash", "1", package))
        self.assertEqual(digests("1"), both)
        self.checked("pkg push: merged into the registry's index")

    # --- lines that break

    def cut(self, image, times, **more):
        blob = image.layer_digests[0]
        return Fault(blob, times=times, cut_after=len(image.blobs[blob]) * 9 // 10, **more)

    def test_cut_at_ninety_percent(self):
        """a pull that is cut off at 90 % goes on from there: at once, in the next process, at another server"""
        image = app(400_000)
        size = len(image.blobs[image.layer_digests[0]])
        rest = f"bytes={size * 9 // 10}-"

        registry = self.faulty()
        registry.add("team/app:1", image)
        registry.faults.append(self.cut(image, 1))
        self.pulls(f"{registry.host}/team/app:1")
        self.assertEqual([r[2] for r in registry.asked(image.layer_digests[0])], ["", rest])
        self.checked("at once: " + rest)

        registry = self.faulty()
        registry.add("team/app:1", image)
        registry.faults += [self.cut(image, 1), Fault(image.layer_digests[0], times=1, status=403)]
        store = self.fresh_store()
        self.assertEqual(self.pull(f"{registry.host}/team/app:1", store=store).status, 1)
        registry.requests.clear()
        self.succeeds(self.pull(f"{registry.host}/team/app:1", store=store))
        self.assertEqual([r[2] for r in registry.asked(image.layer_digests[0])], [rest])
        self.assertEqual(Layout(store).problems(), [])
        self.checked("after the first process gave up, in the next")

        registry, mirror = self.faulty(), self.faulty()
        for server in (registry, mirror):
            server.add("team/app:1", image)
        mirror.faults += [self.cut(image, 1), Fault(image.layer_digests[0], times=-1, status=500)]
        self.pulls(f"{registry.host}/team/app:1", "--mirror", f"http://{mirror.host}")
        self.assertEqual([r[2] for r in registry.asked("/blobs/")], [rest])
        self.checked("begun at a mirror, ended at the registry")

    # --- credentials

    def auth(self, registry, user=USER, password=PASSWORD):
        login = base64.b64encode(f"{user}:{password}".encode()).decode()
        return json.dumps({"auths": {registry.host: {"auth": login}}})

    def helper(self, name, script):
        path = self.write(f"bin/docker-credential-{name}", "#!/bin/sh\n" + script)
        os.chmod(path, 0o755)
        return {"PATH": f"{self.path('bin')}:{os.environ['PATH']}"}

    def test_credentials(self):
        """docker-registry with htpasswd: helpers, credsStore, auth.json; a refusal says what was tried, from where"""
        registry = self.registry(login=True)
        registry.push("team/app:1", app())
        image = f"{registry.host}/team/app:1"
        answer = json.dumps({"ServerURL": registry.host, "Username": USER, "Secret": PASSWORD})
        env = self.helper("test", f"read server; echo \"$1 $server\" >> {self.path('asked')}; printf '%s' '{answer}'\n")
        env |= self.helper("empty", "echo credentials not found in native keychain; exit 1\n")
        for name, configuration in {
            "credHelpers": {"credHelpers": {registry.host: "test"}, "credsStore": "empty"},
            "credsStore": {"credsStore": "test"},
        }.items():
            self.write("docker/config.json", json.dumps(configuration))
            self.pulls(image, env=env | {"DOCKER_CONFIG": self.path("docker")})
            with open(self.path("asked"), encoding="utf-8") as stream:
                self.assertEqual(set(stream.read().splitlines()), {f"get {registry.host}"})
            self.checked(f"{name} by DOCKER_CONFIG: docker-credential-test was asked")
        self.write("run/containers/auth.json", self.auth(registry))
        self.pulls(image, env={"XDG_RUNTIME_DIR": self.path("run")})
        self.write("home/.config/containers/auth.json", self.auth(registry))
        self.pulls(image)
        self.checked("podman's auth.json, of the session and of the user")

        os.unlink(self.path("home/.config/containers/auth.json"))
        self.write("docker/config.json", json.dumps({"credsStore": "empty"}))
        stderr = self.refused(image, env=env | {"DOCKER_CONFIG": self.path("docker"), "XDG_RUNTIME_DIR": self.path("no")})
        self.assertRegex(
            stderr,
            rf"registry '{registry.host}' refuses access to 'team/app': it answered 401.*; found no login for it in "
            r"'[^']*/docker/config\.json' \(has none, nor has docker-credential-empty\), '[^']*/no/containers/auth\.json' "
            r"\(does not exist\), ",
        )
        self.checked("nothing found: " + stderr.splitlines()[0])
        wrong = self.write("wrong.json", self.auth(registry, "eve", "wrong horse"))
        stderr = self.refused(image, env={"REGISTRY_AUTH_FILE": wrong})
        self.assertIn("; tried the login of 'eve' from '" + wrong + "'", stderr)
        self.assertNotIn("wrong horse", stderr)
        self.checked("a wrong login: " + stderr.splitlines()[0])

    # --- certificates

    def test_certificates(self):
        """docker-registry with TLS: an authority by --cert-file or certs.d, a client's certificate"""
        self.needs("openssl")
        authority = Authority(self.path("ca"))
        server = authority.issue("server", "IP:127.0.0.1")
        registry = self.registry(tls=server)
        stderr = self.refused(f"{registry.host}/team/app:1")
        self.assertIn("certificate", stderr)
        self.checked("an authority nobody knows: " + stderr.splitlines()[0])
        stderr = self.refused(f"{registry.host}/team/app:1", "--cert-file", authority.certificate)
        self.assertIn("has no such image", stderr)
        self.checked("known by --cert-file")
        self.assertIn("there is no certificate in it", self.refused("x", "--cert-file", authority.path("ca.key")))

        strict = self.registry("strict", tls=server, clients=authority.certificate)
        image = f"{strict.host}/team/app:1"
        stderr = self.refused(image, "--cert-file", authority.certificate)
        self.assertNotIn("has no such image", stderr)
        self.checked("a registry that wants a certificate: " + stderr.splitlines()[0])
        certificate, key = authority.issue("client")
        directory = f"home/.config/containers/certs.d/{strict.host}"
        for name, path in {"ca.crt": authority.certificate, "client.cert": certificate, "client.key": key}.items():
            with open(path, encoding="utf-8") as stream:
                self.write(f"{directory}/{name}", stream.read())
        self.assertIn("has no such image", self.refused(image))
        self.checked("certs.d has authority, certificate and key")
        os.unlink(self.path(directory, "client.key"))
        stderr = self.refused(image)
        self.assertRegex(stderr, r"client certificate '.*client\.cert' has no key beside it: '.*client\.key' does not exist")
        self.checked("its key is missing: " + stderr.splitlines()[0])

    # --- proxies

    def test_proxies(self):
        """registries that only a proxy can reach, by plain HTTP and by TLS; both cases, all_proxy, no_proxy"""
        self.needs("openssl")
        authority = Authority(self.path("ca"))
        plain = self.registry("plain")
        plain.push("team/app:1", app())
        secure = self.registry("secure", tls=authority.issue("registry.test"))
        proxy = ForwardProxy({"plain.test:5000": plain.host, "registry.test:443": secure.host})
        self.addCleanup(proxy.stop)
        insecure = ("--insecure-registry", "plain.test:5000")
        for names in (["http_proxy", "https_proxy"], ["HTTP_PROXY", "HTTPS_PROXY"], ["all_proxy"], ["ALL_PROXY"]):
            proxy.asked.clear()
            self.pulls("plain.test:5000/team/app:1", *insecure, env={**self.no_proxies(), **dict.fromkeys(names, proxy.url)})
            self.assertTrue(any(re.match(r"GET http://plain\.test:5000/v2/team/app/", line) for line in proxy.asked))
            self.checked("plain HTTP by " + " and ".join(names))
        for name in ("https_proxy", "HTTPS_PROXY", "all_proxy"):
            proxy.asked.clear()
            env = {**self.no_proxies(), name: proxy.url}
            stderr = self.refused("registry.test/team/app:1", "--cert-file", authority.certificate, env=env)
            self.assertIn("has no such image", stderr)
            self.assertIn("CONNECT registry.test:443", proxy.asked)
        self.checked("TLS through a tunnel, to a registry that answers")
        proxy.asked.clear()
        env = {**self.no_proxies(), "all_proxy": proxy.url, "no_proxy": "plain.test", "KILN_REGISTRY_STALL_SECONDS": "2"}
        self.refused("plain.test:5000/team/app:1", *insecure, env=env)
        self.assertEqual(proxy.asked, [])
        self.checked("no_proxy excepts a host")
        env = {**self.no_proxies(), "http_proxy": f"http://127.0.0.1:{free_port()}"}
        env["https_proxy"] = env["http_proxy"]
        stderr = self.refused("plain.test:5000/team/app:1", *insecure, env=env)
        self.assertRegex(stderr, r"\(the proxy is that of https?_proxy\)")
        self.checked("a proxy that is down: " + stderr.splitlines()[0])

    def no_proxies(self):
        """Of the tests' own environment nothing is to matter."""
        return {"http_proxy": "", "https_proxy": "", "no_proxy": ""}


if __name__ == "__main__":
    case.main()
