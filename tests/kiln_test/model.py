"""What a build must contain, computed the plain way: dictionaries, one path after the other, no index and no cleverness.

It follows the image specification ("Whiteouts", "Changeset") for layers and LinuxKit's layout for the root tree. Where the
two leave something open, the rule is said at the place.
"""

import copy
import posixpath

from kiln_test.tree import Node, digest

FIXED_TIME = 1492533000  # of everything a build makes itself
HOSTS = (
    b"127.0.0.1       localhost\n::1     localhost ip6-localhost ip6-loopback\nfe00::0 ip6-localnet\n"
    b"ff00::0 ip6-mcastprefix\nff02::1 ip6-allnodes\nff02::2 ip6-allrouters\n"
)
NO_RESOLVER = b"\n# no resolv.conf configured\n"
DROPPED = (".dockerenv", "Dockerfile", "dev/console", "etc/hostname")


def made_file(data, mode=0o644, uid=0, gid=0):
    return Node("file", mode, uid, gid, FIXED_TIME, len(data), digest(data))


def made_directory(mode=0o755, uid=0, gid=0):
    return Node("directory", mode, uid, gid, FIXED_TIME)


def made_symlink(target):
    return Node("symlink", 0o777, mtime=FIXED_TIME, target=target)


def clean(path):
    return posixpath.normpath("/" + path).lstrip("/")


