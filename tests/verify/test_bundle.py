import hashlib
import json
import os
import re
import shutil
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import rfc8785
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.errors import UsageError
from exporter.export import export
from exporter.facts import Check, Result
from exporter.files import sha256_file
from exporter.verify import bundle as opening
from exporter.verify import digests, open_bundle, verify
from exporter.verify.findings import Outcome
from tests.verify.conftest import list_again, relist, seal_tags_again
from tests.world import NOW, World

EVERY_FILE = [
    "bag-info.txt",
    "bagit.txt",
    "data/audit.csv",
    "data/audit.jsonl",
    "data/audit.parquet",
    "data/queries/01_by_action.sql",
    "data/raw/responses.warc.gz",
    "data/run.json",
    "manifest-sha256.txt",
    "manifest.json",
    "tagmanifest-sha256.txt",
]
"""One file of each kind."""

ARCHIVES = {f"reperformed-{name}" for name in ("parquet", "csv", "jsonl")}


@pytest.fixture(scope="module")
def sealed(_shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    request = _shared_world.request(tmp_path_factory.mktemp("sealed"))
    return export(request, now=lambda: NOW, progress=lambda *_: None).bundle


@pytest.fixture
def bundle(sealed: Path, tmp_path: Path) -> Path:
    """Return a copy of the bundle, to do with as a test pleases."""
    return shutil.copytree(sealed, tmp_path / "bundle")


@pytest.fixture(scope="module")
def victim(sealed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy whose files every example changes and restores."""
    return shutil.copytree(sealed, tmp_path_factory.mktemp("victim") / "bundle")


def differing(checks: list[Check]) -> set[str]:
    """Return the ids of the checks that found something other than what was sealed."""
    return {check.id for check in checks if check.result is Result.DIFFERS}


def lacking(checks: list[Check]) -> set[str]:
    """Return the ids of the checks that found something missing."""
    return {check.id for check in checks if check.result is Result.MISSING}


def not_performed(checks: list[Check]) -> set[str]:
    """Return the ids of the checks that could not be made."""
    return {check.id for check in checks if check.result is Result.NOT_PERFORMED}


def check_of(checks: list[Check], id_: str) -> Check:
    (check,) = (check for check in checks if check.id == id_)
    return check


def seal_again(bundle: Path) -> None:
    """Write the record's list of files and all manifests anew over what is there now, as a forger would."""
    record = bundle / "data" / "run.json"
    run = json.loads(record.read_bytes())
    for file in run.get("files", []):
        path = bundle / file["path"]
        file.update(sha256=sha256_file(path), bytes=path.stat().st_size)
    record.write_text(json.dumps(run))
    list_again(bundle)


@pytest.mark.parametrize("reperform", [False, True])
def test_a_fresh_bundle_is_as_sealed(sealed: Path, *, reperform: bool) -> None:
    checks = verify(sealed, reperform=reperform)

    assert {check.result for check in checks} == {Result.AS_EXPECTED}
    assert len({check.id for check in checks}) == len(checks)
    assert ARCHIVES & {check.id for check in checks} == (ARCHIVES if reperform else set())


def test_verifying_writes_nothing(bundle: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in (bundle, *bundle.rglob("*"))}

    verify(bundle, reperform=True)

    assert {path: path.stat().st_mtime_ns for path in (bundle, *bundle.rglob("*"))} == before


def test_a_bundle_may_be_moved_and_renamed(bundle: Path) -> None:
    moved = bundle.rename(bundle.parent / "any name at all")

    assert differing(verify(moved, reperform=True)) == set()


@pytest.mark.parametrize("name", EVERY_FILE)
def test_one_changed_byte_is_found_in_every_kind_of_file(bundle: Path, name: str) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[len(content) // 2] ^= 1
    (bundle / name).write_bytes(content)

    checks = verify(bundle, reperform=True)

    found = differing(checks)
    assert found
    if name.startswith("data/"):
        assert "payload" in found
        assert name in check_of(checks, "payload").found


@settings(max_examples=60)
@given(data=st.data())
def test_one_flipped_byte_anywhere_in_the_bundle_is_always_found(victim: Path, data: st.DataObject) -> None:
    names = sorted(path.relative_to(victim).as_posix() for path in victim.rglob("*") if path.is_file())
    path = victim / data.draw(st.sampled_from(names))
    content = path.read_bytes()
    place = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
    flipped = content[place] ^ data.draw(st.integers(min_value=1, max_value=255))

    with replaced(path, content[:place] + bytes([flipped]) + content[place + 1 :]):
        assert differing(verify(victim, reperform=False))


@pytest.mark.parametrize("byte", [0, 13])
def test_bytes_all_along_the_root_cannot_be_changed_unseen(victim: Path, byte: int) -> None:
    root = victim / "tagmanifest-sha256.txt"
    content = root.read_bytes()

    for place in range(byte % 3, len(content), 3):
        if content[place] != byte:
            with replaced(root, content[:place] + bytes([byte]) + content[place + 1 :]):
                assert differing(verify(victim, reperform=False)), f"byte {place}"


@pytest.mark.parametrize("name", EVERY_FILE)
def test_a_file_cut_short_anywhere_is_found(victim: Path, name: str) -> None:
    content = (victim / name).read_bytes()

    for length in {0, 1, len(content) // 2, len(content) - 1}:
        with replaced(victim / name, content[:length]):
            assert differing(verify(victim, reperform=False)), f"{length} bytes"


@pytest.mark.parametrize("name", EVERY_FILE)
def test_a_removed_file_is_found(bundle: Path, name: str) -> None:
    (bundle / name).unlink()

    checks = verify(bundle, reperform=True)

    assert Outcome.of(checks) is Outcome.INCOMPLETE
    assert differing(checks) == set()
    assert any(name in check.found for check in checks if check.result is Result.MISSING)
    assert ("payload" in {check.id for check in checks}) is (name != "manifest-sha256.txt")
    assert ("description" in lacking(checks)) is (name in {"bag-info.txt", "data/run.json", "manifest.json"})


@pytest.mark.parametrize(
    ("name", "check"),
    [
        ("notes.txt", "layout"),
        (".hidden", "layout"),
        ("tagmanifest-md5.txt", "layout"),
        ("data/audit-2.csv", "payload-listed"),
        ("data/raw/.hidden", "payload-listed"),
        ("data/more/deep/file", "payload-listed"),
    ],
)
def test_an_added_file_is_found_and_named(bundle: Path, name: str, check: str) -> None:
    (bundle / name).parent.mkdir(parents=True, exist_ok=True)
    (bundle / name).write_text("added")

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {check}
    assert check_of(checks, check).found == name


def test_many_added_files_are_counted_not_all_named(bundle: Path) -> None:
    for number in range(12):
        (bundle / f"added-{number:02}").write_text("added")

    found = check_of(verify(bundle, reperform=False), "layout").found

    assert found == "added-00, added-01, added-02, added-03, added-04 and 7 more"


@pytest.mark.parametrize("name", ["manifest.json", "data/audit.csv", "data/queries", "data", "bagit.txt"])
def test_a_symbolic_link_to_the_same_content_is_found(bundle: Path, name: str) -> None:
    elsewhere = bundle.parent / "elsewhere"
    (bundle / name).rename(elsewhere)
    (bundle / name).symlink_to(elsewhere)

    checks = verify(bundle, reperform=True)

    assert "layout" in differing(checks)
    assert name in check_of(checks, "layout").found


@pytest.mark.parametrize("name", ["manifest.json", "data/audit.csv", "data/run.json"])
@pytest.mark.parametrize("put", [os.mkfifo, Path.mkdir, lambda path: path.symlink_to(path)])
def test_what_stands_in_a_files_place_is_found_and_not_opened(
    bundle: Path, name: str, put: Callable[[Path], None]
) -> None:
    (bundle / name).unlink()
    put(bundle / name)

    assert differing(verify(bundle, reperform=True))


def test_an_archive_that_is_not_the_sealed_one_is_not_said_to_follow_from_the_responses(
    bundle: Path,
) -> None:
    edit(bundle / "data" / "audit.csv", "deploy", "depioy")
    (bundle / "data" / "audit.jsonl").unlink()

    checks = verify(bundle, reperform=True)

    assert check_of(checks, "reperformed-parquet").result is Result.AS_EXPECTED
    assert check_of(checks, "reperformed-csv").result is Result.DIFFERS
    assert check_of(checks, "reperformed-csv").found == sha256_file(bundle / "data" / "audit.csv")
    assert check_of(checks, "reperformed-jsonl").result is Result.MISSING


def test_a_payload_listed_anew_after_a_change_is_found(bundle: Path) -> None:
    edit(bundle / "data" / "audit.csv", "deploy", "depioy")
    relist(bundle)

    assert differing(verify(bundle, reperform=True)) == {
        *("tag-files", "statement", "record-files", "reperformed-csv")
    }


def test_a_payload_and_a_root_listed_anew_after_a_change_are_found(bundle: Path) -> None:
    edit(bundle / "data" / "audit.csv", "deploy", "depioy")
    relist(bundle)
    seal_tags_again(bundle)

    assert differing(verify(bundle, reperform=True)) == {"statement", "record-files", "reperformed-csv"}


@pytest.mark.parametrize("name", ["audit.csv", "audit.jsonl"])
def test_a_forged_archive_under_a_whole_new_seal_does_not_follow_from_the_responses(
    bundle: Path, name: str
) -> None:
    edit(bundle / "data" / name, "deploy", "depioy")
    seal_again(bundle)

    checks = verify(bundle, reperform=True)

    assert differing(checks) == {f"reperformed-{name.partition('.')[2]}"}
    assert check_of(checks, f"reperformed-{name.partition('.')[2]}").found != "no difference"


@pytest.mark.parametrize("name", ["audit.csv", "audit.jsonl"])
def test_a_row_left_out_under_a_whole_new_seal_is_found_by_the_count(bundle: Path, name: str) -> None:
    path = bundle / "data" / name
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))
    seal_again(bundle)

    assert differing(verify(bundle, reperform=False)) == {f"rows-{name.partition('.')[2]}"}


def test_files_under_a_whole_new_seal_that_the_record_does_not_list_are_found(bundle: Path) -> None:
    edit(bundle / "data" / "audit.csv", "deploy", "depioy")
    (bundle / "data" / "queries" / "01_by_action.sql").unlink()
    (bundle / "data" / "queries" / "99_more.sql").write_text("SELECT 1")
    list_again(bundle)

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"record-files"}
    assert check_of(checks, "record-files").found == (
        "data/audit.csv, data/queries/01_by_action.sql, data/queries/99_more.sql"
    )


def test_an_archive_that_the_record_disowns_so_that_it_is_not_derived_again_is_found(bundle: Path) -> None:
    def disown(run: dict[str, Any]) -> None:
        run["options"]["formats"].remove("csv")
        run["counts"]["formats"].pop("csv")

    edit(bundle / "data" / "audit.csv", "deploy", "depioy")
    rewrite_run(bundle, disown)

    checks = verify(bundle, reperform=True)

    assert differing(checks) == {"record"}
    assert check_of(checks, "record").found == "formats"


@pytest.mark.parametrize(
    ("line", "written"),
    [
        ("External-Description", "Audit log entries of the whole of 2026, verdict COMPLETE, unsigned"),
        ("Source-Organization", "Another Corporation"),
        ("Bagging-Date", "2025-01-01"),
        ("Payload-Oxum", "1.1"),
        ("Bag-Size", "9.9 GiB"),
        ("Bag-Count", "1 of 1"),
        ("External-Identifier", "another/000007"),
    ],
)
def test_a_description_that_says_other_things_than_the_record_is_found(
    bundle: Path, line: str, written: str
) -> None:
    path = bundle / "bag-info.txt"
    path.write_text(re.sub(rf"(?m)^({line}): .*", rf"\1: {written}", path.read_text()))
    seal_tags_again(bundle)

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"description"}
    assert check_of(checks, "description").found == line


