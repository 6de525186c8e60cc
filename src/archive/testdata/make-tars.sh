#!/bin/sh
# How the tars in tar/ were made (GNU tar 1.34, bsdtar 3.6.2, Python 3); needs root for device nodes and owners, and a
# file system with holes and user xattrs. Their dumps (*.txt) are compared with what the reader says.
set -eu
out=$(cd "$(dirname "$0")" && pwd)/tar
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
gnu() { tar -b1 --sort=name --owner=0 --group=0 --numeric-owner --mtime=@1700000000 "$@"; }

# Sparse files: five pieces of data (more than fit the first header of the oldest format), and one of 10 GB.
mkdir sparse
truncate -s 5M sparse/pieces
for i in 0 1 2 3 4; do printf 'piece %d\n' $i | dd of=sparse/pieces bs=1 seek=$((i * 1048576)) conv=notrunc status=none; done
truncate -s 10G sparse/huge
printf end | dd of=sparse/huge bs=1 seek=$((10 * 1024 * 1024 * 1024 - 3)) conv=notrunc status=none
truncate -s 1M sparse/hole-only
printf 'plain\n' > sparse/plain
gnu --format=gnu -S -cf "$out/sparse-gnu.tar" sparse
for version in 0.0 0.1 1.0; do
  gnu --format=pax --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f --sparse-version=$version -S -cf "$out/sparse-pax-$version.tar" sparse
done

# Names: too long for ustar in both ways, not ASCII, and what ustar's prefix can hold.
long=$(printf 'd%.0s' $(seq 120))
mkdir -p "names/$long" names/$(printf 'p%.0s' $(seq 90))
printf x > "names/$long/file"
printf y > "names/$(printf 'p%.0s' $(seq 90))/in-prefix"
printf z > 'names/žluťoučký kůň'
ln -s "$long/$long" names/symlink
ln "names/$long/file" names/zz-hard-link
gnu --format=gnu -cf "$out/names-gnu.tar" names
gnu --format=pax --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f -cf "$out/names-pax.tar" names
bsdtar --format pax --numeric-owner --uid 0 --gid 0 -b1 -cf "$out/names-bsdtar.tar" -C names "$long" symlink

mkdir v7
printf 'old\n' > v7/file
ln -s file v7/link
gnu --format=v7 -cf "$out/v7.tar" v7
gnu --format=ustar -cf "$out/ustar-prefix.tar" "names/$(printf 'p%.0s' $(seq 90))"

mkdir special
mknod special/null c 1 3
mknod special/disk b 259 1048575
mkfifo special/fifo
install -m 4755 -o 12345 -g 54321 /dev/null special/setuid
tar -b1 --sort=name --mtime=@1700000000 --format=ustar -cf "$out/special.tar" special

mkdir xattrs
printf data > xattrs/file
setfattr -n user.binary -v 0x00010a3d xattrs/file
setfattr -n user.text -v 'two words' xattrs/file
setcap cap_net_raw+ep xattrs/file
mkdir xattrs/dir
setfattr -n user.of-directory -v yes xattrs/dir
gnu --format=pax --pax-option=delete=atime,delete=ctime,exthdr.name=%d/PaxHeaders/%f --xattrs --xattrs-include='*' -cf "$out/xattrs-gnu.tar" xattrs
touch -d @1700000000 xattrs/file xattrs/dir xattrs
bsdtar --format pax --numeric-owner --uid 0 --gid 0 -b1 --xattrs -cf "$out/xattrs-bsdtar.tar" -C xattrs file

python3 - "$out" <<'PYTHON'
import io, sys, tarfile
out = sys.argv[1]
def make(name, format, entries, **options):
    with tarfile.open(f"{out}/{name}", "w", format=format, **options) as tar:
        for path, fields in entries:
            info = tarfile.TarInfo(path)
            data = fields.pop("data", b"")
            info.size = len(data)
            for key, value in fields.items(): setattr(info, key, value)
            tar.addfile(info, io.BytesIO(data))
# Numbers that octal fields cannot hold.
make("base256.tar", tarfile.GNU_FORMAT, [
    ("big-owner", dict(uid=4000000000, gid=2097152, data=b"a")),
    ("before-1970", dict(mtime=-1000000)),
    ("far-future", dict(mtime=1 << 40)),
])
make("pax-numbers.tar", tarfile.PAX_FORMAT, [
    ("big-owner", dict(uid=4000000000, gid=2097152, data=b"a", uname="ü" * 20, gname="g" * 40)),
    ("before-1970", dict(mtime=-1.5)),
    ("nanoseconds", dict(pax_headers={"mtime": "1700000000.123456789999"})),
])
# Global headers apply until changed; an entry's own record, or an empty one, overrides them.
make("pax-global.tar", tarfile.PAX_FORMAT, [
    ("a", dict(data=b"1")),
    ("b", dict(pax_headers={"uname": "own"})),
    ("c", dict(pax_headers={"hdrcharset": "BINARY"})),
], pax_headers={"uname": "everyone", "comment": "from git archive", "gname": "all"})
PYTHON
# Python pads to 10 KiB; the reader does not care, the repository does.
for tar in "$out"/base256.tar "$out"/pax-*.tar; do
  python3 - "$tar" <<'PYTHON'
import sys
data = open(sys.argv[1], "rb").read().rstrip(b"\0")
size = -(-len(data) // 512) * 512 + 1024
open(sys.argv[1], "wb").write(data.ljust(size, b"\0"))
PYTHON
done
