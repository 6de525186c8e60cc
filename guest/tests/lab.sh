#!/bin/sh
# Boots kiln-guest in QEMU with a Debian kernel, crun and a few busybox containers: the guest on its own, without the rest of Kiln.
#
#   guest/tests/lab.sh image ARCH DIR GUEST    build DIR/ARCH.cpio.zst (ARCH: arm64 or amd64; GUEST: a kiln-guest for it)
#   guest/tests/lab.sh boot ARCH DIR [APPEND]  boot it; the console is on standard output, QEMU's monitor on DIR/monitor
#
# LAB_QEMU adds QEMU options, LAB_MEMORY is in MiB, LAB_CONTAINERS names another file of containers than lab-containers.sh.
#
# DIR/x-ARCH must hold the unpacked Debian packages linux-image-cloud-ARCH, crun with its libraries, and busybox-static. Needs root
# (for device nodes and owners in the archive), cpio, zstd, kmod, python3 and QEMU.
set -eu

verb=$1 arch=$2 dir=$3
packages=$dir/x-$arch
root=$dir/root-$arch

# MODULES: what a small virtual machine needs.
modules="virtio_net virtio_blk virtio_mmio virtio-rng overlay button evdev gpio_keys gpio-pl061 rtc-pl031 af_packet veth isofs vfat"

install_kernel_modules() {
  release=$(ls "$packages/usr/lib/modules")
  all=$dir/depmod-$arch
  if [ ! -e "$all" ]; then
    mkdir -p "$all/lib"
    ln -s "$(realpath "$packages")/usr/lib/modules" "$all/lib/modules"
    depmod -b "$all" "$release"
  fi
  mkdir -p "$root/usr/lib/modules/$release"
  for module in $modules; do
    modprobe -d "$all" -S "$release" --show-depends "$module" 2>/dev/null | sed -n 's/^insmod //p' | sed "s|.*/lib/modules/||"
  done | sed 's/ .*//' | sort -u | while read -r file; do
    install -D -m 644 "$packages/usr/lib/modules/$file" "$root/usr/lib/modules/$file"
  done
  cp "$packages/usr/lib/modules/$release"/modules.builtin* "$packages/usr/lib/modules/$release/modules.order" "$root/usr/lib/modules/$release/"
  depmod -b "$root" "$release"
  rm -f "$root/usr/lib/modules/$release"/*.bin
}

install_libraries() {
  for name in "$packages"/usr/lib/*-linux-gnu/*.so.*; do
    case ${name##*/} in
      ld-linux*|libc.so*|libm.so*|libcap.so*|libgcc_s.so*|libseccomp.so*|libsystemd.so*|libyajl.so*)
        install -D "$(realpath "$name")" "$root/usr/lib/$(basename "$(dirname "$name")")/${name##*/}" ;;
    esac
  done
  for loader in "$packages"/usr/lib/ld-linux* "$packages"/usr/lib64/ld-linux*; do
    [ -e "$loader" ] || continue
    mkdir -p "$root/$(dirname "${loader#"$packages"/}")"
    cp -P "$loader" "$root/${loader#"$packages"/}"
  done
}

# container SECTION NAME READONLY RESTART ARGUMENT…: one bundle as spec/layout.md §7 has it, all of them sharing one busybox.
container() {
  bundle=$root/containers/$1/$2 path=/containers/$1/$2 readonly=$3 restart=$4
  shift 4
  tree=$bundle/lower
  [ "$readonly" = true ] && tree=$bundle/rootfs
  mkdir -p "$tree/bin" "$tree/dev/pts" "$tree/dev/shm" "$tree/etc" "$tree/proc" "$tree/sys" "$tree/run" "$tree/tmp" "$bundle/rootfs"
  ln "$root/usr/bin/busybox" "$tree/bin/busybox"
  for link in sh sleep echo cat ls kill ps ip id httpd wget; do ln -s busybox "$tree/bin/$link"; done
  [ "$readonly" = true ] || mkdir -p "$bundle/tmp"
  python3 - "$bundle" "$path" "$readonly" "$restart" "$@" <<'PYTHON'
import json, sys
bundle, path, readonly, restart, *args = sys.argv[1:]
ro = ["ro"] if readonly == "true" else []
mount = lambda d, t, s, o: {"destination": d, "type": t, "source": s, "options": o}
config = {"ociVersion": "1.2.1",
  "process": {"user": {"uid": 0, "gid": 0}, "args": args, "env": ["PATH=/bin"], "cwd": "/", "capabilities": {}},
  "root": {"path": "rootfs"},
  "mounts": [mount("/dev", "tmpfs", "tmpfs", ["nosuid", "strictatime", "mode=755", "size=65536k"] + ro),
    mount("/dev/pts", "devpts", "devpts", ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]),
    mount("/proc", "proc", "proc", ["nosuid", "nodev", "noexec", "relatime"]),
    mount("/sys", "sysfs", "sysfs", ["nosuid", "noexec", "nodev"] + ro),
    mount("/sys/fs/cgroup", "cgroup", "cgroup", ["nosuid", "noexec", "nodev", "relatime", "ro"])],
  "annotations": {"org.kiln.restart": restart},
  "linux": {"resources": {}, "namespaces": [{"type": "pid"}, {"type": "mount"}]}}
