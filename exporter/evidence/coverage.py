"""What an archive covers: its sealed bundles, and the stretches of time that they cover together.

Read from each bundle's ``manifest.json``, which has to be the one that was sealed: by another the next bundle
would begin elsewhere, or name a head that no bundle ever had. All else is for ``verify`` to say.
"""

import hashlib
import itertools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from exporter.errors import OutputError, UsageError
from exporter.evidence.bag import NEEDED, STATEMENT, TAG_MANIFEST, sealed_payload
from exporter.facts import Verdict, Window

EXTRACTS = "extracts"
"""Folder of an archive for filtered runs, which are no part of its chain."""

BUNDLE_NAME = re.compile(r"(\d{6})_\d{8}T\d{6}Z_\d{8}T\d{6}Z", re.ASCII)
"""What the folder of a sealed bundle is called: its sequence and its window."""

_UNREADABLE = (OSError, ValueError, UsageError)


@dataclass(frozen=True, slots=True, kw_only=True)
class SealedBundle:
    """A bundle of an archive, as its statement has it."""

    path: Path
    """Where it is."""

    root: str
    """SHA-256 of its tag manifest."""

    chain: str
    """Name of the chain."""

    sequence: int
    """Place in the order of sealing."""

    window: Window
    """The window in force."""

    verdict: Verdict
    """Whether it is whole."""


class Head(msgspec.Struct, frozen=True):
    """The head of a bundle."""

    sha256: str
    """SHA-256 of its tag manifest."""


class Stated(msgspec.Struct, frozen=True):
    """What the statement of a bundle in a chain says of its place there, and of itself."""

    chain: str
    """Name of the chain."""

    sequence: int
    """Place in the order of sealing."""

    previous: Head | None
    """The bundle before it; ``None`` where it is the first."""

    window: Window
    """The window in force."""

    verdict: Verdict
    """Whether it is whole."""


class _Statement(msgspec.Struct):
    predicate: Stated


class _Judged(msgspec.Struct):
    verdict: Verdict


class _AnyStatement(msgspec.Struct):
    predicate: _Judged


def read_statement(content: bytes) -> Stated:
    """Read ``manifest.json`` of a bundle in a chain.

    Raises ``msgspec.MsgspecError`` or :class:`~exporter.errors.UsageError` where it states no such place, as
    that of an extract does not, or no window.
    """
    return msgspec.json.decode(content, type=_Statement).predicate


def sealed_bundles(archive: Path) -> list[SealedBundle]:
    """Read the bundles of ``archive``, which need not exist yet, in the order of sealing.

    Raises :class:`OutputError` where one cannot be read or has been renamed, or the archive not listed.
    """
    inside = _listed(archive)
    _refuse_renamed(inside)
    bundles = [_read(path) for path in inside if BUNDLE_NAME.fullmatch(path.name)]
    return sorted(bundles, key=lambda bundle: bundle.sequence)


def _refuse_renamed(inside: Iterable[Path]) -> None:
    """Refuse a bundle under a name that no run gives: passed over, its place would be taken a second time.

    What begins with a dot is a run that has not ended.
    """
    for path in inside:
        named = path.name.startswith(".") or BUNDLE_NAME.fullmatch(path.name)
        if not named and stated_verdict(path) is not None:
            raise OutputError(
                f"{path} is a bundle, and its folder is not called as one, so nothing can be chained to it.",
                "Give it back its name, the sequence and the window that its manifest.json states, or move "
                "it out of the archive.",
            )


def extract_folders(archive: Path, window: Window, filters: Mapping[str, str]) -> list[Path]:
    """Return the extracts of ``window`` by these filters, in the order of sealing."""
    numbered = _numbered_extracts(archive, window, filters)
    return [numbered[number] for number in sorted(numbered)]


def next_extract(archive: Path, window: Window, filters: Mapping[str, str]) -> Path:
    """Return the folder for another extract: its window, a digest of its filters, and a number."""
    number = 1 + max(_numbered_extracts(archive, window, filters), default=0)
    return archive / EXTRACTS / f"{extract_name(window, filters)}_{number}"


