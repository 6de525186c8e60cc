"""LinuxKit's tags, computed from the files alone: git's objects by hand, without git and without Kiln."""

import hashlib
import os
import stat


def _object(kind, data):
    return hashlib.sha1(f"{kind} {len(data)}\0".encode() + data).hexdigest()


def tree_id(directory):
    """The id of the tree object of a directory all of whose files are committed."""
    entries = []
    for name in os.listdir(directory):
        path = os.path.join(directory, name)
        status = os.lstat(path)
        if name == ".git":
            continue
        if stat.S_ISDIR(status.st_mode):
            entries.append((name + "/", b"40000", name, tree_id(path)))  # git sorts directories as if they ended in '/'
        elif stat.S_ISLNK(status.st_mode):
            entries.append((name, b"120000", name, _object("blob", os.readlink(path).encode())))
        else:
            mode = b"100755" if status.st_mode & stat.S_IXUSR else b"100644"
            with open(path, "rb") as stream:
                entries.append((name, mode, name, _object("blob", stream.read())))
    entries.sort(key=lambda entry: entry[0].encode())
    data = b"".join(mode + b" " + name.encode() + b"\0" + bytes.fromhex(identity) for _, mode, name, identity in entries)
    return _object("tree", data)


def package_hash(directory, extra_sources=()):
    """Of a clean package."""
    identity = tree_id(directory)
    if not extra_sources:
        return identity
    return hashlib.sha1("".join([identity, *map(tree_id, extra_sources)]).encode()).hexdigest()


def dirty_suffix(directory, tracked, untracked=()):
    """Of a package with changes: the contents of the files in git's order, links and missing files left out."""
    sha = hashlib.sha256()
    for name in [*sorted(tracked), *sorted(untracked)]:
        path = os.path.join(directory, name)
        if os.path.isfile(path) and not os.path.islink(path):
            with open(path, "rb") as stream:
                sha.update(stream.read())
    return "-dirty-" + sha.hexdigest()[:7]
