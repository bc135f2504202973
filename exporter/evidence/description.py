"""``bag-info.txt``: what archivists ask of a bag (RFC 8493 section 2.2.2), as far as the run knows it."""

from exporter.evidence.chain import Link
from exporter.facts import rfc3339
from exporter.record import Run


def describe(run: Run, link: Link | None, *, size: int, files: int) -> list[tuple[str, str]]:
    """Return labels and values; ``size`` and ``files`` are the bytes and the number of the payload files."""
    source = run.source
    period = f"{rfc3339(run.window.since)} to {rfc3339(run.window.until)}"
    contact = source.principal if source.principal and "@" in source.principal else None
    fields = [
        ("Source-Organization", source.organization_name or source.organization_id or source.url),
        ("Contact-Email", contact),
        (
            "External-Description",
            f"{_content(run)}, {period}, verdict {run.verdict.value}, {_signed(run)}",
        ),
        ("External-Identifier", link and link.place),
        ("Bagging-Date", f"{run.clocks.finished:%Y-%m-%d}"),
        ("Bag-Software-Agent", f"{run.tool.name} {run.tool.version}"),
        ("Bag-Size", _readable(size)),
        ("Payload-Oxum", f"{size}.{files}"),
        ("Bag-Group-Identifier", link and link.chain),
        ("Bag-Count", link and f"{link.sequence} of ?"),
    ]
    return [(label, value) for label, value in fields if value]


def _readable(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:,.1f} KiB"


def _signed(run: Run) -> str:
    return "unsigned" if run.seal.signing_key is None else f"signed with the key {run.seal.signing_key}"


def _content(run: Run) -> str:
    return "Extract of audit log entries, not the full population" if run.filters else "Audit log entries"
