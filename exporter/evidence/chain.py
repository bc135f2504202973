"""The chain: every bundle of an archive names the one that was sealed before it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import UsageError
from exporter.evidence.coverage import SealedBundle, place


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A bundle's place in its chain."""

    chain: str
    """Name of the chain: the organization and a random part, the same in all its bundles."""

    sequence: int
    """Place in the order of sealing, from 1."""

    previous: str | None
    """SHA-256 of the tag manifest of the bundle before; ``None`` for the first."""

    @property
    def place(self) -> str:
        """Chain and sequence in one."""
        return place(self.chain, self.sequence)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predecessor:
    """A bundle that is kept elsewhere, as a run on it said what it is."""

    root: str
    """SHA-256 of its tag manifest: its head."""

    chain: str | None = None
    """Name of its chain, where that was said."""

    sequence: int | None = None
    """Its place in it, likewise."""


_PREDECESSOR = re.compile(
    r"(?:(?P<chain>[^@]+)/(?P<sequence>\d{6,})@)?(?:sha256:)?(?P<root>[0-9a-f]{64})", re.ASCII
)


def parse_predecessor(text: str) -> Predecessor:
    """Read a head, with or without ``sha256:`` before it, or ``CHAIN/SEQUENCE@HEAD``, as a run prints them.

    Raises :class:`UsageError` where it is neither.
    """
    read = _PREDECESSOR.fullmatch(text)
    if read is None:
        raise UsageError(
            f"--previous {text!r} is no head.",
            'Give the 64 digits that a run printed as its head, or what its --json has as "link".',
        )
    sequence = None if read["sequence"] is None else int(read["sequence"])
    return Predecessor(root=read["root"], chain=read["chain"], sequence=sequence)


def next_link(
    bundles: Sequence[SealedBundle],
    *,
    organization: str,
    random_part: str,
    previous: Predecessor | None = None,
) -> Link:
    """Return the link for the bundle that is sealed after ``bundles``, which are in the order of sealing.

    ``previous`` is the bundle that the caller knows of, kept elsewhere where there are none here. Without its
    place in a chain a new chain begins that names it.
    """
    if not bundles:
        before = previous or Predecessor(root="")
        return Link(
            chain=before.chain or f"{organization}/{random_part}",
            sequence=(before.sequence or 0) + 1,
            previous=before.root or None,
        )
    newest = bundles[-1]
    return Link(chain=newest.chain, sequence=newest.sequence + 1, previous=newest.root)


def refuse_other(bundles: Sequence[SealedBundle], previous: Predecessor | None) -> None:
    """Refuse a bundle that the caller knows of where the newest of ``bundles`` is another.

    Raises :class:`UsageError`.
    """
    if previous is not None and bundles and previous.root != bundles[-1].root:
        raise UsageError(
            f"--previous names another head than that of the newest bundle, {bundles[-1].root}.",
            "Leave --previous out, or see why the archive is not the one it was given for.",
        )
