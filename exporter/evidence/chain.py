"""The chain: every bundle of an archive names the one that was sealed before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from exporter.errors import UsageError
from exporter.evidence.coverage import SealedBundle


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A bundle's place in its chain."""

    chain: str
    """Name of the chain: the organization and a random part, the same in all its bundles."""

    sequence: int
    """Place in the order of sealing, from 1."""

    previous: str | None
    """SHA-256 of the tag manifest of the bundle before; ``None`` for the first."""


def next_link(
    bundles: Sequence[SealedBundle], *, organization: str, random_part: str, previous: str | None = None
) -> Link:
    """Return the link for the bundle that is sealed after ``bundles``, which are in the order of sealing.

    ``previous`` is the head that the caller knows of: the link to a bundle that is kept elsewhere. Raises
    :class:`UsageError` where the newest bundle has another.
    """
    if not bundles:
        return Link(chain=f"{organization}/{random_part}", sequence=1, previous=previous)
    newest = bundles[-1]
    if previous not in (None, newest.root):
        raise UsageError(
            f"--previous names another head than that of the newest bundle, {newest.root}.",
            "Leave --previous out, or see why the archive is not the one it was given for.",
        )
    return Link(chain=newest.chain, sequence=newest.sequence + 1, previous=newest.root)
