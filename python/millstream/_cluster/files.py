"""Files that a program needs on other machines: modules, requirements, archives.

Answers for finding what has to be sent, and, in a process of the cluster, for laying out what came: once on each machine,
by what is in it. Not for how a file comes there: each lies beside the plan under its hash.
Holds: what is laid out is whole or not there, however many processes lay it out at the same time.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from typing import Any, Callable, List, NamedTuple, Optional, Sequence, Tuple


class Given(NamedTuple):
    """What a program was given, by the paths of the driver's machine."""

    #: Modules, folders and archives of modules.
    modules: Tuple[str, ...] = ()
    #: A file of requirements, and the folder with what it requires.
    requirements: Optional[Tuple[str, Optional[str]]] = None
    #: Archives, and how the folder is called that each is unpacked into.
    archives: Tuple[Tuple[str, str], ...] = ()

    def with_modules(self, paths: Sequence[str]) -> "Given":
        """With these, too."""
        return self._replace(modules=(*self.modules, *(os.path.abspath(path) for path in paths)))

    def with_requirements(self, file: str, cache: Optional[str]) -> "Given":
        """With these."""
        if not os.path.isfile(file):
            raise ValueError(f"set_python_requirements takes a file of requirements, there is no file {file!r}")
        if cache is not None and not os.path.isdir(cache):
            raise ValueError(f"set_python_requirements takes a folder of packages, there is no folder {cache!r}")
        return self._replace(requirements=(os.path.abspath(file), cache and os.path.abspath(cache)))

    def with_archive(self, path: str, target: Optional[str]) -> "Given":
        """With this one, too."""
        if not os.path.isfile(path):
            raise ValueError(f"add_python_archive takes the path of an archive, there is no file {path!r}")
        name = target or os.path.basename(path)
        if os.path.basename(name) != name or name in (".", ".."):
            raise ValueError(f"the target_dir of add_python_archive is the name of a folder, not {name!r}")
        return self._replace(archives=(*self.archives, (os.path.abspath(path), name)))


class Sent(NamedTuple):
    """The same by their hashes. A folder is sent as an archive."""

    #: Hash, the file's name, whether it is a packed folder.
    modules: Tuple[Tuple[str, str, bool], ...]
    requirements: Optional[Tuple[str, Optional[str]]]
    #: Hash, the archive's name, the folder's name.
    archives: Tuple[Tuple[str, str, str], ...]

    def hashes(self) -> List[str]:
        """Of all of them."""
        of_requirements = [hash_ for hash_ in self.requirements or () if hash_ is not None]
        return sorted({one[0] for one in (*self.modules, *self.archives)} | set(of_requirements))


def send(given: Given, upload: Callable[[str], str]) -> Sent:
    """Has all of it uploaded by `upload`, which takes a path and gives a hash."""

    def sent(path: str) -> Tuple[str, bool]:
        if not os.path.isdir(path):
            return upload(path), False
        with tempfile.TemporaryDirectory(prefix="millstream-packed-") as folder:
            packed = os.path.join(folder, "packed")
            _pack(path, packed)
            return upload(packed), True

    modules = []
    for path in given.modules:
        hash_, is_packed = sent(path)
        modules.append((hash_, os.path.basename(path), is_packed))
    requirements = None
    if given.requirements is not None:
        file, cache = given.requirements
        requirements = upload(file), None if cache is None else sent(cache)[0]
    archives = tuple((upload(path), os.path.basename(path), target) for path, target in given.archives)
    return Sent(tuple(modules), requirements, archives)


def _pack(folder: str, packed: str) -> None:
    """The files of a folder as an archive: the same bytes whenever it is packed."""
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, folders, names in os.walk(folder):
            folders[:] = sorted(name for name in folders if name != "__pycache__")
            for name in sorted(names):
                file = os.path.join(path, name)
                entry = zipfile.ZipInfo(os.path.relpath(file, folder))
                entry.external_attr = (os.stat(file).st_mode & 0o777) << 16
                entry.compress_type = zipfile.ZIP_DEFLATED
                with open(file, "rb") as content:
                    archive.writestr(entry, content.read())


class Laid:
    """What came, laid out on this machine."""

    def __init__(self, sent: Sent, beside: str) -> None:
        self._sent, self._beside = sent, beside
        #: Beside the folder of the programs: it lives as long.
        self._folder = os.path.join(os.path.dirname(os.path.abspath(beside)), "python-files")

    def module_paths(self) -> List[str]:
        """Where modules are found: those that were required first, since they are asked for least."""
        paths = [self._module(*one) for one in self._sent.modules]
        if self._sent.requirements is not None:
            paths.append(self._requirements(*self._sent.requirements))
        return paths

    def link_archives(self) -> None:
        """Makes each archive a folder of the present one."""
        for hash_, name, target in self._sent.archives:
            laid = self._once(hash_, lambda folder: _unpack(self._file(hash_), name, folder))
            try:
                os.symlink(laid, target)
            except FileExistsError:
                # A process that was started again in the same folder.
                pass

    def _module(self, hash_: str, name: str, is_packed: bool) -> str:
        if is_packed:
            return self._once(hash_, lambda folder: _unpack(self._file(hash_), "packed.zip", folder))
        laid = self._once(f"{hash_}-{_name(name)}", lambda folder: _copy(self._file(hash_), folder, name))
        return laid if name.endswith(".py") else os.path.join(laid, name)

    def _requirements(self, hash_: str, cache: Optional[str]) -> str:
        version = "%d.%d" % sys.version_info[:2]
        name = f"required-{version}-{hash_}-{cache}"
        return self._once(name, lambda folder: self._install(hash_, cache, folder))

    def _install(self, hash_: str, cache: Optional[str], folder: str) -> None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
        command += ["--target", folder, "-r", self._file(hash_)]
        if cache is not None:
            found = self._once(cache, lambda to: _unpack(self._file(cache), "packed.zip", to))
            command += ["--no-index", "--find-links", found]
        # Its standard input is not ours: that says when this process is to end.
        ended = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
        if ended.returncode != 0:
            said = (ended.stderr or ended.stdout).strip()
            raise RuntimeError(f"the requirements of the program cannot be installed on this machine: {said}")

    def _file(self, hash_: str) -> str:
        return os.path.join(self._beside, hash_)

    def _once(self, name: str, make: Callable[[str], Any]) -> str:
        """The folder of this name, made by whoever is first."""
        laid = os.path.join(self._folder, name)
        if not os.path.isdir(laid):
            os.makedirs(self._folder, exist_ok=True)
            own = tempfile.mkdtemp(prefix="coming-", dir=self._folder)
            try:
                make(own)
                os.rename(own, laid)
            except OSError:
                if not os.path.isdir(laid):
                    raise
            finally:
                shutil.rmtree(own, ignore_errors=True)
        return laid


def _name(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _copy(file: str, folder: str, name: str) -> None:
    shutil.copyfile(file, os.path.join(folder, name))


def _unpack(file: str, name: str, folder: str) -> None:
    kind = next((kind for kind, ends, _ in shutil.get_unpack_formats() if name.endswith(tuple(ends))), None)
    if kind is None:
        raise ValueError(f"the archive {name} is of no known kind: zip, tar, tar.gz, tgz, tar.bz2, tar.xz")
    shutil.unpack_archive(file, folder, kind)
