"""One zip of a bundle, the same bytes on every machine: nothing compressed, in order, of one fixed date."""

import errno
import os
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import BinaryIO

from exporter.evidence.bundle import flush
from exporter.evidence.container import Container, Zip
from exporter.evidence.scratch import scratch_file, scratch_folder

_DATE = (1980, 1, 1, 0, 0, 0)
"""The first that a zip can state; files in a bundle say when they were made themselves."""

_MODE = 0o100600 << 16
_UNIX = 3
_BUFFER = 1 << 20


def write_zip(container: Container, *, top: str, to: BinaryIO) -> None:
    """Write the files of a container below one folder, ``top``, into a zip."""
    with zipfile.ZipFile(to, "w", zipfile.ZIP_STORED) as packed:
        for path in sorted(container.files):
            info = zipfile.ZipInfo(f"{top}/{path}", _DATE)
            info.external_attr, info.create_system = _MODE, _UNIX
            with container.open(path) as source:
                info.file_size = source.seek(0, 2)
                source.seek(0)
                with packed.open(info, "w") as member:
                    shutil.copyfileobj(source, member, _BUFFER)


def is_as_packed(container: Zip) -> bool:
    """Whether a zip is, byte for byte, the one that :func:`write_zip` makes of its files.

    Raises :class:`OSError` where it cannot be read, ``OutputError`` where the other cannot be written.
    """
    with (
        scratch_folder() as folder,
        scratch_file(folder / "again.zip") as again,
        container.path.open("rb") as file,
    ):
        write_zip(container, top=container.top, to=again)
        again.seek(0)
        return _same(again, file)


def pack(container: Container, *, name: str, to: Path) -> Path:
    """Write ``name.zip`` into the folder ``to``; it appears whole or not at all, and replaces nothing.

    Raises :class:`OSError`, :class:`FileExistsError` among them.
    """
    target = to / f"{name}.zip"
    if os.path.lexists(target):
        raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), str(target))
    with tempfile.TemporaryDirectory(prefix=".partial-", dir=to) as folder:
        partial = Path(folder, target.name)
        with partial.open("xb") as file:
            write_zip(container, top=name, to=file)
            file.flush()
            flush(file.fileno())
        partial.rename(target)
    return target


def _same(one: BinaryIO, other: BinaryIO) -> bool:
    while True:
        first, second = one.read(_BUFFER), other.read(_BUFFER)
        if first != second:
            return False
        if not first:
            return True
