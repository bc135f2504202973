"""An archive: every bundle in it, the chain that they make, and the time that they cover together.

The chain is the order of sealing; windows may overlap, or come by hand in any order, so coverage is another
question. Only what the examiner was told by another way, a head or a date, can show that the newest bundles
are there: an archive from which they were removed is a shorter archive without a flaw.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import islice
from pathlib import Path

from exporter import record
from exporter.errors import UsageError
from exporter.evidence import bag
from exporter.evidence.coverage import (
    BUNDLE_NAME,
    EXTRACTS,
    SealedBundle,
    covered,
    extract_name,
    holes,
    read_statement,
)
from exporter.facts import Check, Result, Window, rfc3339
from exporter.verify.bundle import NOT_READABLE, Bundle
from exporter.verify.findings import SEVERAL, finding, named, none_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchors:
    """What the examiner was told of the archive by another way."""

    head: str | None = None
    """SHA-256 of the tag manifest of a bundle that must be there."""

    from_head: str | None = None
    """The head after which the archive begins, since older bundles were removed in due time."""

    expect_through: datetime | None = None
    """First instant that need not be covered any more."""


NOTHING = Anchors()
"""An examiner who was told nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A bundle's place in its archive, as its own statement has it."""

    sealed: SealedBundle
    """Where it is, and what it states."""

    previous: str | None
    """The head of the bundle before it."""

    @property
    def name(self) -> str:
        """What its folder should be called."""
        return f"{self.sealed.sequence:06}_{self.sealed.window.slug}"


def folders(archive: Path) -> list[Path]:
    """Return every folder of an archive that is, or is called like, a bundle; extracts at the end.

    Among such, one that cannot be listed may be another.
    """
    extracts = archive / EXTRACTS
    inside = folders_in(archive) + ([] if extracts.is_symlink() else folders_in(extracts))
    like = {path for path in inside if BUNDLE_NAME.fullmatch(path.name) or has_traces(path)}
    return [path for path in inside if path in like or (like and _names_in(path) is None)]


def folders_in(place: Path) -> list[Path]:
    """Return the folders in a folder, but for hidden ones; none where it cannot be listed."""
    try:
        with os.scandir(place) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir())
    except OSError:
        return []
    return [place / name for name in names if not name.startswith(".")]


def has_traces(path: Path) -> bool:
    """Whether a folder has one of the files that every bundle has."""
    return not set(bag.NEEDED).isdisjoint(_names_in(path) or ())


def read_place(path: Path, bundle: Bundle) -> Place | None:
    """Read a bundle's place in the chain; ``None`` where it states none, as an extract does."""
    try:
        stated = read_statement(bundle.read(bag.STATEMENT))
        root = bundle.root
    except (*NOT_READABLE, UsageError):
        return None
    sealed = SealedBundle(
        path=path,
        root=root,
        chain=stated.chain,
        sequence=stated.sequence,
        window=stated.window,
        verdict=stated.verdict,
    )
    return Place(sealed=sealed, previous=None if stated.previous is None else stated.previous.sha256)


def stated_name(bundle: Bundle) -> str | None:
    """Return what a bundle is to be called by what it states, whatever its folder is called.

    An extract goes by its window and its filters, and by its head, since there can be several of those.
    """
    place = read_place(Path(), bundle)
    if place is not None:
        return place.name
    try:
        name = extract_name(record.window(bundle.run), bundle.run.filters)
        return f"extract_{name}_{bundle.root[:8]}"
    except (*NOT_READABLE, UsageError):
        return None


def is_extract(bundle: Bundle) -> bool:
    """Tell whether a bundle states that it is an extract, which has no place."""
    try:
        return "extract" in bundle.stated.predicate
    except NOT_READABLE:
        return False


def judge(
    places: Sequence[Place], extracts: Iterable[Path], unread: Sequence[str], anchors: Anchors
) -> Iterator[Check]:
    """Judge what the bundles of an archive are together.

    ``extracts`` are those that have no place, ``unread`` the folders that could not be read: what is missing
    elsewhere may be in them.
    """
    ordered = sorted(places, key=lambda place: (place.sealed.sequence, place.sealed.path.name))
    yield _one_chain(ordered)
    yield _names(ordered, extracts)
    yield _forks(ordered)
    yield _gaps(ordered, anchors, unread)
    yield _links(ordered)
    yield _in_doubt(_begin(ordered, anchors), unread)
    if anchors.head is not None:
        yield _in_doubt(_head(ordered, anchors.head), unread)
    yield _in_doubt(_coverage(ordered, anchors), unread)


def _in_doubt(check: Check, unread: Sequence[str]) -> Check:
    """Call nothing missing that may be in a folder which could not be read."""
    if check.result is not Result.MISSING or not unread:
        return check
    found = f"{check.found}; not read: {named(set(unread))}"
    return replace(check, found=found, result=Result.NOT_PERFORMED)


def _one_chain(places: Sequence[Place]) -> Check:
    chains = {place.sealed.chain for place in places}
    return finding(
        "chain",
        "All bundles belong to one chain",
        expected="1 chain, or none where there are extracts alone",
        found=f"{len(chains)}: {named(chains)}" if chains else "none",
        result=Result.DIFFERS if len(chains) > 1 else Result.AS_EXPECTED,
    )


