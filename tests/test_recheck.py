"""The window of a bundle, read again: real HTTP, a real database."""

import errno
import json
import os
import tempfile
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.commands.results import UnreadError
from exporter.errors import AuditExportError, OutputError, UsageError, VerificationError
from exporter.export import export
from exporter.facts import Result, Verdict
from exporter.recheck import Finding, Sealed, recheck
from exporter.sandbox.entry import Entry, nanoseconds
from exporter.source.credentials import Profile
from exporter.source.warc import read_responses
from tests.conftest import Serve
from tests.terminal import Terminal
from tests.world import NOW, World


def sealed(world: World, output: Path, **changes: Any) -> Path:
    request = world.request(output, **changes)
    return export(request, now=lambda: NOW, progress=lambda *_: None).bundle


def again(world: World, bundle: Path, to: Path | None = None) -> Finding:
    request = world.request(bundle.parent)
    return recheck(Sealed.open(bundle), request, to=to, now=lambda: NOW, progress=lambda *_: None)


def rename_and_hide(world: World, renamed: Entry, hidden: Entry) -> None:
    """Have the platform give one entry with another content, and one not at all."""

    def edit(entry: dict[str, Any]) -> dict[str, Any]:
        return {**entry, "resource_name": "renamed"} if entry["id"] == str(renamed.id) else entry

    world.behave(edit=edit, hidden=frozenset({hidden.id}))


def test_a_log_that_was_only_added_to_is_the_same(serve: Serve, tmp_path: Path) -> None:
    world = serve(insert_every=2)
    bundle = sealed(world, tmp_path)

    finding = again(world, bundle)

    assert finding.verdict is Verdict.COMPLETE
    assert finding.differences.same == finding.sealed.run.counts.entries
    assert (finding.differences.changed, finding.differences.missing) == ((), ())
    assert sorted(path.name for path in bundle.parent.iterdir()) == [bundle.name]


def test_late_changed_and_missing_entries_are_named(serve: Serve, tmp_path: Path) -> None:
    world = serve()
    bundle = sealed(world, tmp_path)
    begin, end = (nanoseconds(datetime(2026, month, 1, tzinfo=UTC)) for month in (7, 10))
    inside = [entry for entry in world.service.page(limit=2_000) if begin <= entry.created_at < end]
    changed, gone = inside[3], inside[40]
    late = replace(inside[0], id=UUID(int=5))
    world.service.record(late)
    rename_and_hide(world, changed, gone)

    finding = again(world, bundle)

    assert finding.differences.changed == (str(changed.id),)
    assert finding.differences.missing == (str(gone.id),)
    assert finding.differences.late == (str(late.id),)
    found = {check.id: check.found for check in finding.checks}
    assert found["history"].startswith(f"1 changed ({changed.id}), 1 missing ({gone.id}), ")
    assert found["late"] == f"1 ({late.id})"
    results = {check.id: check.result for check in finding.checks}
    assert (results["history"], results["late"]) == (Result.CONTRADICTS, Result.DIFFERS)