@pytest.mark.parametrize("added", ["Internal-Sender-Identifier: approved\n", "Bag-Count: 1 of ?\n"])
def test_a_field_too_many_in_the_description_is_found(bundle: Path, added: str) -> None:
    with (bundle / "bag-info.txt").open("a") as file:
        file.write(added)
    seal_tags_again(bundle)

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"description"}
    assert check_of(checks, "description").found == added.partition(":")[0]


def test_a_field_that_the_description_leaves_out_is_found(bundle: Path) -> None:
    path = bundle / "bag-info.txt"
    path.write_text(re.sub(r"(?m)^External-Description: .*\n", "", path.read_text()))
    seal_tags_again(bundle)

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"description"}
    assert check_of(checks, "description").found == "External-Description"


def test_a_file_that_the_statement_names_twice_is_found(bundle: Path) -> None:
    path = bundle / "manifest.json"
    statement = json.loads(path.read_bytes())
    statement["subject"].append(statement["subject"][0])
    path.write_bytes(rfc8785.dumps(statement))
    seal_tags_again(bundle)

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"statement"}
    assert check_of(checks, "statement").found == statement["subject"][0]["name"]


def test_a_file_that_the_statement_does_not_name_is_found(bundle: Path) -> None:
    path = bundle / "manifest.json"
    statement = json.loads(path.read_bytes())
    left_out = statement["subject"].pop(0)
    path.write_bytes(rfc8785.dumps(statement))
    seal_tags_again(bundle)

    (check, _) = digests.statement(open_bundle(bundle))

    assert (check.id, check.found, check.result) == ("statement", left_out["name"], Result.DIFFERS)