def _names(places: Sequence[Place], extracts: Iterable[Path]) -> Check:
    wrong = {place.sealed.path.name for place in places if place.sealed.path.name != place.name}
    wrong |= {folder.name for folder in extracts if BUNDLE_NAME.fullmatch(folder.name)}
    return none_of("chain-names", "Each folder is called by the sequence and window it states", wrong)


def _forks(places: Sequence[Place]) -> Check:
    """Find two bundles in one place: one of them was sealed a second time, or brought in."""
    sequences = Counter(place.sealed.sequence for place in places)
    links = Counter(place.previous for place in places)
    forked = {
        place.sealed.path.name
        for place in places
        if sequences[place.sealed.sequence] > 1 or (place.previous and links[place.previous] > 1)
    }
    return none_of("chain-forks", "No two bundles claim one place in the chain", forked)


def _gaps(places: Sequence[Place], anchors: Anchors, unread: Sequence[str]) -> Check:
    there = {place.sealed.sequence for place in places}
    first = min(there) if _begins_after(places, anchors.from_head) else 1
    claimed = range(first, max(there, default=0) + 1)
    missing = max(0, claimed.stop - claimed.start) - sum(number in claimed for number in there)
    check = finding(
        "chain-sequence",
        "No bundle is missing before the newest that is there",
        expected=f"sequences {first:,} to {max(there):,}" if there else "none",
        found=f"without {_lacking_numbers(claimed, there, missing)}" if missing else "all of them",
        result=Result.MISSING if missing else Result.AS_EXPECTED,
    )
    return check if missing > len(unread) else _in_doubt(check, unread)


def _links(places: Sequence[Place]) -> Check:
    """Compare each link with the head of the bundle before, where that is there."""
    roots = {place.sealed.sequence: place.sealed.root for place in places}
    broken = {
        place.sealed.path.name
        for place in places
        if place.previous != roots.get(place.sealed.sequence - 1, place.previous)
    }
    return none_of("chain-links", "Each bundle names the head of the one sealed before it", broken)


def _begin(places: Sequence[Place], anchors: Anchors) -> Check:
    """Say where the archive begins: with nothing before it, or after a head that the examiner knows."""
    first = places[0].previous if places else None
    expected = anchors.from_head
    what = "The archive begins where it should"
    if expected is None:
        found = "with the first of its chain" if first is None else f"after the head {first}, not known here"
        unknown = first is not None
        return finding(
            "chain-begin",
            what,
            expected="nothing before it, or a head given with --from-head",
            found=found,
            result=Result.NOT_SHOWN if unknown else Result.AS_EXPECTED,
        )
    follows = _begins_after(places, expected)
    return finding(
        "chain-begin",
        what,
        expected=f"after the head {expected}",
        found="a bundle follows it" if follows else "no bundle follows it",
        result=Result.AS_EXPECTED if follows else Result.MISSING,
    )


def _head(places: Sequence[Place], head: str) -> Check:
    at = [index for index, place in enumerate(places) if place.sealed.root == head]
    later = len(places) - 1 - at[-1] if at else 0
    found = f"{places[at[-1]].sealed.path.name}; sealed since: {later:,}" if at else "no bundle has it"
    return finding(
        "head",
        "The bundle with the given head is there",
        expected=head,
        found=found,
        result=Result.AS_EXPECTED if at else Result.MISSING,
    )


def _coverage(places: Sequence[Place], anchors: Anchors) -> Check:
    """Say what is covered, and what is not; that is a flaw only where the examiner expects more."""
    stretches = covered((place.sealed for place in places), accept_unproven=False)
    through = anchors.expect_through
    lacking = through is not None and _is_lacking(stretches, through)
    text = ", ".join(_said(stretches)) or "nothing"
    gaps = ", ".join(_said(holes(stretches)))
    return finding(
        "coverage",
        "Time covered by complete bundles",
        expected="no expectation given" if through is None else f"everything up to {rfc3339(through)}",
        found=text + (f"; not {gaps}" if gaps else ""),
        result=Result.MISSING if lacking else Result.AS_EXPECTED,
    )


def _is_lacking(stretches: Sequence[Window], through: datetime) -> bool:
    """Whether anything before ``through`` is not covered, from where coverage begins."""
    return not stretches or stretches[0].until < through


def _begins_after(places: Sequence[Place], head: str | None) -> bool:
    return head is not None and any(place.previous == head for place in places)


def _said(windows: Iterable[Window]) -> Iterator[str]:
    return (f"{rfc3339(window.since)} to {rfc3339(window.until)}" for window in windows)


def _lacking_numbers(claimed: range, there: set[int], missing: int) -> str:
    """Name the first few; whoever wrote the newest bundle decides how many there are to count through."""
    first = [f"{number:06}" for number in islice((n for n in claimed if n not in there), SEVERAL)]
    return ", ".join(first) + (f" and {missing - SEVERAL:,} more" if missing > SEVERAL else "")


def _names_in(place: Path) -> set[str] | None:
    """Return what is in a folder; ``None`` where it cannot be listed."""
    try:
        with os.scandir(place) as entries:
            return {entry.name for entry in entries}
    except OSError:
        return None
