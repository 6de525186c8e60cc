#!/bin/bash
# Kiln's registry client and store against Debian's docker-registry, with skopeo as the judge in both directions.
#
#   registry_skopeo_test.sh OCI_TOOL
#
# Exit status 77 (skipped) when a tool is missing.
set -euo pipefail

tool=$1
for program in docker-registry skopeo openssl; do
  command -v "$program" >/dev/null || { echo "skipped: $program is not installed"; exit 77; }
done

work=$(mktemp -d)
servers=
cleanup() {
  for pid in $servers; do kill "$pid" 2>/dev/null || true; done
  rm -rf "$work"
}
trap cleanup EXIT INT TERM
cd "$work"
export HOME="$work/home" DOCKER_CONFIG="$work/docker"
unset REGISTRY_AUTH_FILE XDG_RUNTIME_DIR XDG_CONFIG_HOME
mkdir -p home docker

fail() { echo "FAILED: $*" >&2; exit 1; }
expect() { # expect WHAT GOT WANTED
  [ "$2" = "$3" ] || fail "$1: got '$2', expected '$3'"
}
expect_error() { # expect_error TEXT COMMAND…
  text=$1; shift
  if "$@" 2>errors; then fail "'$*' succeeded, expected: $text"; fi
  grep -qF -- "$text" errors || fail "'$*' said '$(cat errors)', expected: $text"
}

# serve NAME [YAML LINES OF http:]…: a registry on a free port, its address in $address
serve() {
  name=$1; more=${2:-}; auth=${3:-}
  for attempt in 1 2 3 4 5 6 7 8 9 10; do
    port=$(( ($$ * 7 + attempt * 131 + $(printf '%d' "'$name")) % 20000 + 30000 ))
    address=127.0.0.1:$port
    printf 'version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage: {filesystem: {rootdirectory: %s}}\nhttp:\n  addr: %s\n%s\n%s\n' \
      "$work/data-$name" "$address" "$more" "$auth" > "$name.yml"
    docker-registry serve "$name.yml" > "$name.log" 2>&1 &
    pid=$!
    for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
      kill -0 $pid 2>/dev/null || break
      if (exec 3<>/dev/tcp/127.0.0.1/$port) 2>/dev/null || openssl s_client -connect $address </dev/null 2>&1 | grep -q CONNECTED; then
        servers="$servers $pid"
        return 0
      fi
      sleep 0.1
    done
    kill $pid 2>/dev/null || true
  done
  fail "docker-registry does not start: $(cat "$name.log")"
}

# image ARCHITECTURE: the parts of an OCI layout for skopeo to push; prints its descriptor
blob() { # blob FILE: moves it into the layout, sets $digest and $size
  digest=$(sha256sum "$1" | cut -d' ' -f1); size=$(stat -c %s "$1"); mv "$1" "layout/blobs/sha256/$digest"
}
image() {
  mkdir -p tree layout/blobs/sha256
  echo "hello from $1" > tree/hello
  head -c 3000000 /dev/urandom > tree/noise
  tar -C tree --owner=0 --group=0 -cf layer.tar .
  diff_id=$(sha256sum layer.tar | cut -d' ' -f1)
  gzip -n -1 layer.tar; blob layer.tar.gz
  layers="{\"mediaType\":\"application/vnd.oci.image.layer.v1.tar+gzip\",\"digest\":\"sha256:$digest\",\"size\":$size}"
  printf '{"architecture":"%s","os":"linux","config":{"Cmd":["/hello"]},"rootfs":{"type":"layers","diff_ids":["sha256:%s"]}}' "$1" "$diff_id" > config; blob config
  config="{\"mediaType\":\"application/vnd.oci.image.config.v1+json\",\"digest\":\"sha256:$digest\",\"size\":$size}"
  printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":%s,"layers":[%s]}' "$config" "$layers" > manifest; blob manifest
  printf '{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"sha256:%s","size":%s,"platform":{"architecture":"%s","os":"linux"}}' "$digest" "$size" "$1"
}

arm64=$(image arm64)
# shellcheck disable=SC2001  # no pattern of the shell takes a part of a match
arm64_digest=sha256:$(sed 's/.*"sha256:\([0-9a-f]*\)".*/\1/' <<<"$arm64")
amd64=$(image amd64)
printf '{"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json","manifests":[%s,%s]}' "$amd64" "$arm64" > index; blob index
index_digest=sha256:$digest
printf '{"schemaVersion":2,"manifests":[{"mediaType":"application/vnd.oci.image.index.v1+json","digest":"%s","size":%s,"annotations":{"org.opencontainers.image.ref.name":"multi"}}]}' "$index_digest" "$size" > layout/index.json
printf '{"imageLayoutVersion":"1.0.0"}' > layout/oci-layout

