"""The chain: every bundle of an archive names the one that was sealed before it."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import msgspec

from exporter.errors import OutputError
from exporter.evidence.bag import STATEMENT, TAG_MANIFEST

BUNDLE_NAME = re.compile(r"(\d{6})_\d{8}T\d{6}Z_\d{8}T\d{6}Z", re.ASCII)
"""How the folder of a sealed bundle is called: sequence, first instant, first instant after it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A bundle's place in its chain."""

    chain: str
    """Name of the chain: the organization and a random part, the same in all its bundles."""

    sequence: int
    """Place in the order of sealing, from 1."""

    previous: str | None
    """SHA-256 of the tag manifest of the bundle before; ``None`` for the first."""


class _Predicate(msgspec.Struct):
    chain: str
    sequence: int


class _Statement(msgspec.Struct):
    predicate: _Predicate


def next_link(archive: Path, *, organization: str, random_part: str) -> Link:
    """Return the link for the next bundle of ``archive``, which need not exist yet.

    Raises :class:`OutputError` when the newest bundle there cannot be read.
    """
    bundles = sorted(path for path in archive.glob("*") if BUNDLE_NAME.fullmatch(path.name))
    if not bundles:
        return Link(chain=f"{organization}/{random_part}", sequence=1, previous=None)
    newest = bundles[-1]
    try:
        last = msgspec.json.decode((newest / STATEMENT).read_bytes(), type=_Statement).predicate
        root = hashlib.sha256((newest / TAG_MANIFEST).read_bytes()).hexdigest()
    except (OSError, ValueError, msgspec.MsgspecError) as error:
        raise OutputError(
            f"The newest bundle {newest} cannot be read, so nothing can be chained to it ({error}).",
            "Run audit-export verify on it, and restore it from a copy.",
        ) from error
    return Link(chain=last.chain, sequence=last.sequence + 1, previous=root)
