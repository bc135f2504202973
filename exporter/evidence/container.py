"""A bundle's files, in a folder or in a zip, read as if an attacker had put them there.

Nothing is followed out of the container, nothing but plain files is opened, and what is opened is what was
looked at. A zip has to be one that ``pack`` writes, in which nothing is compressed, so that it holds no bomb.
"""

import errno
import hashlib
import io
import os
import shutil
import stat
import struct
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Protocol, TypeGuard

from exporter.evidence import bag
from exporter.evidence.scratch import scratch_file, scratch_folder

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

MOST_FILES = 100_000
"""Files and folders in a bundle, at most; a sealed one has some dozens."""

_MOST_TAGS = 64 * 2**20  # bytes
_MOST_DIRECTORY = 64 * 2**20  # bytes
_BUFFER = 1 << 16
_END = struct.Struct("<4s4H2LH")
_LOCAL = struct.Struct("<26s2H")
"""A member's own header: all but the lengths of its name and its extra field, then these."""
_FOLDER_FLAGS = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_NOFOLLOW", 0)
_FILE_FLAGS = (
    os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
)
_ABSENT_OR_ODD = {
    *(errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP),
    *(errno.ENXIO, errno.EOPNOTSUPP),  # a socket, on Linux and on macOS
    *(errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ),
}
"""What the system says where there is no file, or where what is there could not be one of a bundle."""
_NO_FOLLOWING = os.open in os.supports_dir_fd and hasattr(os, "O_NOFOLLOW")


class UnsafeError(OSError):
    """Something that is no plain file of the container, and so was not opened."""


def was_not_read(error: object) -> TypeGuard[OSError]:
    """Whether the system did not let a file, or a folder, be read that is there: that tells nothing of it."""
    return isinstance(error, OSError) and error.errno not in {None, *_ABSENT_OR_ODD}


class Container(Protocol):
    """Named files. A path has forward slashes and begins below the bundle's folder."""

    @property
    def flaws(self) -> list[str]:
        """What is wrong with the container itself."""
        ...

    @property
    def unlisted(self) -> Mapping[str, OSError]:
        """Each folder that could not be listed, and why; the whole container has the empty path."""
        ...

    @property
    def odd(self) -> Mapping[str, str]:
        """What is neither a file nor a folder by its path, and what it is instead."""
        ...

    @property
    def files(self) -> frozenset[str]:
        """Every plain file by its path."""
        ...

    @property
    def empty(self) -> frozenset[str]:
        """Every folder with nothing in it by its path."""
        ...

    @property
    def folders(self) -> frozenset[str]:
        """Every folder by its path."""
        ...

    def open(self, path: str) -> io.BufferedReader:
        """Open a file. Raises :class:`FileNotFoundError`, :class:`UnsafeError` or another ``OSError``."""
        ...

    def local(self, path: str) -> AbstractContextManager[Path]:
        """Give a file a place in the file system for as long as it is needed. Raises as :meth:`open`."""
        ...


def read(container: Container, path: str, *, most: int) -> bytes:
    """Return what a file holds; raises as :meth:`Container.open`, also beyond ``most`` bytes."""
    with container.open(path) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise UnsafeError(errno.EINVAL, f"larger than {most:,} bytes", path)
    return content


