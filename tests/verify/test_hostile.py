"""Bundles made by an enemy: nothing is followed, awaited, or unpacked into memory."""

import gzip
import hashlib
import json
import os
import stat
import struct
import subprocess
import sys
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import rfc8785

from exporter.evidence import container
from exporter.evidence.bag import manifest_text
from exporter.evidence.container import Folder, UnsafeError, Zip
from exporter.facts import Result
from exporter.verify import open_bundle, verify
from exporter.verify.findings import Outcome
from tests.verify.conftest import found_by, result_of
from tests.verify.test_seal import rebag, rebag_as_of

SECRET = "root:x:0:0"  # noqa: S105 - what must not be read


def test_a_path_out_of_the_bundle_is_not_read_however_it_is_written(signed: Path) -> None:
    outside = signed.parent / "outside"
    outside.write_text(SECRET)
    folder = Folder(signed)

    for path in ("../outside", "data/../../outside", str(outside), "data//run.json", "./data", "", "data/\0"):
        with pytest.raises(UnsafeError):
            folder.open(path)
    with pytest.raises(FileNotFoundError):
        folder.open("data/none")


@pytest.mark.parametrize("place", ["data", "data/raw", "data/queries"])
def test_a_link_in_the_middle_of_a_path_is_not_followed(signed: Path, place: str) -> None:
    (signed / place).rename(signed.parent / "elsewhere")
    (signed / place).symlink_to(signed.parent / "elsewhere")
    inside = next(path for path in (signed.parent / "elsewhere").rglob("*") if path.is_file())
    path = f"{place}/{inside.relative_to(signed.parent / 'elsewhere').as_posix()}"

    with pytest.raises(UnsafeError, match="a link, or below one"):
        Folder(signed).open(path)
    checks = verify(signed, reperform=True)
    assert place in found_by(checks, "layout")
    assert Outcome.of(checks) is Outcome.ALTERED


def test_a_link_put_there_after_the_look_is_not_followed_either(signed: Path) -> None:
    folder = Folder(signed)
    (signed / "data" / "run.json").unlink()
    (signed / "data" / "run.json").symlink_to("/etc/passwd")

    with pytest.raises(UnsafeError):
        folder.open("data/run.json")


def test_no_link_is_followed_either_where_the_system_has_no_way_to_refuse_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "_NO_FOLLOWING", False)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "plain").write_text("plain")
    (tmp_path / "data" / "link").symlink_to("plain")
    (tmp_path / "link").symlink_to("data")
    folder = Folder(tmp_path)

    with folder.open("data/plain") as file:
        assert file.read() == b"plain"
    for path in ("data/link", "link/plain"):
        with pytest.raises(UnsafeError, match="a link, or below one"):
            folder.open(path)


@pytest.mark.parametrize(
    "name",
    ["tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig", "tagmanifest-sha256.txt.sig.tsr", "data/raw/x"],
)
def test_a_pipe_is_found_and_not_waited_for(signed: Path, name: str) -> None:
    (signed / name).unlink(missing_ok=True)
    os.mkfifo(signed / name)

    checks = verify(signed, reperform=True)

    assert Outcome.of(checks) is Outcome.ALTERED
    assert name in found_by(checks, "layout")


@pytest.mark.skipif(os.geteuid() != 0, reason="making a device takes root")
def test_a_device_is_found_and_not_read(signed: Path) -> None:
    (signed / "data" / "audit.csv").unlink()
    os.mknod(signed / "data" / "audit.csv", stat.S_IFCHR | 0o600, os.makedev(1, 5))  # /dev/zero never ends

    checks = verify(signed, reperform=False)

    assert found_by(checks, "layout") == "data/audit.csv"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not hold to such a limit")
@pytest.mark.parametrize("name", ["tagmanifest-sha256.txt", "manifest.json", "data/run.json"])
def test_a_file_of_gigabytes_where_a_short_one_should_be_is_not_read_whole(signed: Path, name: str) -> None:
    with (signed / name).open("r+b") as file:
        file.truncate(4 << 30)  # sparse: it takes no room on the disk
    if name == "data/run.json":
        shrink(signed / name)

    assert said_within(2 << 30, signed, "Outcome.of(verify(bundle, reperform=False)).value") == "altered"