def test_a_statement_about_another_record_of_the_run_is_found(bundle: Path) -> None:
    path = bundle / "manifest.json"
    statement = json.loads(path.read_bytes())
    statement["predicate"]["run"]["sha256"] = "0" * 64
    path.write_bytes(rfc8785.dumps(statement))
    seal_tags_again(bundle)

    (_, check) = digests.statement(open_bundle(bundle))

    assert (check.id, check.found, check.result) == ("statement-run", "run", Result.DIFFERS)


@pytest.mark.parametrize("name", ["data/more", "data/raw/more", "data/queries/more"])
def test_an_empty_folder_among_the_files_is_found(bundle: Path, name: str) -> None:
    (bundle / name).mkdir()

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"payload-listed"}
    assert check_of(checks, "payload-listed").found == f"{name}/"


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run["verdict"].update(value="PARTIAL"),
        lambda run: run["checks"][0].update(result="differs"),
        lambda run: run["checks"][0].update(result="not shown"),
    ],
    ids=["lowered", "raised from partial", "raised from unproven"],
)
def test_a_verdict_that_does_not_follow_from_the_checks_is_found(
    bundle: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    rewrite_run(bundle, change)

    assert check_of(verify(bundle, reperform=False), "record").found == "verdict"


@pytest.mark.parametrize("format_", ["parquet", "csv", "jsonl"])
def test_a_changed_row_count_is_found_under_a_whole_new_seal(bundle: Path, format_: str) -> None:
    def one_less(run: dict[str, Any]) -> None:
        run["counts"]["formats"][format_] -= 1

    rewrite_run(bundle, one_less)

    assert differing(verify(bundle, reperform=True)) == {f"rows-{format_}"}


@pytest.mark.parametrize(
    ("change", "found"),
    [
        (lambda run: run["counts"].update(entries=7), {"rows-parquet", "rows-csv", "rows-jsonl"}),
        (lambda run: run["files"][0].update(rows=7), {"rows-csv"}),
        (lambda run: run["files"][0].update(rows=None), {"rows-csv"}),
        (lambda run: run["files"].append(run["files"][0]), {"record-files"}),
        (lambda run: run.update(format="audit-export/run/v2"), {"record"}),
    ],
    ids=["entries", "rows", "no rows", "twice", "format"],
)
def test_a_record_that_says_other_things_of_its_files_or_is_of_another_format_is_found(
    bundle: Path, change: Callable[[dict[str, Any]], None], found: set[str]
) -> None:
    rewrite_run(bundle, change)

    assert differing(verify(bundle, reperform=False)) == found


def test_a_record_that_gives_a_file_another_size_is_found(bundle: Path) -> None:
    record = bundle / "data" / "run.json"
    run = json.loads(record.read_bytes())
    run["files"][0]["bytes"] += 1
    record.write_text(json.dumps(run))
    list_again(bundle)

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"record-files"}
    assert check_of(checks, "record-files").found == run["files"][0]["path"]


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run["counts"]["formats"].update({"xlsx": 3}),
        lambda run: run["counts"]["formats"].update({"../../escape": 3}),
        lambda run: run["counts"].update({"formats": "all"}),
        lambda run: run.clear(),
    ],
    ids=["unknown format", "path", "no formats", "nothing"],
)
def test_a_count_that_cannot_be_checked_is_found(
    bundle: Path, change: Callable[[dict[str, Any]], None]
) -> None:
    rewrite_run(bundle, change)

    assert any(id_.startswith("rows") for id_ in differing(verify(bundle, reperform=False)))


