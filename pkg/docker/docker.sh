#!/bin/sh
# The Docker engine with a containerd that is ready: one that dockerd starts itself it gives 15 s, too few for a busy machine.
# Without it there is no engine, so it takes dockerd along when it ends, and `org.kiln.restart` begins anew.
socket=/run/docker/containerd/containerd.sock
mkdir -p "${socket%/*}"
rm -f "$socket"
(
  /usr/bin/containerd --root /var/lib/docker/containerd/daemon --state /run/docker/containerd/daemon --address "$socket" --log-level warn
  echo "docker: containerd ended with status $?" >&2
  kill -KILL $$
) &
until [ -S "$socket" ]; do sleep 0.2; done
exec /usr/sbin/dockerd --containerd "$socket" "$@"