def said_within(memory: int, bundle: Path, expression: str) -> str:
    """Have a process that may take so many bytes of memory say something of a bundle, and nothing else."""
    script = f"import resource, sys; resource.setrlimit(resource.RLIMIT_AS, ({memory}, {memory}))\n"
    script += "from pathlib import Path; from exporter.verify import verify, Outcome\n"
    script += f"bundle = Path(sys.argv[1]); print({expression})\n"
    done = subprocess.run([sys.executable, "-c", script, bundle], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.removesuffix("\n")


def shrink(path: Path) -> None:
    """Leave enough to be more than is read, and little enough for the digest not to take long."""
    os.truncate(path, 100 << 20)


@pytest.mark.parametrize("name", ["manifest.json", "data/run.json"])
@pytest.mark.parametrize(
    "content",
    [
        b"[" * 1_000_000,
        b'{"predicate":' * 200_000,
        b'{"subject":[{"name":"x","digest":{"sha256":"y"}}],"predicate":{"chain":5}}',
        b'{"a":' + b"9" * 100_000 + b"}",
        b'{"a":1e999}',
        b'"\\ud800"',
        b'{"a":1,"a":2}',
    ],
    ids=["deep", "deep objects", "odd types", "long number", "huge number", "surrogate", "twice"],
)
def test_json_made_to_break_its_reader_is_a_finding(signed: Path, name: str, content: bytes) -> None:
    (signed / name).write_bytes(content)
    tags = {
        path: hashlib.sha256((signed / path).read_bytes()).hexdigest()
        for path in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest.json")
    }
    (signed / "tagmanifest-sha256.txt").write_text(manifest_text(tags))

    assert Outcome.of(verify(signed, reperform=True)) is Outcome.ALTERED


def lie(bundle: Path, change: Callable[[dict[str, object]], object]) -> None:
    """Have the statement say something else of the run, under new lists of digests."""
    statement = json.loads((bundle / "manifest.json").read_bytes())
    change(statement["predicate"])
    (bundle / "manifest.json").write_bytes(rfc8785.dumps(statement))
    rebag(bundle)


@pytest.mark.parametrize(
    ("member", "change"),
    [
        ("verdict", lambda predicate: predicate.update(verdict="PARTIAL")),
        ("window", lambda predicate: predicate["window"].update(since="2025-01-01T00:00:00Z")),
        ("signature", lambda predicate: predicate.update(signature="unsigned")),
        ("overlap", lambda predicate: predicate.update(overlap={"same": 5})),
        ("verdict", lambda predicate: predicate.pop("verdict")),
        ("window", lambda predicate: predicate.update(window=[1, 2, 3])),
        ("sequence", lambda predicate: predicate.pop("sequence")),
        ("extract", lambda predicate: predicate.update(extract={"action": "deploy"})),
        ("note", lambda predicate: predicate.update(note=[])),
        ("chain, previous", lambda predicate: predicate.update(previous=5)),
        ("sequence", lambda predicate: predicate.update(sequence=0)),
        ("previous", lambda predicate: predicate.update(previous={"sha256": "0" * 64, "of": "it"})),
    ],
    ids=[
        "verdict",
        "window",
        "signature",
        "overlap",
        "no verdict",
        "odd window",
        "no place",
        "extract",
        "more",
        "odd place",
        "place before the first",
        "more of the place",
    ],
)
def test_a_statement_that_lies_about_the_run_is_found(
    signed: Path, member: str, change: Callable[[dict[str, object]], object]
) -> None:
    lie(signed, change)

    checks = verify(signed, reperform=False)

    assert result_of(checks, "statement-run") is Result.DIFFERS
    assert found_by(checks, "statement-run") == member


@pytest.mark.parametrize(
    ("member", "id_", "found"),
    [
        ("_type", "statement-run", "_type"),
        ("predicateType", "statement-run", "predicateType"),
        ("note", "statement", "manifest.json"),
    ],
)
def test_a_statement_of_another_kind_or_that_says_more_is_found(
    signed: Path, member: str, id_: str, found: str
) -> None:
    path = signed / "manifest.json"
    path.write_bytes(rfc8785.dumps({**json.loads(path.read_bytes()), member: "another"}))
    rebag(signed)

    assert found_by(verify(signed, reperform=False), id_) == found


def test_a_statement_longer_than_its_files_account_for_is_not_read(signed: Path) -> None:
    lie(signed, lambda predicate: predicate.update(note=[{}] * 1_000_000))

    with pytest.raises(OSError, match=r"manifest\.json is larger than 1,0"):
        open_bundle(signed).read("manifest.json")
    assert Outcome.of(verify(signed, reperform=False)) is Outcome.ALTERED


@pytest.mark.parametrize("kind", ["late", "changed", "missing", "filters"])
def test_a_statement_is_read_however_long_the_names_are_that_its_record_accounts_for(
    signed: Path, kind: str
) -> None:
    """Each character of an id may take six bytes of a statement."""
    name = "\x01" * 200_000
    run, stated = (json.loads((signed / path).read_bytes()) for path in ("data/run.json", "manifest.json"))
    overlap = {
        "since": run["window"]["since"],
        "bundles": [],
        "same": 0,
        "late": [],
        "changed": [],
        "missing": [],
    }
    if kind == "filters":
        run["filters"] = stated["predicate"]["extract"] = {"action": name}
    else:
        run["overlap"] = stated["predicate"]["overlap"] = {**overlap, kind: [name]}
    (signed / "data" / "run.json").write_text(json.dumps(run))
    (signed / "manifest.json").write_bytes(rfc8785.dumps(stated))

    assert len(open_bundle(signed).read("manifest.json")) > 1_200_000


def test_a_statement_with_white_space_is_not_in_its_one_form(signed: Path) -> None:
    path = signed / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_bytes()), indent=1))
    tags = {
        name: hashlib.sha256((signed / name).read_bytes()).hexdigest()
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest.json")
    }
    (signed / "tagmanifest-sha256.txt").write_text(manifest_text(tags))

    assert found_by(verify(signed, reperform=False), "tag-files-form") == "manifest.json"