@pytest.mark.parametrize("formats", [("parquet",), ("csv",)])
def test_entries_that_came_late_into_a_bundle_are_read_again_with_it(
    serve: Serve, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    """The bundle before, whose window their times are in, does not hold them, and would not miss them."""
    world = serve()
    earlier = sealed(world, tmp_path, until=datetime(2026, 9, 30, tzinfo=UTC))
    inside = [
        replace(
            world.service.page(limit=1)[0],
            id=UUID(int=number),
            created_at=nanoseconds(datetime(2026, 9, 29, 23, number, tzinfo=UTC)),
        )
        for number in (5, 6, 7)
    ]
    world.service.record_all(inside)
    bundle = sealed(world, tmp_path, since=None, formats=formats)
    assert again(world, bundle).verdict is Verdict.COMPLETE
    changed, gone, _ = inside
    rename_and_hide(world, changed, gone)

    finding = again(world, bundle)

    assert finding.differences.changed == (str(changed.id),)
    assert finding.differences.missing == (str(gone.id),)
    assert finding.differences.late == ()
    assert finding.differences.same == finding.sealed.run.counts.entries - 2
    assert again(world, earlier).differences.missing == ()


@pytest.mark.parametrize("limits", [{"ceiling": 100, "total": "absent"}, {"offset_honoured": False}], ids=str)
def test_what_the_platform_no_longer_lets_anyone_reach_is_not_called_gone(
    serve: Serve, tmp_path: Path, limits: dict[str, Any]
) -> None:
    world = serve()
    bundle = sealed(world, tmp_path)
    world.behave(cap=20, filters_ignored=True, **limits)

    finding = again(world, bundle)

    assert finding.differences.missing
    assert finding.verdict is not Verdict.COMPLETE
    assert not any(check.result is Result.CONTRADICTS for check in finding.checks)


@pytest.mark.parametrize("behind", [timedelta(seconds=2), timedelta(days=200)])
def test_a_clock_that_is_behind_makes_nothing_missing(
    serve: Serve, tmp_path: Path, behind: timedelta
) -> None:
    """That of another of the platform's servers, say, or one that was put right meanwhile."""
    world = serve()
    newest = world.service.page(limit=1)[0]
    last = nanoseconds(NOW - timedelta(seconds=1))
    world.service.record(replace(newest, id=UUID(int=5), created_at=last))
    bundle = sealed(world, tmp_path, until=None, settle=timedelta(0))
    world.app.state.clock = lambda: NOW - behind

    finding = again(world, bundle)

    assert finding.differences.missing == ()
    assert finding.verdict is Verdict.COMPLETE


@pytest.mark.parametrize("by", ["action", "user"])
def test_an_extract_is_held_against_the_same_extract(serve: Serve, tmp_path: Path, by: str) -> None:
    world = serve()
    filters = {"action": "deploy"} if by == "action" else {"user": world.service.page(limit=1)[0].actor_email}
    bundle = sealed(world, tmp_path, **filters)

    finding = again(world, bundle)

    assert finding.verdict is Verdict.COMPLETE
    assert finding.differences.same == finding.sealed.run.counts.entries > 0


@pytest.mark.parametrize("formats", [("parquet",), ("csv",)])
def test_a_record_that_the_bundle_leaves_out_is_left_out_again(
    serve: Serve, tmp_path: Path, formats: tuple[str, ...]
) -> None:
    world = serve()
    target = str(world.service.page(limit=1, offset=900)[0].id)
    world.behave(edit=lambda entry: {**entry, "action": ""} if entry["id"] == target else entry)
    bundle = sealed(world, tmp_path, allow_partial=True, formats=formats)

    finding = again(world, bundle)

    assert finding.differences.same == finding.sealed.run.counts.entries
    assert [check.id for check in finding.checks if check.result is not Result.AS_EXPECTED] == ["records"]
    assert finding.verdict is Verdict.PARTIAL


@pytest.mark.parametrize("dialect", ["A", "B"])
def test_the_log_is_asked_in_the_dialect_in_which_it_was_read(
    serve: Serve, tmp_path: Path, dialect: str
) -> None:
    world = serve()
    known = Profile(current_org_id=str(world.settings.organization_id))
    organization = {} if dialect == "B" else {"organization": None, "profile": known}
    bundle = sealed(world, tmp_path, **organization)
    request = world.request(bundle.parent, organization=None)

    finding = recheck(Sealed.open(bundle), request, to=None, now=lambda: NOW, progress=lambda *_: None)

    assert finding.sealed.run.source.dialect == dialect
    assert finding.verdict is Verdict.COMPLETE


def test_entries_whose_ids_are_written_otherwise_are_not_called_missing(serve: Serve, tmp_path: Path) -> None:
    world = serve(entries=400)
    bundle = sealed(world, tmp_path, organization=None)

    with pytest.raises(UsageError, match="was read in dialect A, and the platform in dialect B"):
        again(world, bundle, tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_the_finding_and_the_responses_are_kept_where_they_are_wanted(serve: Serve, tmp_path: Path) -> None:
    world = serve()
    bundle = sealed(world, tmp_path / "evidence")

    kept = tmp_path / "of another month" / "kept"
    finding = again(world, bundle, kept)

    told = json.loads((kept / "recheck.json").read_bytes())
    assert told["bundle"] == {"sha256": finding.sealed.root}
    assert told["entries"]["same"] == finding.sealed.run.counts.entries
    assert told["verdict"] == "COMPLETE"
    assert kept.stat().st_mode & 0o777 == 0o700, "what the log holds is not for everybody"
    assert any(True for _ in read_responses(kept / "responses.warc.gz"))


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_read(
    serve: Serve, tmp_path: Path
) -> None:
    world = serve()
    bundle = sealed(world, tmp_path / "evidence")
    asked = world.requests

    with pytest.raises(OutputError, match=r"evidence for the finding cannot be made \(File exists\)"):
        again(world, bundle, tmp_path / "evidence")

    assert world.requests == asked


def test_where_temporary_files_cannot_go_is_not_laid_to_the_bundle(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = sealed(world, tmp_path, formats=("csv",))
    odd = tmp_path / "caf\udce9"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))

    with pytest.raises(OutputError, match="is not a name in UTF-8"):
        again(world, bundle)


def test_where_there_is_no_finding_no_folder_is_left(serve: Serve, tmp_path: Path) -> None:
    world = serve()
    bundle = sealed(world, tmp_path / "evidence")
    world.behave(dialects="A")

    with pytest.raises(AuditExportError):
        again(world, bundle, tmp_path / "kept")

    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("same", [True, False])
def test_a_finding_that_cannot_be_kept_is_printed_all_the_same(
    terminal: Terminal, world: World, monkeypatch: pytest.MonkeyPatch, *, same: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    terminal("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")
    bundle = terminal.out.strip()
    if not same:
        world.behave(edit=lambda entry: {**entry, "action": "x"})
    monkeypatch.setattr("shutil.copyfile", refuse)

    assert terminal("recheck", bundle, "--to", "kept", "-q") == (7 if same else 4)
    assert ("The same: " if same else "NOT the same: ") in terminal.out
    assert "Error: The finding could not be kept in kept (No space left on device)." in terminal.err
    assert terminal("recheck", bundle, "--to", "kept too", "--json") == (7 if same else 4)
    assert terminal.result["format"] == "audit-export/recheck/v1"


@pytest.mark.parametrize("unwritten", [UnreadError("Nobody reads it.", ""), OutputError("It is full.", "")])
def test_that_a_finding_was_not_kept_is_said_where_it_cannot_be_printed_either(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, unwritten: OutputError
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def fail(*_: object) -> None:
        raise unwritten

    terminal("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")
    bundle = terminal.out.strip()
    monkeypatch.setattr("shutil.copyfile", refuse)
    monkeypatch.setattr("exporter.commands.results.print_result", fail)

    assert terminal("recheck", bundle, "--to", "kept") == 7
    assert "Error: The finding could not be kept in kept (No space left on device)." in terminal.err


def test_no_finding_is_put_into_the_bundle_that_it_is_of(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("recheck", str(tmp_path), "--to", str(tmp_path / "finding")) == 2
    assert "lies inside the bundle, which is sealed" in terminal.err


def test_what_is_no_bundle_is_refused(world: World, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"is not a bundle that can be read \(No such file or directory\)\."):
        again(world, tmp_path)


@pytest.mark.parametrize(
    ("behaviour", "code", "said"),
    [({}, 0, "The same: "), ({"edit": lambda entry: {**entry, "action": "x"}}, 4, "NOT the same: ")],
)
def test_the_exit_code_says_whether_the_log_is_the_same(
    terminal: Terminal, world: World, behaviour: dict[str, Any], code: int, said: str
) -> None:
    terminal("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")
    bundle = terminal.out.strip()
    world.behave(**behaviour)

    assert terminal("recheck", bundle) == code
    assert said in terminal.out
    assert terminal("recheck", bundle, "--json") == code
    assert json.loads(terminal.out)["format"] == "audit-export/recheck/v1"


def forged(world: World, output: Path, change: Callable[[Path], object]) -> Path:
    """Return a bundle in which somebody changed what is below ``data/``."""
    bundle = sealed(world, output)
    change(bundle / "data")
    return bundle


def until(moment: str) -> Callable[[Path], object]:
    def write(data: Path) -> None:
        run = json.loads((data / "run.json").read_bytes())
        run["window"]["until"] = moment
        (data / "run.json").write_text(json.dumps(run))

    return write


def instead(name: str, make: Callable[[Path], object]) -> Callable[[Path], object]:
    def exchange(data: Path) -> None:
        (data / name).unlink()
        make(data / name)

    return exchange


def retabled(data: Path) -> None:
    pq.write_table(pa.table({"a": [1]}), data / "audit.parquet")


def with_another_id(data: Path) -> None:
    """As a bit of the disk may turn, and as if the log had lost an entry and got another."""
    table = pq.read_table(data / "audit.parquet")
    ids = table["id"].to_pylist()
    ids[0] = f"{int(ids[0][0], 16) ^ 1:x}{ids[0][1:]}"
    place = table.schema.get_field_index("id")
    pq.write_table(table.set_column(place, table.schema.field(place), [ids]), data / "audit.parquet")


def with_junk_inside(data: Path) -> None:
    content = bytearray((data / "audit.parquet").read_bytes())
    content[4:2_000] = b"\xff" * 1_996
    (data / "audit.parquet").write_bytes(content)


@pytest.mark.parametrize(
    "change",
    [
        lambda data: (data / "run.json").write_bytes(b'{"a":' * 100_000),
        lambda data: (data / "run.json").write_bytes(b"\xff\xfe"),
        until("2026-10-01T00:00:00"),
        until("2026-10-01T00:00:00+05:00"),
        until("2020-01-01T00:00:00Z"),
        until("2026-10-11T00:00:00Z"),
        instead("run.json", os.mkfifo),
        instead("run.json", lambda path: path.symlink_to("/dev/zero")),
        instead("../tagmanifest-sha256.txt", os.mkfifo),
        instead("audit.parquet", os.mkfifo),
        lambda data: (data / "audit.parquet").write_bytes(b""),
        lambda data: (data / "audit.parquet").write_bytes(b"PAR1" + b"junk" * 100 + b"PAR1"),
        retabled,
        with_another_id,
        with_junk_inside,
    ],
    ids=[
        "deep record",
        "record in no encoding",
        "window in no zone",
        "window in another zone",
        "window that ends before it begins",
        "window that ends later",
        "pipe for the record",
        "link for the record",
        "pipe for the tag manifest",
        "pipe for the table",
        "empty table",
        "junk for the table",
        "table of other columns",
        "table with another id",
        "table with junk inside",
    ],
)
def test_a_bundle_that_cannot_be_what_was_sealed_is_refused(
    serve: Serve, tmp_path: Path, change: Callable[[Path], object]
) -> None:
    world = serve(entries=400)
    bundle = forged(world, tmp_path, change)

    with pytest.raises(VerificationError, match="audit-export verify"):
        again(world, bundle)