@pytest.mark.parametrize(
    "window",
    [
        {"since": "2026-07-02T00:00:00Z"},
        {"since": "2026-10-02T00:00:00Z"},
        {"since": "2026-07-01T00:00:00.5Z"},
        {"since": "2026-07-01T02:00:00+02:00"},
        {"since": "then"},
        {"since": "0001-01-01T00:00:00+02:00"},
        {"until": "9999-12-31T23:59:59-02:00"},
    ],
)
def test_under_another_window_the_archives_do_not_follow(bundle: Path, window: dict[str, str]) -> None:
    rewrite_run(bundle, lambda run: run["window"].update(window))

    checks = verify(bundle, reperform=True)

    assert differing(checks) | not_performed(checks) >= ARCHIVES
    assert Outcome.of(checks) is Outcome.ALTERED


def test_values_with_line_breaks_and_of_megabytes_are_counted_as_one_row(bundle: Path) -> None:
    path = bundle / "data" / "audit.csv"
    header, first, *others = path.read_bytes().split(b"\r\n")
    grown = first.replace(b'"deploy', b'"a ""b""\r\n\n' + b"x" * 3_000_000 + b"deploy", 1)
    path.write_bytes(b"\r\n".join([header, grown, *others]))
    seal_again(bundle)

    assert check_of(verify(bundle, reperform=False), "rows-csv").result is Result.AS_EXPECTED


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 0.999])
def test_truncated_responses_are_found_and_not_derived_from(
    bundle: Path, share: float, capfd: pytest.CaptureFixture[str]
) -> None:
    path = bundle / "data" / "raw" / "responses.warc.gz"
    os.truncate(path, int(path.stat().st_size * share))

    checks = verify(bundle, reperform=True)

    assert differing(checks) == {"payload"}
    assert not_performed(checks) == ARCHIVES
    assert "is not as sealed" in check_of(checks, "reperformed-csv").found
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("share", [0.0, 0.1])
def test_responses_that_lack_entries_give_other_archives_even_under_a_whole_new_seal(
    bundle: Path, share: float
) -> None:
    path = bundle / "data" / "raw" / "responses.warc.gz"
    os.truncate(path, int(path.stat().st_size * share))
    seal_again(bundle)

    assert differing(verify(bundle, reperform=True)) == ARCHIVES


