"""Files that are hashed while they are written."""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """A file as it was written."""

    path: Path
    """Where it is."""

    size: int
    """Its length in bytes."""

    sha256: str
    """Its SHA-256, 64 hexadecimal digits."""

    rows: int
    """How many entries it holds."""


class HashingFile:
    """A new file, readable by its owner only, that keeps the SHA-256 of what is written to it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = 0
        self._digest = hashlib.sha256()
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        self._file = os.fdopen(descriptor, "wb", buffering=1 << 20)

    @property
    def closed(self) -> bool:
        """Whether the file has been closed."""
        return self._file.closed

    def write(self, data: bytes | memoryview) -> int:
        """Append ``data`` and take it into the digest."""
        view = memoryview(data)
        self._digest.update(view)
        self.size += view.nbytes
        return self._file.write(view)

    def tell(self) -> int:
        """Return the number of bytes written so far."""
        return self.size

    def close(self) -> None:
        """Close the file; closing twice does nothing. Publishing a bundle brings its files to the disk."""
        self._file.close()

    def written(self, rows: int) -> Written:
        """Describe the closed file, which holds ``rows`` entries."""
        return Written(path=self.path, size=self.size, sha256=self._digest.hexdigest(), rows=rows)