if readonly == "true":
    config["root"]["readonly"] = True
    mounts = [{"destination": path + "/rootfs", "source": path + "/rootfs", "options": ["bind"]}]
else:
    mounts = [{"destination": path + "/tmp", "type": "tmpfs", "source": "tmpfs"},
      {"destination": path + "/tmp", "options": ["remount", "private"]},
      {"destination": path + "/rootfs", "type": "overlay", "source": "overlay",
       "options": ["lowerdir=%s/lower" % path, "upperdir=%s/tmp/upper" % path, "workdir=%s/tmp/work" % path]}]
names = "cgroup ipc mnt net pid user uts".split()
runtime = {"cgroups": [], "mounts": mounts, "mkdir": [], "interfaces": [], "bindNS": dict.fromkeys(names, ""), "namespace": ""}
for name in ("config", "runtime"):
    extra = bundle + "/" + name + ".extra"
    try:
        for key, value in json.load(open(extra)).items(): (config if name == "config" else runtime)[key] = value
    except FileNotFoundError: pass
json.dump(config, open(bundle + "/config.json", "w"), indent=4)
json.dump(runtime, open(bundle + "/runtime.json", "w"), indent=4)
PYTHON
}

image() {
  guest=$1
  rm -rf "$root"
  mkdir -p "$root/dev" "$root/proc" "$root/sys" "$root/run" "$root/tmp" "$root/var" "$root/etc" "$root/sbin" "$root/usr/bin" "$root/usr/lib" "$root/.kiln" "$root/containers/onboot" "$root/containers/services" "$root/root"
  ln -s usr/lib "$root/lib"
  [ "$arch" = amd64 ] && mkdir -p "$root/usr/lib64" && ln -s usr/lib64 "$root/lib64"
  ln -s /run/resolvconf/resolv.conf "$root/etc/resolv.conf"
  install "$guest" "$root/init"
  for applet in init modprobe poweroff reboot halt; do ln "$root/init" "$root/sbin/$applet"; done
  ln "$root/init" "$root/usr/bin/service"
  cp "$packages/usr/bin/crun" "$packages/usr/bin/busybox" "$root/usr/bin/"
  install_libraries
  install_kernel_modules
  printf '/etc/labelled\tuser.kiln\t6f6b\n/sbin/poweroff\tsecurity.capability\t0100000200004000000000000000000000000000\n' > "$root/.kiln/xattrs"
  echo x > "$root/etc/labelled"
  . "${LAB_CONTAINERS:-$(dirname "$0")/lab-containers.sh}"
  (cd "$root" && find . -mindepth 1 | LC_ALL=C sort | cpio --quiet -o -H newc) | zstd -q -f -3 -o "$dir/$arch.cpio.zst"
}

boot() {
  case $arch in
    arm64) set -- qemu-system-aarch64 -M virt -cpu cortex-a72 -kernel "$packages"/boot/vmlinuz-* -append "console=ttyAMA0 quiet ${1:-}" ;;
    amd64) set -- qemu-system-x86_64 -M q35 -cpu qemu64,-cx16 -kernel "$packages"/boot/vmlinuz-* -append "console=ttyS0 quiet ${1:-}" ;;
  esac
  exec "$@" ${LAB_QEMU:-} -m "${LAB_MEMORY:-512}" -nographic -nodefaults -no-reboot -initrd "$dir/$arch.cpio.zst" -device virtio-rng-pci -serial stdio \
    -netdev user,id=n -device virtio-net-pci,netdev=n,romfile= -monitor "unix:$dir/monitor,server,nowait"
}

shift 3
"$verb" "$@"
