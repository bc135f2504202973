"""A bundle as a BagIt 1.0 bag (RFC 8493), written as the few lines of text that it is.

``manifest-sha256.txt`` covers everything below ``data/``; ``tagmanifest-sha256.txt`` covers the manifests and
the bag's own description, and so is the root of the whole: its SHA-256 stands for the bundle.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

PAYLOAD_MANIFEST = "manifest-sha256.txt"
TAG_MANIFEST = "tagmanifest-sha256.txt"
STATEMENT = "manifest.json"
DECLARATION = "bagit.txt"
DESCRIPTION = "bag-info.txt"
SIGNATURE = f"{TAG_MANIFEST}.sig"
TOKEN = f"{SIGNATURE}.tsr"

TAG_FILES = (DESCRIPTION, DECLARATION, PAYLOAD_MANIFEST, STATEMENT)
"""The files at the root that the tag manifest covers."""

NEEDED = (TAG_MANIFEST, *TAG_FILES)
"""The files at the root of every bundle."""

RESPONSES = "data/raw/responses.warc.gz"
"""The payload file that all others follow from: the raw responses."""

_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)

DECLARATION_TEXT = "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
"""The one content that ``bagit.txt`` may have here."""


def payload_paths(bundle: Path) -> list[Path]:
    """Return every file below ``data/``, in one order on every machine."""
    return sorted(path for path in (bundle / "data").rglob("*") if path.is_file())


def manifest_text(digests: Mapping[str, str]) -> str:
    """Write digests by path as ``sha256sum`` reads them."""
    return "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items()))


def parse_manifest(text: str) -> dict[str, str]:
    """Read what :func:`manifest_text` writes; raises :class:`ValueError` for anything else."""
    digests = {}
    for line in text.splitlines():
        digest, _, path = line.partition("  ")
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f"not a manifest line: {line[:100]!r}")
        digests[path] = digest
    if manifest_text(digests) != text:
        raise ValueError("not in the one form that this program writes")
    return digests


def sealed_payload(content: Callable[[str], bytes]) -> dict[str, str]:
    """Return the digests of the payload by path, where the tag files are those that the tag manifest lists.

    ``content`` returns what one of the bag's files holds. Raises :class:`ValueError` where one is another
    than was sealed, and what ``content`` does.
    """
    tags = parse_manifest(content(TAG_MANIFEST).decode())
    if tags.keys() != set(TAG_FILES):
        raise ValueError(f"{TAG_MANIFEST} lists other files than it should")
    for name, digest in tags.items():
        if hashlib.sha256(content(name)).hexdigest() != digest:
            raise ValueError(f"{name} is not the file that {TAG_MANIFEST} lists")
    return parse_manifest(content(PAYLOAD_MANIFEST).decode())


def description_text(fields: Iterable[tuple[str, str]]) -> str:
    """Write ``bag-info.txt``; line breaks in values become spaces, since they would end the field."""
    return "".join(f"{label}: {' '.join(value.split())}\n" for label, value in fields)
