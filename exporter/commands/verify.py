"""``verify``: check bundles and archives, offline."""

from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.clock import now
from exporter.commands.options import SectionedCommand, option, timezone_option
from exporter.commands.types import GivenPath, NonEmpty
from exporter.errors import UsageError
from exporter.facts import Result

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from exporter.verify import Examined
    from exporter.verify.archive import Anchors
    from exporter.verify.bundle import Trust

_ANCHORS = ("head", "from_head", "expect_through", "timezone")
_DATE_LENGTH = len("2026-01-31")
_FILE = GivenPath(path_type=Path, exists=True, dir_okay=False)


@click.command(cls=SectionedCommand)
@click.argument(
    "paths",
    metavar="BUNDLE|ARCHIVE...",
    nargs=-1,
    required=True,
    type=GivenPath(path_type=Path, exists=True),
)
@option(
    "--reperform",
    section="Checks",
    is_flag=True,
    help="Derive the archives again from the raw responses and compare them.",
)
@option(
    "--allowed-signers",
    section="Checks",
    type=_FILE,
    metavar="FILE",
    help="Whose signatures count, as ssh-keygen reads it; unsigned bundles then fail.",
)
@option(
    "--identity",
    section="Checks",
    metavar="ID",
    type=NonEmpty(),
    help="Which of the allowed signers it has to be.",
)
@option(
    "--tsa-ca",
    section="Checks",
    type=_FILE,
    metavar="FILE",
    help="Root certificates (PEM) of the time-stamping authority; bundles without a time stamp then fail.",
)
@option(
    "--head",
    section="Checks",
    metavar="SHA256",
    help="A head that a run printed: the bundle with it has to be there.",
)
@option(
    "--from-head",
    section="Checks",
    metavar="SHA256",
    help="The head after which the archive begins, where older bundles were removed in due time.",
)
@option(
    "--expect-through",
    section="Checks",
    metavar="DATE|TIME",
    help="Last day, or first instant after it, that COMPLETE bundles of the archive have to cover.",
)
@timezone_option("Checks")
@option("--json", section="Behaviour", is_flag=True, help="Print the findings as one JSON object.")
def verify(paths: tuple[Path, ...], *, reperform: bool, **given: Any) -> int:
    """Check that bundles are what was sealed: layout, signature, time stamp, digests, row counts.

    Takes bundles as folders or zips, and archives with all their bundles. Works offline and writes nothing.
    Exits with 0 when everything is as expected, with 4 when something was altered or is missing, and with 3
    when a claim could not be checked, such as a signature without --allowed-signers.
    """
    from exporter.commands.results import note, print_json
    from exporter.verify import examine
    from exporter.verify.findings import Outcome

    as_json = given.pop("json")
    anchors = _anchors(**{name: given.pop(name) for name in _ANCHORS})
    trust = _trust(**given)
    examined = [examine(path, reperform=reperform, trust=trust, anchors=anchors) for path in paths]
    overall = Outcome.of(check for one in examined for check in one.all_findings)
    code = note({Outcome.AS_SEALED: 0, Outcome.NOT_CHECKED: 3}.get(overall, 4))
    if as_json:
        results = [_as_data(one) for one in examined]
        verified = overall is Outcome.AS_SEALED
        print_json({"verified": verified, "outcome": overall.value, "results": results})
    else:
        for one in examined:
            _show(one)
    return code


def _trust(*, allowed_signers: Path | None, identity: str | None, tsa_ca: Path | None) -> "Trust":
    from exporter.evidence.signers import load_signers
    from exporter.evidence.timestamp import load_roots
    from exporter.verify.bundle import Trust

    if identity is not None and allowed_signers is None:
        raise UsageError("--identity needs to know whose keys count.", "Give --allowed-signers as well.")
    signers = None if allowed_signers is None else load_signers(allowed_signers)
    roots = None if tsa_ca is None else load_roots(tsa_ca)
    return Trust(signers=signers, identity=identity, roots=roots, now=now())


def _anchors(
    *, head: str | None, from_head: str | None, expect_through: str | None, timezone: "ZoneInfo"
) -> "Anchors":
    from exporter.verify.archive import Anchors

    return Anchors(
        head=_digest(head, "--head"),
        from_head=_digest(from_head, "--from-head"),
        expect_through=None if expect_through is None else _end(expect_through, timezone),
    )


def _digest(text: str | None, name: str) -> str | None:
    """Read a head as a run prints it, with or without what it is a digest by."""
    if text is None:
        return None
    digits = text.removeprefix("sha256:").lower()
    if len(digits) != 64 or set(digits) - set("0123456789abcdef"):  # noqa: PLR2004 - SHA-256, in hexadecimal
        raise UsageError(f"{name} {text!r} is no SHA-256.", "Give the head as the run printed it.")
    return digits


def _end(text: str, zone: "ZoneInfo") -> datetime:
    """Return the first instant that need not be covered: after a day, or at a time."""
    from exporter.windows import parse_moment

    moment = parse_moment(text, name="--expect-through", zone=zone)
    if len(text) != _DATE_LENGTH:
        return moment
    try:
        following = date.fromisoformat(text) + timedelta(days=1)
    except OverflowError as error:
        raise UsageError(
            f"--expect-through {text!r} is the last day of all years.", "Give a day before it."
        ) from error
    return parse_moment(following.isoformat(), name="--expect-through", zone=zone)


def _as_data(examined: "Examined") -> dict[str, Any]:
    data = {
        "path": str(examined.path),
        "outcome": examined.outcome.value,
        "signing_key": examined.signer,
        "findings": [asdict(check) for check in examined.findings],
    }
    return data | ({"bundles": [_as_data(one) for one in examined.bundles]} if examined.bundles else {})


def _show(examined: "Examined") -> None:
    """Print every finding of a bundle; of those in an archive, what is not as expected."""
    from exporter.commands.results import print_findings

    for bundle in examined.bundles:
        _conclude(bundle)
        print_findings([check for check in bundle.findings if check.result is not Result.AS_EXPECTED])
    print_findings(examined.findings)
    _conclude(examined)


def _conclude(examined: "Examined") -> None:
    from exporter.commands.results import print_result, visible

    signed = "" if examined.bundles else f" ({_signed(examined)})"
    print_result(f"{examined.outcome.capitalize()}: {visible(str(examined.path))}{signed}")


def _signed(examined: "Examined") -> str:
    if examined.signer is None:
        return "unsigned"
    found = (check.result for check in examined.findings if check.id == "signature")
    result = next(found, Result.NOT_PERFORMED)
    if result is Result.AS_EXPECTED:
        return f"signed by {examined.signer}"
    return f"signature by {examined.signer}: {result.value}"
