"""The seal: manifests over a finished bundle, made last and in the order in which they cover one another."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

from exporter.errors import OutputError
from exporter.evidence import bag
from exporter.evidence.chain import Link
from exporter.evidence.manifest import statement
from exporter.facts import Window, rfc3339
from exporter.record import Run

if TYPE_CHECKING:
    from exporter.evidence.signature import SigningKey


def seal(folder: Path, run: Run, link: Link | None, key: "SigningKey | None") -> str:
    """Write the manifests and the bag's description into ``folder``, sign them, and return the root digest.

    The root is the SHA-256 of ``tagmanifest-sha256.txt``; whoever knows it can check every byte. The
    signature is over that file. Files that ``run`` names are stated with its digests, which were taken when
    they were made. Raises :class:`OutputError` where one is no longer as long as it was then.
    """
    _refuse_cut_files(folder, run)
    payload = bag.payload_paths(folder)
    known = {file.path: file.sha256 for file in run.files}
    names = {path: path.relative_to(folder).as_posix() for path in payload}
    digests = {name: known.get(name) or bag.sha256_file(path) for path, name in names.items()}
    texts = {
        bag.PAYLOAD_MANIFEST: bag.manifest_text(digests).encode(),
        bag.STATEMENT: statement(
            digests,
            link=link,
            window=Window(since=run.window.since, until=run.window.until),
            verdict=run.verdict.value,
            seal=run.seal,
            overlap=run.overlap,
            filters=run.filters,
        ),
        bag.DECLARATION: bag.DECLARATION_TEXT.encode(),
        bag.DESCRIPTION: bag.description_text(_description(run, link, payload)).encode(),
    }
    for name, content in texts.items():
        (folder / name).write_bytes(content)
    tags = {name: hashlib.sha256(content).hexdigest() for name, content in texts.items()}
    root = bag.manifest_text(tags).encode()
    (folder / bag.TAG_MANIFEST).write_bytes(root)
    if key is not None:
        (folder / bag.SIGNATURE).write_bytes(key.sign(root))
    return hashlib.sha256(root).hexdigest()


def _refuse_cut_files(folder: Path, run: Run) -> None:
    for file in run.files:
        path = folder / file.path
        found = path.stat().st_size if path.exists() else 0
        if found != file.bytes:
            raise OutputError(
                f"{file.path} has {found:,} bytes on the disk, and {file.bytes:,} were written to it.",
                "See to the disk, and to what else writes there, then run the same command again.",
            )


def _description(run: Run, link: Link | None, payload: list[Path]) -> list[tuple[str, str]]:
    """Say what archivists ask of a bag (RFC 8493 section 2.2.2), as far as it is known."""
    size = sum(path.stat().st_size for path in payload)
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
        ("Payload-Oxum", f"{size}.{len(payload)}"),
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