def refuse_altered(container: Container, *paths: str) -> None:
    """Raise :class:`ValueError` where one of the files is not the one that was sealed, by the manifests.

    Raises as :meth:`Container.open` where one cannot be opened.
    """
    listed = bag.sealed_payload(lambda name: read(container, name, most=_MOST_TAGS))
    for path in paths:
        with container.open(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        if listed.get(path) != digest:
            raise ValueError(f"{path} is not the file that {bag.PAYLOAD_MANIFEST} lists")


class Folder:
    """A bundle in a folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flaws: list[str] = []
        self.unlisted: dict[str, OSError] = {}
        found = dict(self._walk())
        self.odd = {name: kind for name, kind in found.items() if kind not in {"file", "folder"}}
        self.files = frozenset(name for name, kind in found.items() if kind == "file")
        self.folders = frozenset(name for name, kind in found.items() if kind == "folder")
        self.empty = self.folders - {name.rpartition("/")[0] for name in found}

    def open(self, path: str) -> io.BufferedReader:
        """Open a file below the folder without following any link on the way."""
        parts = _parts(path)
        return os.fdopen(self._descriptor(parts), "rb")

    def local(self, path: str) -> AbstractContextManager[Path]:
        """Return the file's own path, after a look at it."""
        self.open(path).close()
        return nullcontext(self.path / path)

    def _descriptor(self, parts: tuple[str, ...]) -> int:
        if not _NO_FOLLOWING:
            return self._checked(os.open(self._without_links(parts), _FILE_FLAGS), parts)
        folder = os.open(self.path, os.O_RDONLY)
        try:
            for part in parts[:-1]:
                inner = os.open(part, _FOLDER_FLAGS, dir_fd=folder)
                os.close(folder)
                folder = inner
            return self._checked(os.open(parts[-1], _FILE_FLAGS, dir_fd=folder), parts)
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                raise UnsafeError(error.errno, "a link, or below one", "/".join(parts)) from error
            raise
        finally:
            os.close(folder)

    def _without_links(self, parts: tuple[str, ...]) -> Path:
        """Look at each step instead, where the system has no way to refuse links while opening."""
        path = self.path
        for part in parts:
            path /= part
            if path.is_symlink():
                raise UnsafeError(errno.ELOOP, "a link, or below one", "/".join(parts))
        return path

    def _checked(self, descriptor: int, parts: tuple[str, ...]) -> int:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise UnsafeError(errno.EINVAL, "no plain file", "/".join(parts))
        return descriptor

    def _walk(self) -> Iterator[tuple[str, str]]:
        """Yield every path below the folder and what it is; too many are a flaw."""
        left, seen = [""], 0
        while left:
            place = left.pop()
            try:
                with os.scandir(self.path / place) as entries:
                    for entry in entries:
                        seen += 1
                        if seen > MOST_FILES:
                            self.flaws.append(f"more than {MOST_FILES:,} files")
                            return
                        name = f"{place}/{entry.name}" if place else entry.name
                        kind = _kind(entry)
                        yield name, kind
                        if kind == "folder":
                            left.append(name)
            except OSError as error:
                if was_not_read(error):
                    self.unlisted[place] = error
                else:
                    self.flaws.append(f"{place[:200] or 'the folder'} cannot be listed ({error.strerror})")


class Zip:
    """A bundle in a zip as ``pack`` writes it."""

    empty: frozenset[str] = frozenset()
    """None: a folder of its own in a zip is odd."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.flaws: list[str] = []
        self.unlisted: dict[str, OSError] = {}
        self.odd: dict[str, str] = {}
        self._members: dict[str, zipfile.ZipInfo] = {}
        try:
            _refuse_large_directory(path)
            with zipfile.ZipFile(path) as listed:
                self._sort(listed.infolist(), path.stat().st_size)
        except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError, struct.error) as error:
            if was_not_read(error):
                self.unlisted[""] = error
            else:
                self.flaws.append(f"not a whole zip file ({error})")
        self.files = frozenset(self._members)
        inside = (str(folder) for name in self._members for folder in PurePosixPath(name).parents)
        self.folders = frozenset(inside) - {"."}

    @property
    def top(self) -> str:
        """Name of the one folder that everything is in; empty where there is none."""
        tops = {info.filename.partition("/")[0] for info in self._members.values()}
        return tops.pop() if len(tops) == 1 else ""

    def open(self, path: str) -> io.BufferedReader:
        """Open a file of the zip, where it stands as it is."""
        if path not in self._members:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path)
        info = self._members[path]
        with self.path.open("rb") as file:
            file.seek(info.header_offset)
            header = file.read(_LOCAL.size).ljust(_LOCAL.size, b"\0")
        begin = info.header_offset + _LOCAL.size + sum(_LOCAL.unpack(header)[1:])
        return io.BufferedReader(_Slice(self.path, begin, info.file_size), _BUFFER)

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """Copy a file out, under a name of our own; raises ``OutputError`` where that cannot be written."""
        with scratch_folder() as folder:
            target = folder / f"file{PurePosixPath(path).suffix}"
            with self.open(path) as source, scratch_file(target) as copy:
                shutil.copyfileobj(source, copy)
            yield target

    def _sort(self, infos: list[zipfile.ZipInfo], size: int) -> None:
        for info in infos[: MOST_FILES + 1]:
            _, _, name = info.filename.partition("/")
            if not _is_plain(info):
                self.odd[name or info.filename] = "compressed, encrypted or not a file"
            elif not 0 <= info.header_offset <= size - info.file_size:
                self.odd[name or info.filename] = "beyond the end of the zip"
            elif not name or name in self._members or not _is_below(info.filename):
                self.odd[name or info.filename] = "outside the bundle, or there twice"
            else:
                self._members[name] = info
        if len(infos) > MOST_FILES:
            self.flaws.append(f"more than {MOST_FILES:,} files")
        elif self._members and not self.top:
            self.flaws.append("more than one folder at its top")
        elif sum(info.file_size for info in self._members.values()) > size:
            self.flaws.append("its files share what it holds")


class _Slice(io.RawIOBase):
    """A stretch of a file, as a file of its own."""

    def __init__(self, path: Path, begin: int, size: int) -> None:
        self._file = path.open("rb", buffering=0)
        self._begin, self._size, self._at = begin, size, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, buffer: "WriteableBuffer", /) -> int:
        view = memoryview(buffer)
        view = view[: max(0, self._size - self._at)]
        self._file.seek(self._begin + self._at)
        count = self._file.readinto(view) or 0
        self._at += count
        return count

    def close(self) -> None:
        self._file.close()
        super().close()


def _kind(entry: os.DirEntry[str]) -> str:
    if entry.is_symlink():
        return "a link"
    if entry.is_file(follow_symlinks=False):
        return "file"
    return "folder" if entry.is_dir(follow_symlinks=False) else "no plain file"


def _parts(path: str) -> tuple[str, ...]:
    """Split a path, whoever wrote it; raises :class:`UnsafeError` where it does not lead straight down."""
    parts = tuple(path.split("/"))
    if "\0" in path or "\\" in path or any(part in {"", ".", ".."} for part in parts):
        raise UnsafeError(errno.EINVAL, "no path inside the bundle", path)
    return parts


def _is_below(path: str) -> bool:
    try:
        return len(_parts(path)) > 1
    except UnsafeError:
        return False


def _is_plain(info: zipfile.ZipInfo) -> bool:
    stored = info.compress_type == zipfile.ZIP_STORED and info.compress_size == info.file_size
    return stored and not info.flag_bits & 1 and not info.is_dir()


def _refuse_large_directory(path: Path) -> None:
    """Look at the end record before the library reads as much as it says; ``pack`` writes no comment."""
    with path.open("rb") as file:
        file.seek(-min(_END.size, os.fstat(file.fileno()).st_size), os.SEEK_END)
        mark, *_, size, _, comment = _END.unpack(file.read(_END.size))
    if mark != b"PK\5\6" or comment or size > _MOST_DIRECTORY:
        raise ValueError("its end is not the one that pack writes")