echo "== plain registry: skopeo pushes, we pull, skopeo reads our store"
serve plain
plain=$address
skopeo copy -q --all --dest-tls-verify=false oci:layout:multi "docker://$plain/team/multi:1"
expect "pull" "$("$tool" pull store "$plain/team/multi:1" linux/arm64)" "$arm64_digest"
"$tool" verify store || fail "verify"
skopeo --override-arch arm64 inspect --raw "oci:store:$plain/team/multi:1" > raw
expect "the index skopeo sees" "sha256:$(sha256sum raw | cut -d' ' -f1)" "$index_digest"
skopeo copy -q --override-arch arm64 "oci:store:$plain/team/multi:1" dir:out
grep -q '"architecture":"arm64"' "out/$(sed 's/.*config.v1+json","digest":"sha256:\([0-9a-f]*\)".*/\1/' out/manifest.json)" || fail "skopeo copied another image out"
expect_error "there is no image for linux/s390x; there is: linux/amd64, linux/arm64" "$tool" pull store "$plain/team/multi:1" s390x
expect_error "has no such image" "$tool" pull store "$plain/team/none:1" arm64

echo "== skopeo writes into our store, we find and push it"
skopeo copy -q --override-arch arm64 oci:layout:multi oci:store:hello:1
"$tool" names store | grep -qx hello:1 || fail "the name is not there"
"$tool" names store | grep -qx "$plain/team/multi:1" || fail "skopeo lost our name"
pushed=$("$tool" push store hello:1 "$plain/other/hello:2")
expect "what skopeo finds" "$(skopeo inspect --tls-verify=false --override-arch arm64 --format '{{.Digest}}' "docker://$plain/other/hello:2")" "$pushed"

echo "== indexes: sparse ones need a choice, whole ones go as they are"
expect_error "the store does not have its image for linux/amd64" "$tool" push store "$plain/team/multi:1" "$plain/team/copy:1"
"$tool" push store "$plain/team/multi:1" "$plain/team/copy:1" arm64 >/dev/null
"$tool" pull store "$plain/team/multi:1" linux/amd64 >/dev/null
expect "push" "$("$tool" push store "$plain/team/multi:1" "$plain/team/copy:2")" "$index_digest"
skopeo inspect --tls-verify=false --raw "docker://$plain/team/copy:2" > raw
expect "the index in the registry" "sha256:$(sha256sum raw | cut -d' ' -f1)" "$index_digest"

echo "== killed at random moments, the next pull is right"
i=0
while [ $i -lt 50 ]; do
  i=$((i + 1))
  { timeout -s KILL "0.0$(( (i * 37) % 90 + 10 ))" "$tool" pull killed "$plain/team/multi:1" linux/arm64 >/dev/null; } 2>/dev/null || true
  [ ! -e killed ] || "$tool" verify killed || fail "verify after kill $i"
  [ $((i % 5)) != 0 ] || rm -rf killed
done
expect "pull" "$("$tool" pull killed "$plain/team/multi:1" linux/arm64)" "$arm64_digest"
"$tool" verify killed || fail "verify"

echo "== TLS with a CA of our own, and a login"
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
  -keyout key.pem -out cert.pem 2>/dev/null
# bcrypt of "secret"; the registry takes nothing else.
# shellcheck disable=SC2016  # bcrypt's dollars are no variables
printf 'user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n' > htpasswd
serve tls "  tls: {certificate: $work/cert.pem, key: $work/key.pem}" "auth: {htpasswd: {realm: r, path: $work/htpasswd}}"
secure=$address
expect_error "certificate" env SSL_CERT_FILE=/dev/null "$tool" push store hello:1 "$secure/team/hello:1"
export SSL_CERT_FILE="$work/cert.pem"
expect_error "found no login for it in '$work/docker/config.json'" "$tool" push store hello:1 "$secure/team/hello:1"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$secure" "$(printf user:wrong | base64)" > docker/config.json
expect_error "tried the login of 'user' from '$work/docker/config.json'" "$tool" push store hello:1 "$secure/team/hello:1"
printf '{"auths":{"%s":{"auth":"%s"}}}' "$secure" "$(printf user:secret | base64)" > docker/config.json
pushed=$("$tool" push store hello:1 "$secure/team/hello:1")
expect "pull" "$("$tool" pull fresh "$secure/team/hello:1" arm64)" "$pushed"

echo ok