def test_upper_case_digests_which_sha256sum_accepts_are_not_in_their_one_form(signed: Path) -> None:
    path = signed / "manifest-sha256.txt"
    lines = path.read_text().splitlines()
    path.write_text("".join(f"{line[:64].upper()}{line[64:]}\n" for line in lines))
    tags = {
        name: hashlib.sha256((signed / name).read_bytes()).hexdigest()
        for name in ("bag-info.txt", "bagit.txt", "manifest-sha256.txt", "manifest.json")
    }
    (signed / "tagmanifest-sha256.txt").write_text(manifest_text(tags))
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "--quiet", "manifest-sha256.txt"], cwd=signed, check=False
    )

    assert done.returncode == 0
    assert "manifest-sha256.txt" in found_by(verify(signed, reperform=False), "tag-files-form")


def test_more_files_than_any_bundle_has_are_not_all_listed(
    signed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MOST_FILES", 200)
    (signed / "data" / "heap").mkdir()
    for number in range(300):
        (signed / "data" / "heap" / str(number)).touch()

    assert "more than 200 files" in found_by(verify(signed, reperform=False), "container")
    assert len(Folder(signed).files) <= 200


def test_folders_nested_without_end_are_walked_without_recursion(signed: Path) -> None:
    place = signed / "data"
    for _ in range(60):
        place /= "d" * 20
    place.mkdir(parents=True)
    (place / "file").write_text("deep")

    assert "data/dddd" in found_by(verify(signed, reperform=False), "payload-listed")


def test_names_that_are_not_text_are_found_and_can_be_printed(signed: Path) -> None:
    (signed / os.fsdecode(b"\xff\xfe")).write_text("x")
    (signed / "data" / "\x1b[31mred\n").write_text("x")

    checks = verify(signed, reperform=False)

    assert result_of(checks, "layout") is Result.DIFFERS
    assert json.loads(json.dumps(found_by(checks, "payload-listed"))) == "data/\x1b[31mred\n"


def test_a_bomb_in_the_responses_does_not_fill_the_memory(signed: Path) -> None:
    warc = signed / "data" / "raw" / "responses.warc.gz"
    warc.write_bytes(gzip.compress(b"WARC/1.1\r\nWARC-Type: response\r\n" + bytes(200 << 20)))
    rebag(signed)

    checks = verify(signed, reperform=True)

    assert "grows to more than 200 times its size" in found_by(checks, "reperformed-csv")
    assert Outcome.of(checks) is Outcome.ALTERED


@pytest.fixture
def packed(signed: Path, tmp_path: Path) -> Path:
    """Return a zip that is much like one of ours, with the bundle below one folder."""
    path = tmp_path / "hostile.zip"
    with zipfile.ZipFile(path, "w") as file:
        for inside in sorted(item for item in signed.rglob("*") if item.is_file()):
            file.write(inside, f"bundle/{inside.relative_to(signed).as_posix()}")
    return path


@pytest.mark.parametrize(
    "name", ["../outside", "/etc/outside", "bundle/../../outside", "bundle\\..\\outside", "other/file", "top"]
)
def test_a_zip_that_reaches_out_of_its_folder_is_found_and_nothing_is_written(
    packed: Path, tmp_path: Path, name: str
) -> None:
    with zipfile.ZipFile(packed, "a") as file:
        file.writestr(name, SECRET)
    before = sorted(tmp_path.rglob("*"))

    checks = verify(packed, reperform=True)

    assert Outcome.of(checks) is Outcome.ALTERED
    assert name.rpartition("/")[2] in found_by(checks, "layout")
    assert sorted(tmp_path.rglob("*")) == before


def test_a_compressed_bomb_in_a_zip_is_not_unpacked(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as file:
        file.writestr("bundle/data/audit-2.csv", bytes(100 << 20))

    checks = verify(packed, reperform=False)

    assert "data/audit-2.csv" in found_by(checks, "layout")
    assert found_by(checks, "container").startswith("other bytes than those that its files")
    assert "data/audit-2.csv" not in Zip(packed).files


def test_one_name_twice_in_a_zip_is_found(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as file, pytest.warns(UserWarning, match="Duplicate"):
        file.writestr("bundle/data/audit.csv", SECRET)

    assert "data/audit.csv" in found_by(verify(packed, reperform=False), "layout")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99, 1.0])
def test_a_zip_that_was_cut_is_a_finding(packed: Path, share: float) -> None:
    os.truncate(packed, int(packed.stat().st_size * share) - (share == 1.0))

    checks = verify(packed, reperform=False)

    assert "not a whole zip file" in found_by(checks, "container")


def test_a_zip_that_claims_an_endless_directory_is_not_believed(packed: Path) -> None:
    content = bytearray(packed.read_bytes())
    content[-10:-6] = struct.pack("<L", 0xFFFFFFF0)
    packed.write_bytes(content)

    assert "not the one that pack writes" in found_by(verify(packed, reperform=False), "container")


def test_members_that_overlap_are_not_what_pack_writes(packed: Path) -> None:
    with zipfile.ZipFile(packed) as file:
        at = {info.filename: info.header_offset for info in file.infolist()}
    content = packed.read_bytes()
    first, second = at["bundle/data/audit.csv"], at["bundle/data/audit.jsonl"]
    directory = content.rindex(b"PK\x01\x02")
    head, tail = content[:directory], content[directory:]
    packed.write_bytes(head + tail.replace(struct.pack("<L", second), struct.pack("<L", first)))

    assert Outcome.of(verify(packed, reperform=False)) is Outcome.ALTERED


@pytest.mark.parametrize(
    "name",
    [
        *("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "manifest.json", "tagmanifest-sha256.txt"),
        *("tagmanifest-sha256.txt.sig", "tagmanifest-sha256.txt.sig.tsr"),
    ],
)
@pytest.mark.parametrize("inside", [None, "evil"])
def test_a_folder_in_the_place_of_a_list_is_no_list(signed: Path, name: str, inside: str | None) -> None:
    (signed / name).unlink()
    (signed / name).mkdir()
    if inside:
        (signed / name / inside).write_text(SECRET)

    checks = verify(signed, reperform=False)

    assert name in found_by(checks, "layout")
    assert Outcome.of(checks) is Outcome.ALTERED


def test_a_folder_in_the_place_of_a_list_is_none_in_a_zip_either(packed: Path) -> None:
    with zipfile.ZipFile(packed, "a") as file:
        file.writestr("bundle/manifest.json/evil", SECRET)

    assert found_by(verify(packed, reperform=False), "layout") == "manifest.json"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not hold to such a limit")
def test_thousands_of_files_that_are_listed_and_not_there_take_no_memory(signed: Path) -> None:
    lines = "".join(f"{0:064}  data/{number:05}\n" for number in range(5_000))
    (signed / "manifest-sha256.txt").write_text(lines)

    assert said_within(2 << 30, signed, "Outcome.of(verify(bundle, reperform=False)).value") == "altered"


@pytest.mark.parametrize("member", ["bundle/data/audit.csv", "bundle/manifest.json"])
@pytest.mark.parametrize("field", ["size", "offset"])
def test_a_member_beyond_the_end_of_the_zip_is_not_looked_for(packed: Path, member: str, field: str) -> None:
    content = bytearray(packed.read_bytes())
    entry = content.rindex(b"PK\x01\x02", 0, content.rindex(member.encode()))
    name, extra = struct.unpack_from("<2H", content, entry + 28)
    huge, added = b"\xff" * 4, {"size": 2, "offset": 1}[field]
    places = {"size": (20, 24), "offset": (42,)}[field]
    for place in places:
        content[entry + place : entry + place + 4] = huge
    struct.pack_into("<H", content, entry + 30, extra + 4 + 8 * added)
    zip64 = struct.pack("<2H", 1, 8 * added) + b"\xff" * 8 * added
    content[entry + 46 + name : entry + 46 + name] = zip64
    end = content.rindex(b"PK\x05\x06")
    (size,) = struct.unpack_from("<L", content, end + 12)
    struct.pack_into("<L", content, end + 12, size + len(zip64))
    packed.write_bytes(content)

    checks = verify(packed, reperform=False)

    assert member.removeprefix("bundle/") in found_by(checks, "layout")
    assert Outcome.of(checks) is Outcome.ALTERED


def test_members_that_share_their_bytes_do_not_fill_the_disk(packed: Path) -> None:
    with zipfile.ZipFile(packed) as file:
        (largest,) = (
            info for info in file.infolist() if info.filename == "bundle/data/raw/responses.warc.gz"
        )
    with zipfile.ZipFile(packed, "a") as file:
        for number in range(60):
            again = zipfile.ZipInfo(f"bundle/data/{number}")
            again.header_offset, again.CRC = largest.header_offset, largest.CRC
            again.file_size = again.compress_size = largest.file_size
            file.filelist.append(again)
            file.NameToInfo[again.filename] = again
            file._didModify = True  # type: ignore[attr-defined]  # noqa: SLF001 - no program writes such a file

    assert "share" in found_by(verify(packed, reperform=False), "container")


def test_a_threshold_that_nobody_can_have_asked_for_is_a_finding(signed: Path) -> None:
    run = json.loads((signed / "data" / "run.json").read_bytes())
    run["options"]["thresholds"]["silence_hours"] = 0
    (signed / "data" / "run.json").write_bytes(json.dumps(run).encode())
    rebag(signed)

    checks = verify(signed, reperform=True)

    assert Outcome.of(checks) is Outcome.ALTERED


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not hold to such a limit")
def test_a_value_that_stands_in_the_table_once_for_many_rows_does_not_fill_the_memory(signed: Path) -> None:
    path = signed / "data" / "audit.parquet"
    table = pq.read_table(path)
    place = table.schema.get_field_index("extra")
    long = pa.DictionaryArray.from_arrays(
        pa.array([0] * len(table), pa.int32()), pa.array(["x" * (40 << 20)])
    )
    pq.write_table(table.set_column(place, "extra", long), path, compression="zstd", store_schema=False)
    rebag_as_of(signed, "1.0.0")
    assert path.stat().st_size < 1 << 20
    assert len(table) > 100

    found = "check.found.split(';')[0] for check in verify(bundle, reperform=True)"
    said = said_within(3 << 30, signed, f"*[{found} if check.id == 'reperformed-parquet']")
    assert said == "other values"
