"""The archives, derived again: whether they follow from the raw responses and nothing else."""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pyarrow as pa

from exporter.archive.formats import FORMATS
from exporter.derive import derive_again
from exporter.errors import AuditExportError, OutputError
from exporter.evidence.bag import RESPONSES
from exporter.evidence.scratch import scratch_folder
from exporter.facts import Check, Result
from exporter.verify.bundle import NOT_READABLE, Bundle
from exporter.verify.findings import finding, lacking
from exporter.verify.measure import Measure
from exporter.verify.values import same_values

_NOT_DERIVABLE = (*NOT_READABLE, AuditExportError)


class _NothingToDeriveFromError(Exception):
    """What the archives would be derived from is not as sealed, which is another finding."""


def reperformed(bundle: Bundle) -> Iterator[Check]:
    """Derive the archives from nothing but the raw responses and the window, and compare the bytes.

    Raises :class:`~exporter.errors.OutputError` where there is no room for what is derived.
    """
    with scratch_folder() as folder:
        try:
            found = _derived(bundle, folder)
        except _NothingToDeriveFromError as error:
            yield from (_follows(name, "", str(error), Result.NOT_PERFORMED) for name in FORMATS)
        except OutputError:
            raise
        except _NOT_DERIVABLE as error:
            reason = f"could not be derived ({error})"
            yield from (_follows(name, "", reason, lacking(error)) for name in FORMATS)
        else:
            yield from (_compared(bundle, folder, name, digest) for name, digest in found.items())


def _compared(bundle: Bundle, folder: Path, name: str, derived: str) -> Check:
    sealed = bundle.payload.get(f"data/audit.{name}", "a digest in the manifest")
    if derived == sealed:
        return _held(bundle, name, derived)
    made_with, here = bundle.run.versions.get("pyarrow"), version("pyarrow")
    if name != "parquet" or made_with == here:
        return _follows(name, sealed, derived, Result.DIFFERS)
    try:
        with bundle.container.open("data/audit.parquet") as file:
            same = same_values(file, folder / "audit.parquet")
    except (OSError, pa.ArrowException) as error:
        return _follows(name, sealed, f"not readable: {error}", lacking(error))
    found = f"{'the same' if same else 'other'} values; written by pyarrow {made_with}, derived by {here}"
    return _follows(name, "the same values", found, Result.AS_EXPECTED if same else Result.DIFFERS)


def _held(bundle: Bundle, name: str, derived: str) -> Check:
    """Hold the file that is there against what follows: it need not be the one that was sealed."""
    there = bundle.measured[f"data/audit.{name}"]
    if isinstance(there, OSError):
        return _follows(name, derived, f"not read: {there.strerror}", lacking(there))
    result = Result.AS_EXPECTED if there.sha256 == derived else Result.DIFFERS
    return _follows(name, derived, there.sha256, result)


def _derived(bundle: Bundle, folder: Path) -> dict[str, str]:
    """Write the archives as they follow from the responses; returns the SHA-256 of each by its format."""
    responses = bundle.measured.get(RESPONSES)
    if not isinstance(responses, Measure):
        raise _NothingToDeriveFromError(f"not derived: {RESPONSES} could not be read")
    if responses.sha256 != bundle.payload[RESPONSES]:
        raise _NothingToDeriveFromError(f"not derived: {RESPONSES} is not as sealed")
    try:
        run = bundle.run
    except NOT_READABLE as error:
        raise _NothingToDeriveFromError(f"not derived: data/run.json cannot be read ({error})") from error
    with bundle.container.local(RESPONSES) as path:
        derived = derive_again(path, run, folder, run.options.formats)
    return {name: file.sha256 for name, file in derived.files.items()}


def _follows(name: str, expected: str, found: str, result: Result) -> Check:
    return finding(
        f"reperformed-{name}",
        f"data/audit.{name} follows from the raw responses",
        expected=expected or "the archive as sealed",
        found=found,
        result=result,
    )