def parents(path):
    """From the outermost in."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[: i + 1]) for i in range(len(parts))]


def remove_below(tree, path):
    for other in [other for other in tree if other.startswith(path + "/")]:
        del tree[other]


def node_of(entry):
    node = Node(entry.kind, entry.mode, entry.uid, entry.gid, int(entry.mtime // 1), xattrs=dict(entry.xattrs))
    if entry.kind == "file":
        node.size, node.content = len(entry.content), digest(entry.content)
    if entry.kind == "symlink":
        node.target = entry.target
    if entry.kind in ("char", "block"):
        node.device = entry.device
    return node


def put(tree, path, node):
    """One path unpacked over what is there."""
    if path in tree and not (tree[path].kind == "directory" and node.kind == "directory"):
        remove_below(tree, path)
    for parent in parents(path):
        if parent in tree and tree[parent].kind != "directory":
            del tree[parent]
    tree[path] = node


def merge(layers):
    """The tree of an image. Whiteouts are about the layers below only, wherever they stand in their own."""
    tree = {}
    for entries in layers:
        for entry in entries:
            parent, _, name = clean(entry.path).rpartition("/")
            if name == ".wh..wh..opq":
                remove_below(tree, parent)
            elif name.startswith(".wh."):
                gone = (parent + "/" if parent else "") + name.removeprefix(".wh.")
                tree.pop(gone, None)
                remove_below(tree, gone)
        for entry in entries:
            path = clean(entry.path)
            if path.rpartition("/")[2].startswith(".wh.") or not path:
                continue
            if entry.kind == "link":
                node = tree[clean(entry.target)]
                node.inode = node.inode or object()
            else:
                node = node_of(entry)
            put(tree, path, node)
    return tree


def with_parents(tree):
    for path in list(tree):
        for parent in parents(path):
            tree.setdefault(parent, made_directory())
    return tree


def flatten(layers, init):
    """An image as it stands in the root tree: with the files every container needs (layout, "Fixed files")."""
    tree = {path: node for path, node in merge(layers).items() if path not in DROPPED}
    for path in ("dev", "dev/pts", "dev/shm", "etc", "proc", "sys"):
        tree[path] = made_directory()
    for path in ("etc/hosts", "etc/resolv.conf"):
        remove_below(tree, path)
    tree["etc/hosts"] = made_file(HOSTS)
    tree["etc/resolv.conf"] = made_symlink("/run/resolvconf/resolv.conf") if init else made_file(NO_RESOLVER)
    tree.setdefault("etc/mtab", made_symlink("/proc/mounts")).mtime = FIXED_TIME
    return with_parents(tree)


class Root:
    """The root tree, part after part: the later part wins a path, a directory keeps what is in it."""

    def __init__(self):
        self.tree = {}
        self.shareable = []  # prefixes whose identical files may be one inode in a cpio

    def add_part(self, part):
        """`part` is path: Node. Where either side has a symlink to a directory, the symlink stays and what the other puts
        below it goes to where it points."""
        links = {path: node.target for path, node in part.items() if node.kind == "symlink"}
        for path, node in self.tree.items():
            if node.kind == "symlink" and (path not in part or part[path].kind == "directory"):
                links[path] = node.target
        moved = {}
        for tree in (self.tree, part):
            redirected = {}
            for path, node in tree.items():
                if node.kind == "directory" and path in links:
                    continue
                redirected[_through(path, links)] = node
            moved[id(tree)] = redirected
        result = moved[id(self.tree)]
        for path, node in moved[id(part)].items():
            put(result, path, node)
        self.tree = with_parents(result)

    def add_kernel(self, modules_layers=None, cmdline="", kernel=None, ucode=None):
        part = {"boot": made_directory()}
        if modules_layers is not None:
            part.update(with_parents(merge(modules_layers)))
        self.add_part(part)
        self.boot = {"boot/cmdline": made_file(cmdline.encode())}
        if kernel is not None:
            self.boot["boot/kernel"] = kernel
        if ucode is not None:
            self.boot["boot/ucode.cpio"] = ucode

    def add_init(self, layers):
        self.add_part(flatten(layers, init=True))

    def add_container(self, directory, layers, config_json, runtime_json, readonly, root=None):
        """`root` is where an earlier container has the same image; None: here."""
        part = {directory: made_directory()}
        part[directory + "/config.json"] = made_file(config_json)
        part[directory + "/runtime.json"] = made_file(runtime_json)
        if not readonly:
            part[directory + "/tmp"] = made_directory()
        if not readonly or root:
            part[directory + "/rootfs"] = made_directory()
        if root is None:
            root = directory + ("/rootfs" if readonly else "/lower")
            part[root] = made_directory()
            for path, node in flatten(layers, init=False).items():
                part[f"{root}/{path}"] = copy.copy(node) if node.inode is None else node
        self.shareable.append(directory + "/")
        self.add_part(with_parents(part))
        return root

    def add_files(self, files):
        """Tuples (path, Node). Parents that nobody has take the file's owner, and its mode with execute bits added."""
        known = {}
        for path, node in files:
            for parent in parents(path):
                if parent not in self.tree and parent not in known:
                    mode = node.mode
                    for shift in (0, 3, 6):
                        if mode >> shift & 7:
                            mode |= 1 << shift
                    known[parent] = made_directory(mode, node.uid, node.gid)
            known[path] = node
        self.add_part(known)

    def initramfs(self):
        """Everything but the boot files, which are outputs of their own."""
        return self.tree

    def tar(self):
        return {**self.tree, **self.boot}

    def shared_files(self):
        """The sets of paths that are one inode in the initramfs."""
        groups = {}
        for path, node in self.initramfs().items():
            if node.kind != "file":
                continue
            shareable = any(path.startswith(prefix) for prefix in self.shareable) and node.mtime != FIXED_TIME and node.size > 0
            if shareable:
                xattrs = tuple(sorted(node.xattrs.items()))
                key = (node.content, node.mode, node.uid, node.gid, node.mtime, xattrs)
            else:
                key = node.inode
            if key is not None:
                groups.setdefault(key, set()).add(path)
        return {frozenset(paths) for paths in groups.values() if len(paths) > 1}


def _through(path, links):
    """The path with symlinked directories on the way (not its last component) replaced by where they point."""
    for _ in range(100):
        for parent in parents(path):
            if parent in links:
                target = links[parent]
                base = "" if target.startswith("/") else posixpath.dirname(parent)
                path = clean(posixpath.join(base, target)) + path[len(parent) :]
                break
        else:
            return path
    raise AssertionError(f"a cycle of symlinks on the way to {path}")