def extract_name(window: Window, filters: Mapping[str, str]) -> str:
    """Return how the folder of an extract begins: its window, and a short digest of its filters."""
    digest = hashlib.sha256(json.dumps(filters, sort_keys=True).encode()).hexdigest()
    return f"{window.slug}_{digest[:8]}"


def stated_verdict(bundle: Path) -> Verdict | None:
    """Return the verdict that a bundle states, also an extract; ``None`` where it cannot be read."""
    try:
        return msgspec.json.decode((bundle / STATEMENT).read_bytes(), type=_AnyStatement).predicate.verdict
    except _UNREADABLE:
        return None


def place(chain: str, sequence: int) -> str:
    """Write a place in a chain."""
    return f"{chain}/{sequence:06}"


def chained_place(bundle: Path) -> str | None:
    """Return a bundle's place in its chain; ``None`` for an extract, which has none."""
    try:
        stated = read_statement((bundle / STATEMENT).read_bytes())
    except _UNREADABLE:
        return None
    return place(stated.chain, stated.sequence)


def covered(bundles: Iterable[SealedBundle], *, accept_unproven: bool) -> list[Window]:
    """Return the stretches that ``bundles`` cover: the union of their windows, ascending and apart.

    Only ``COMPLETE`` windows count, and ``UNPROVEN`` ones where they are accepted.
    """
    counting = _counting(bundles, accept_unproven=accept_unproven)
    windows = sorted((bundle.window for bundle in counting), key=lambda window: window.since)
    stretches: list[Window] = []
    for window in windows:
        if stretches and window.since <= stretches[-1].until:
            last = stretches.pop()
            window = Window(since=last.since, until=max(last.until, window.until))  # noqa: PLW2901 - grown
        stretches.append(window)
    return stretches


def reaching(
    bundles: Iterable[SealedBundle], until: datetime, *, accept_unproven: bool
) -> SealedBundle | None:
    """Return, of the bundles that count, the one sealed last that covers the time just before ``until``."""
    counting = _counting(bundles, accept_unproven=accept_unproven)
    there = [bundle for bundle in counting if bundle.window.since < until <= bundle.window.until]
    return max(there, key=lambda bundle: bundle.sequence, default=None)


def holes(stretches: list[Window]) -> list[Window]:
    """Return what lies between the stretches."""
    pairs = itertools.pairwise(stretches)
    return [Window(since=before.until, until=after.since) for before, after in pairs]


def _counting(bundles: Iterable[SealedBundle], *, accept_unproven: bool) -> list[SealedBundle]:
    verdicts = {Verdict.COMPLETE, *([Verdict.UNPROVEN] if accept_unproven else [])}
    return [bundle for bundle in bundles if bundle.verdict in verdicts]


def _numbered_extracts(archive: Path, window: Window, filters: Mapping[str, str]) -> dict[int, Path]:
    """Find the extracts by their numbers, and pass over what else somebody put there."""
    name = re.compile(rf"{extract_name(window, filters)}_([1-9][0-9]*)")
    folders = ((name.fullmatch(folder.name), folder) for folder in _listed(archive / EXTRACTS))
    return {int(match[1]): folder for match, folder in folders if match}


def _listed(folder: Path) -> list[Path]:
    """List a folder, which need not exist; ``glob`` would take one that cannot be listed for an empty one."""
    try:
        return list(folder.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise OutputError(
            f"What is sealed in {folder} cannot be seen ({error.strerror}), so nothing can be added to it.",
            "Mend its permissions, or what is wrong with the disk; or choose another folder with --output.",
        ) from error


def _read(folder: Path) -> SealedBundle:
    try:
        held = {name: (folder / name).read_bytes() for name in NEEDED}
        sealed_payload(held.__getitem__)
        stated = read_statement(held[STATEMENT])
        return SealedBundle(
            path=folder,
            root=hashlib.sha256(held[TAG_MANIFEST]).hexdigest(),
            chain=stated.chain,
            sequence=stated.sequence,
            window=stated.window,
            verdict=stated.verdict,
        )
    except _UNREADABLE as error:
        raise OutputError(
            f"The bundle {folder} cannot be read, so nothing can be chained to it ({error}).",
            "Run audit-export verify on it, and restore it from a copy.",
        ) from error