@pytest.mark.parametrize(
    "forge",
    [
        lambda _records: b"no archive at all",
        lambda records: records.replace(b"WARC/1.1", b"WARC/\xff", 1),
        lambda records: records.replace(b"HTTP/1.1 200", b"HTTP/1.1 abc"),
        lambda records: records.replace(b'"id"', b'"di"'),
        lambda records: records.replace(b"WARC-Target-URI", b"WARC-Target-XXX"),
    ],
    ids=["no archive", "no version", "no status", "no ids", "no address"],
)
def test_forged_responses_under_a_whole_new_seal_are_a_finding_and_no_crash(
    bundle: Path, forge: Callable[[bytes], bytes]
) -> None:
    path = bundle / "data" / "raw" / "responses.warc.gz"
    path.write_bytes(b"".join(zlib.compress(forge(record), wbits=31) for record in records_of(path)))
    seal_again(bundle)

    assert differing(verify(bundle, reperform=True)) == ARCHIVES


@pytest.mark.parametrize(
    "listed",
    [
        "../outside",
        "/etc/hostname",
        "data/../../outside",
        "data/" + "x" * 300,
        "data/\x00",
        "data/none",
        "data",
        "",
    ],
)
def test_a_manifest_that_lists_what_is_no_file_of_the_bundle_is_found(bundle: Path, listed: str) -> None:
    outside = bundle.parent / "outside"
    outside.write_text("outside")
    with (bundle / "manifest-sha256.txt").open("a") as file:
        file.write(f"{hashlib.sha256(b'outside').hexdigest()}  {listed}\n")
    text = (bundle / "manifest-sha256.txt").read_text()
    lines = sorted(text.split("\n")[:-1], key=lambda line: line[66:])
    (bundle / "manifest-sha256.txt").write_text("".join(f"{line}\n" for line in lines))
    seal_tags_again(bundle)

    checks = verify(bundle, reperform=True)

    assert differing(checks) | lacking(checks) >= {"payload-whole" if listed == "data/none" else "payload"}
    assert "statement" in differing(checks)


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[" * 100_000, b"null", b'{"subject": [1]}'],
    ids=["empty", "not text", "deep", "null", "odd"],
)
@pytest.mark.parametrize("name", ["manifest.json", "data/run.json", "manifest-sha256.txt"])
def test_nonsense_in_place_of_a_description_is_found(bundle: Path, name: str, content: bytes) -> None:
    (bundle / name).write_bytes(content)
    seal_tags_again(bundle)

    checks = verify(bundle, reperform=True)

    assert differing(checks)
    if name == "data/run.json":
        assert check_of(checks, "statement-run").found == name


