"""The seal: manifests over a finished bundle, made last and in the order in which they cover one another."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from exporter import record
from exporter.errors import OutputError
from exporter.evidence import bag
from exporter.evidence.chain import Link
from exporter.evidence.description import describe
from exporter.evidence.manifest import statement
from exporter.files import sha256_file

if TYPE_CHECKING:
    from exporter.evidence.signature import SigningKey


def seal(folder: Path, run: record.Run, link: Link | None, key: "SigningKey | None") -> str:
    """Write the manifests and the bag's description into ``folder``, sign them, and return the root digest.

    The root is the SHA-256 of ``tagmanifest-sha256.txt``; whoever knows it can check every byte. The
    signature is over that file. Files that ``run`` names are stated with its digests, which were taken when
    they were made. Raises :class:`OutputError` where one is no longer as long as it was then.
    """
    _refuse_cut_files(folder, run)
    payload = bag.payload_paths(folder)
    known = {file.path: file.sha256 for file in run.files}
    names = {path: path.relative_to(folder).as_posix() for path in payload}
    digests = {name: known.get(name) or sha256_file(path) for path, name in names.items()}
    size = sum(path.stat().st_size for path in payload)
    texts = {
        bag.PAYLOAD_MANIFEST: bag.manifest_text(digests).encode(),
        bag.STATEMENT: statement(digests, run, link),
        bag.DECLARATION: bag.DECLARATION_TEXT.encode(),
        bag.DESCRIPTION: bag.description_text(describe(run, link, size=size, files=len(payload))).encode(),
    }
    for name, content in texts.items():
        (folder / name).write_bytes(content)
    tags = {name: hashlib.sha256(content).hexdigest() for name, content in texts.items()}
    root = bag.manifest_text(tags).encode()
    (folder / bag.TAG_MANIFEST).write_bytes(root)
    if key is not None:
        (folder / bag.SIGNATURE).write_bytes(key.sign(root))
    return hashlib.sha256(root).hexdigest()


def _refuse_cut_files(folder: Path, run: record.Run) -> None:
    for file in run.files:
        path = folder / file.path
        found = path.stat().st_size if path.exists() else 0
        if found != file.bytes:
            raise OutputError(
                f"{file.path} has {found:,} bytes on the disk, and {file.bytes:,} were written to it.",
                "See to the disk, and to what else writes there, then run the same command again.",
            )
