"""Results for people and for machines: the result itself on stdout, everything about it on stderr."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from exporter.commands.messages import complain, say
from exporter.commands.session import Session
from exporter.errors import AuditExportError, IncompleteError, OutputError, VerificationError
from exporter.facts import Check, Result, Verdict, how_many, rfc3339

if TYPE_CHECKING:
    from exporter.export import Published

_PRECEDENCE = (4, 7, 6, 5, 3)
"""Which exit code goes before which, where several apply."""

_COLOURS = {
    Result.AS_EXPECTED: "green",
    Result.DIFFERS: "red",
    Result.MISSING: "red",
    Result.CONTRADICTS: "red",
    Result.NOT_SHOWN: "yellow",
    Result.NOT_PERFORMED: "yellow",
}


def most_serious(codes: Iterable[int]) -> int:
    """Return, of several exit codes, the one to leave with; 0 where there is none."""
    present = set(codes)
    return next((code for code in _PRECEDENCE if code in present), max(present, default=0))


def note(code: int) -> int:
    """Note the exit code for what a command found: it holds where that cannot be printed, too. Returns it."""
    click.get_current_context().ensure_object(Session).found = code
    return code


def exit_code(published: "Published", *, accept_unproven: bool) -> int:
    """Say in the exit code what came of it: history contradicts, not stamped, not shown to be whole."""
    return most_serious(error.exit_code for error in _amiss(published, accept_unproven=accept_unproven))


def print_published(
    published: "Published",
    *,
    as_json: bool,
    accept_unproven: bool = False,
    another: str = "--again seals another",
) -> None:
    """Print the bundle's path, or the result as JSON, on stdout; verdict, checks and errors on stderr.

    Where the exit code is not 0, what it is for is an error, so that it is shown whatever else is not.
    ``another`` says how to get one more bundle where the window was sealed before.
    """
    run = published.run
    period = f"{rfc3339(run.window.since)} to {rfc3339(run.window.until)}"
    if published.before:
        say(f"Sealed already by an earlier run; {another}.", before=True)
    say(f"{run.verdict.value}: {how_many(run.counts.entries)}, {period}", verdict=run.verdict.value.value)
    if run.filters and not run.counts.entries:
        filters = " and ".join(f"--{name} {visible(value)}" for name, value in run.filters.items())
        say(f"No entry of the window matches {filters}.", filters=run.filters)
    for check in run.checks:
        say("\n".join(_lines(check)), check=check.id, result=check.result.value)
    say(f"  {_sealed(published)}", signing_key=run.seal.signing_key)
    say(f"  head sha256:{published.root}", head=published.root)
    code = exit_code(published, accept_unproven=accept_unproven)
    for error in _amiss(published, accept_unproven=accept_unproven):
        complain(visible(error.what), visible(error.remedy), code, error)
    try:
        if as_json:
            print_json(_as_json(published, code))
        else:
            print_result(str(published.bundle))
    except UnreadError:
        raise
    except OutputError as error:
        raise OutputError(
            f"{error.what} The bundle {published.bundle} is published all the same.",
            "Make room where stdout leads; there is no need to run the command again.",
        ) from error


def _as_json(published: "Published", code: int) -> dict[str, Any]:
    run, failure = published.run, published.failure
    return {
        "published": str(published.bundle),
        "verdict": run.verdict.value.value,
        "reasons": [*run.verdict.reasons, *([] if failure is None else [failure.what])],
        "entries": run.counts.entries,
        "since": rfc3339(run.window.since),
        "until": rfc3339(run.window.until),
        "head": published.root,
        "link": published.link,
        "sealed_before": published.before,
        "signing_key": run.seal.signing_key,
        "stamped": published.stamped,
        "exit_code": code,
        "error": None if failure is None else {"what": failure.what, "remedy": failure.remedy},
    }


def _amiss(published: "Published", *, accept_unproven: bool) -> list[AuditExportError]:
    """Return what is amiss with a published bundle, each as the error that it is."""
    verdict = published.run.verdict.value
    found = f"Not as expected: {' '.join(published.run.verdict.reasons)}"
    amiss: list[AuditExportError] = [] if published.failure is None else [published.failure]
    if published.contradicted:
        what = f"What was read contradicts an append-only log. {found}"
        remedy = "Keep everything, tell the auditor, and do not run it again until someone has looked."
        amiss.append(VerificationError(what, remedy))
    elif verdict is Verdict.PARTIAL:
        remedy = "Run the same command again; if it stays so, ask the platform's operator about what differs."
        amiss.append(IncompleteError(f"The export is PARTIAL. {found}", remedy))
    elif verdict is Verdict.UNPROVEN and not accept_unproven:
        remedy = "Tell the auditor, or accept it for good with --accept-unproven."
        amiss.append(IncompleteError(f"The export is UNPROVEN. {found}", remedy))
    return amiss


def print_failure(command: str, what: str, remedy: str, code: int) -> None:
    """Print, as JSON on stdout, that a command failed: what happened, what to do, the exit code.

    An export that failed published nothing, which is said where its success would name the bundle.
    """
    result: dict[str, Any] = {"exit_code": code, "error": {"what": what, "remedy": remedy}}
    if command == "run":
        verdict = Verdict.PARTIAL.value if code == IncompleteError.exit_code else None
        result = {"published": None, "verdict": verdict, "reasons": [what], **result}
    print_json(result)


def print_json(value: object) -> None:
    """Print the result as one line of JSON on stdout; raises as :func:`print_result`."""
    import json

    print_result(json.dumps(value, default=str))


class UnreadError(OutputError):
    """Whoever was to read the result has seen enough of it, and needs no words."""


@contextmanager
def read_by_somebody() -> Iterator[None]:
    """Raise :class:`UnreadError` where nobody reads any more what is printed on stdout, by us or by Click."""
    try:
        yield
    except BrokenPipeError as error:
        raise UnreadError("Nobody reads the result any more.", "Read it to its end.") from error


def print_result(text: str, *, end: str = "\n") -> None:
    """Print a line of the result on stdout, or the whole of one that has its own ``end``.

    Raises :class:`OutputError` where it cannot be written, :class:`UnreadError` where nobody reads it.
    """
    try:
        with read_by_somebody():
            click.echo(text + end, nl=False)
    except OSError as error:
        raise OutputError(
            f"The result could not be written to stdout ({error.strerror}).",
            "Make room where stdout leads, then run the same command again.",
        ) from error


def _sealed(published: "Published") -> str:
    seal = published.run.seal
    if seal.signing_key is None:
        return "unsigned"
    signed = f"signed with {seal.algorithm} {seal.signing_key}"
    if not published.stamped:
        return signed
    # A token that was added later may be of another authority than the record names.
    return f"{signed}, time-stamped{'' if published.before else f' by {seal.timestamp_authority}'}"


def print_table(lines: Sequence[Sequence[str]]) -> None:
    """Print rows of cells on stdout, each column as wide as its widest cell."""
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for line in lines:
        print_result("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())


def print_findings(checks: Sequence[Check]) -> None:
    """Print the findings of a verification on stdout, and what was expected where it differs."""
    for check in checks:
        print_result("\n".join(_lines(check)))


def visible(text: str) -> str:
    """Make control characters visible, so that a value cannot drive the terminal it is printed on."""
    return "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in text)


def _lines(check: Check) -> list[str]:
    mark = click.style(f"{check.result.value:>19}", fg=_COLOURS[check.result])
    lines = [f"{mark}  {check.what}: {visible(check.found)}"]
    if check.result is not Result.AS_EXPECTED:
        lines.append(f"{'':>19}  expected: {visible(check.expected)}")
    return lines