def test_an_empty_root_is_found(bundle: Path) -> None:
    (bundle / "tagmanifest-sha256.txt").write_bytes(b"")

    assert differing(verify(bundle, reperform=False)) == {"tag-files", "tag-files-listed"}
    assert Outcome.of(verify(bundle, reperform=False)) is Outcome.ALTERED


def test_a_root_that_leaves_out_a_file_is_found(bundle: Path) -> None:
    root = bundle / "tagmanifest-sha256.txt"
    root.write_text(
        "".join(line for line in root.read_text().splitlines(keepends=True) if "bag-info" not in line)
    )

    checks = verify(bundle, reperform=False)

    assert differing(checks) == {"tag-files-listed"}
    assert check_of(checks, "tag-files-listed").found == "bag-info.txt"


def test_a_folder_with_nothing_of_a_bundle_is_none(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing here")

    with pytest.raises(UsageError, match="is not a bundle"):
        verify(tmp_path, reperform=False)


def test_of_a_folder_of_archives_it_says_what_to_name_instead(sealed: Path) -> None:
    output = sealed.parent.parent

    with pytest.raises(UsageError) as refused:
        verify(output, reperform=False)
    assert refused.value.remedy == f"It holds archives; name {sealed.parent}."


def test_sha256sum_and_verify_agree_about_a_fresh_bundle(sealed: Path) -> None:
    ran = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "tagmanifest-sha256.txt", "manifest-sha256.txt"],
        cwd=sealed,
        capture_output=True,
        check=False,
    )

    assert (ran.returncode == 0) == (not differing(verify(sealed, reperform=False)))


def test_a_file_is_read_once_whatever_becomes_of_it_meanwhile(tmp_path: Path) -> None:
    (tmp_path / "bagit.txt").write_text("as it was signed")
    opened = open_bundle(tmp_path)
    assert opened.read("bagit.txt") == b"as it was signed"
    with pytest.raises(FileNotFoundError):
        opened.read("manifest.json")

    for name in ("bagit.txt", "manifest.json"):
        (tmp_path / name).write_text("as it is read for its meaning")

    assert opened.read("bagit.txt") == b"as it was signed"
    with pytest.raises(FileNotFoundError):
        opened.read("manifest.json")


@pytest.mark.parametrize("name", ["bagit.txt", "data/run.json"])
def test_a_file_is_read_up_to_its_bound_and_not_beyond(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(opening, "SMALL", 4)
    monkeypatch.setattr(opening, "LARGE", 6)
    most = {"bagit.txt": 4, "data/run.json": 6}[name]
    (tmp_path / "data").mkdir()
    for size in (most, most + 1):
        (tmp_path / name).write_bytes(b"x" * size)
        with nullcontext() if size == most else pytest.raises(OSError, match=f"larger than {most} bytes"):
            assert open_bundle(tmp_path).read(name) == b"x" * most


def test_whatever_stands_in_a_files_place_is_there(tmp_path: Path) -> None:
    (tmp_path / "bagit.txt").touch()
    (tmp_path / "manifest.json").symlink_to("bagit.txt")

    opened = open_bundle(tmp_path)

    assert [opened.has(name) for name in ("bagit.txt", "manifest.json", "other")] == [True, True, False]


@contextmanager
def replaced(path: Path, content: bytes) -> Iterator[None]:
    """Give a file other content for the length of a block."""
    before = path.read_bytes()
    path.write_bytes(content)
    try:
        yield
    finally:
        path.write_bytes(before)


def edit(path: Path, old: str, new: str) -> None:
    content = path.read_bytes()
    assert old.encode() in content
    path.write_bytes(content.replace(old.encode(), new.encode(), 1))


def rewrite_run(bundle: Path, change: Callable[[dict[str, Any]], None]) -> None:
    """Change the record of the run and write all manifests anew."""
    path = bundle / "data" / "run.json"
    run = json.loads(path.read_bytes())
    change(run)
    path.write_text(json.dumps(run))
    seal_again(bundle)


def records_of(path: Path) -> Iterator[bytes]:
    """Yield the content of each gzip member of a WARC file."""
    left = path.read_bytes()
    while left:
        member = zlib.decompressobj(wbits=31)
        yield member.decompress(left)
        left = member.unused_data
