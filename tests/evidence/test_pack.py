"""One zip of a bundle: reproducible, readable by any tool, and verified as it is."""

import os
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from exporter.cli import main
from exporter.export import export
from exporter.verify import verify
from exporter.verify.findings import Outcome
from tests.world import NOW, World


def run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as exit_:
        main([str(argument) for argument in arguments])
    assert isinstance(exit_.value.code, int)
    return exit_.value.code


@pytest.fixture
def packed(bundle: Path, tmp_path: Path) -> Path:
    assert run("pack", bundle, "--to", tmp_path) == 0
    return tmp_path / f"{bundle.name}.zip"


def test_the_zip_is_named_by_what_the_bundle_states_and_its_path_is_printed(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = bundle.rename(tmp_path / "any name")

    assert run("pack", renamed, "--to", tmp_path) == 0

    assert capsys.readouterr().out == f"{tmp_path / bundle.name}.zip\n"


def test_no_zip_is_put_into_the_bundle_that_it_is_of(
    bundle: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(bundle)

    assert run("pack", ".") == 2

    assert "lies inside the bundle, which is sealed" in capsys.readouterr().err
    assert not list(bundle.glob("*.zip"))


def test_an_archive_is_no_bundle_to_pack(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("pack", bundle.parent, "--to", tmp_path) == 2
    assert "is an archive, not a bundle." in capsys.readouterr().err


def test_extracts_of_one_window_are_packed_side_by_side(world: World, tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = [
        {"action": "deploy"},
        {"action": "token.create"},
        {"action": "deploy", "again": True},
    ]
    requests = [world.request(tmp_path / "evidence", **filters) for filters in asked]
    extracts = [export(each, now=lambda: NOW, progress=lambda *_: None).bundle for each in requests]

    assert [run("pack", extract, "--to", tmp_path) for extract in extracts] == [0, 0, 0]

    zips = sorted(tmp_path.glob("*.zip"))
    assert sorted(path.name.split("_")[:4] for path in zips) == sorted(
        ["extract", *extract.name.split("_")[:3]] for extract in extracts
    )
    assert {Outcome.of(verify(path, reperform=False)) for path in zips} == {Outcome.AS_SEALED}


def test_the_zip_of_an_extract_is_named_by_what_it_states_too(world: World, tmp_path: Path) -> None:
    request = world.request(tmp_path / "evidence", action="deploy")
    extract = export(request, now=lambda: NOW, progress=lambda *_: None).bundle
    renamed = Path(shutil.copytree(extract, tmp_path / "any name"))

    assert run("pack", extract, "--to", tmp_path) == 0
    assert run("pack", renamed, "--to", tmp_path) == 7
    assert len(list(tmp_path.glob("extract_*.zip"))) == 1


def test_the_same_bundle_gives_the_same_bytes_wherever_and_whenever_it_lies(
    bundle: Path, packed: Path, tmp_path: Path
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(bundle, copy)
    for path in copy.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o755)
    (tmp_path / "again").mkdir()

    assert run("pack", copy, "--to", tmp_path / "again") == 0

    assert (tmp_path / "again" / packed.name).read_bytes() == packed.read_bytes()


def test_the_zip_holds_the_files_in_order_uncompressed_of_one_date_below_one_folder(
    bundle: Path, packed: Path
) -> None:
    with zipfile.ZipFile(packed) as file:
        infos = file.infolist()
        assert file.testzip() is None
        for info in infos:
            inside = bundle / info.filename.partition("/")[2]
            assert file.read(info) == inside.read_bytes()

    names = [info.filename for info in infos]
    assert names == sorted(names)
    assert {name.partition("/")[0] for name in names} == {bundle.name}
    assert len(names) == len([path for path in bundle.rglob("*") if path.is_file()])
    assert {info.compress_type for info in infos} == {zipfile.ZIP_STORED}
    assert {info.date_time for info in infos} == {(1980, 1, 1, 0, 0, 0)}


def test_what_is_unpacked_from_the_zip_is_the_bundle(packed: Path, bundle: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(packed) as file:
        file.extractall(tmp_path / "out")

    done = subprocess.run(["diff", "-r", tmp_path / "out" / bundle.name, bundle], check=False)
    assert done.returncode == 0


def test_the_zip_is_verified_as_it_is(packed: Path) -> None:
    checks = verify(packed, reperform=True)

    assert Outcome.of(checks) is Outcome.AS_SEALED
    assert {check.id for check in checks} >= {"container", "payload", "reperformed-parquet"}


def test_no_byte_of_the_zip_can_be_changed_unseen(packed: Path) -> None:
    content = packed.read_bytes()
    size = len(content)
    directory = content.index(b"PK\x01\x02")
    places = [*range(0, 60, 5), *range(directory, size, 97), size - 1, *range(100, size, size // 25)]
    unseen = []
    for place in places:
        packed.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
        if Outcome.of(verify(packed, reperform=False)) is not Outcome.ALTERED:
            unseen.append(place)

    assert unseen == []


@pytest.mark.parametrize("extra", [b"\0", b"more"])
def test_bytes_before_or_after_the_zip_are_found(packed: Path, extra: bytes) -> None:
    content = packed.read_bytes()

    packed.write_bytes(content + extra)
    assert Outcome.of(verify(packed, reperform=False)) is Outcome.ALTERED
    packed.write_bytes(extra + content)
    assert Outcome.of(verify(packed, reperform=False)) is Outcome.ALTERED


def test_packing_replaces_nothing(packed: Path, bundle: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = packed.stat().st_ino

    assert run("pack", bundle, "--to", packed.parent) == 7

    assert "is there already" in capsys.readouterr().err
    assert packed.stat().st_ino == before
    assert not [path for path in packed.parent.iterdir() if path.name.startswith(".partial")]


def test_a_bundle_that_is_not_as_sealed_is_not_packed(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with (bundle / "data" / "audit.csv").open("a") as file:
        file.write("one more\r\n")

    assert run("pack", bundle, "--to", tmp_path) == 4

    assert "is not as sealed" in capsys.readouterr().err
    assert not list(tmp_path.glob("*.zip"))


def test_a_link_among_the_files_is_not_packed(bundle: Path, tmp_path: Path) -> None:
    (bundle / "data" / "audit.csv").unlink()
    (bundle / "data" / "audit.csv").symlink_to("/etc/passwd")

    assert run("pack", bundle, "--to", tmp_path) == 4
    assert not list(tmp_path.glob("*.zip"))
