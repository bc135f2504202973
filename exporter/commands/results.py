"""Results for people and for machines: the result itself on stdout, everything about it on stderr."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from exporter.facts import Check, Result, Verdict, rfc3339

if TYPE_CHECKING:
    from exporter import record
    from exporter.export import Outcome

_COLOURS = {
    Result.AS_EXPECTED: "green",
    Result.DIFFERS: "red",
    Result.CONTRADICTS: "red",
    Result.NOT_SHOWN: "yellow",
    Result.NOT_PERFORMED: "yellow",
}


def exit_code(outcome: "Outcome", *, accept_unproven: bool) -> int:
    """Say in the exit code what came of it: of 4 (history contradicts), 7 (unstamped) and 3 the first."""
    if outcome.contradicted:
        return 4
    if outcome.unstamped is not None:
        return outcome.unstamped.exit_code
    verdict = outcome.run.verdict.value
    accepted = verdict is Verdict.COMPLETE or (verdict is Verdict.UNPROVEN and accept_unproven)
    return 0 if accepted else 3


def print_outcome(outcome: "Outcome", *, as_json: bool) -> None:
    """Print the bundle's path, or the result as JSON, on stdout; verdict and checks on stderr."""
    run = outcome.run
    period = f"{rfc3339(run.window.since)} to {rfc3339(run.window.until)}"
    click.echo(f"{run.verdict.value}: {run.counts.entries:,} entries, {period}", err=True)
    for check in run.checks:
        _print_check(check)
    click.echo(f"  {_sealed(run.seal)}", err=True)
    click.echo(f"  head sha256:{outcome.root}", err=True)
    if outcome.unstamped is not None:
        click.echo(f"{click.style('Not stamped:', fg='yellow')} {visible(str(outcome.unstamped))}", err=True)
    if as_json:
        result = {
            "published": str(outcome.bundle),
            "verdict": run.verdict.value.value,
            "reasons": run.verdict.reasons,
            "entries": run.counts.entries,
            "since": rfc3339(run.window.since),
            "until": rfc3339(run.window.until),
            "head": outcome.root,
            "signing_key": run.seal.signing_key,
            "stamped": outcome.stamped,
        }
        click.echo(json.dumps(result))
    else:
        click.echo(str(outcome.bundle))


def _sealed(seal: "record.Seal") -> str:
    if seal.signing_key is None:
        return "unsigned"
    return f"signed with {seal.algorithm} {seal.signing_key}"


def print_findings(checks: Sequence[Check]) -> None:
    """Print the findings of a verification on stdout, and what was expected where it differs."""
    for check in checks:
        _print_check(check, err=False)


def visible(text: str) -> str:
    """Make control characters visible, so that a value cannot drive the terminal it is printed on."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _print_check(check: Check, *, err: bool = True) -> None:
    mark = click.style(f"{check.result.value:>19}", fg=_COLOURS[check.result])
    click.echo(f"{mark}  {check.what}: {visible(check.found)}", err=err)
    if check.result is not Result.AS_EXPECTED:
        click.echo(f"{'':>19}  expected: {check.expected}", err=err)
