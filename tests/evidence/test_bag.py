import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from exporter.evidence.bag import description_text, manifest_text, parse_manifest, payload_paths
from exporter.files import sha256_file

A, B = "a" * 64, "b" * 64
DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
PATHS = st.from_regex(r"[a-zA-Z0-9_./ -]{1,20}", fullmatch=True)


@pytest.mark.parametrize("manifest", ["tagmanifest-sha256.txt", "manifest-sha256.txt"])
def test_sha256sum_agrees_with_both_manifests_of_a_bundle(bundle: Path, manifest: str) -> None:
    ran = subprocess.run(
        ["sha256sum", "-c", "--strict", manifest], cwd=bundle, capture_output=True, text=True, check=False
    )

    assert (ran.returncode, ran.stderr) == (0, "")
    assert ran.stdout.count(": OK\n") == (bundle / manifest).read_text().count("\n")


def test_sha256sum_sees_a_changed_byte(bundle: Path) -> None:
    path = bundle / "data" / "audit.csv"
    path.write_bytes(path.read_bytes().replace(b"deploy", b"depioy", 1))

    ran = subprocess.run(
        ["sha256sum", "-c", "--strict", "manifest-sha256.txt"],
        cwd=bundle,
        capture_output=True,
        text=True,
        check=False,
    )

    assert ran.returncode == 1
    assert "data/audit.csv: FAILED" in ran.stdout


def validated(bundle: Path) -> subprocess.CompletedProcess[str]:
    """Have the ``bagit`` package say what it thinks of a bundle."""
    command = [sys.executable, "-m", "bagit", "--validate", "."]
    return subprocess.run(command, cwd=bundle, capture_output=True, text=True, check=False)


def test_the_bagit_package_calls_a_bundle_valid(bundle: Path) -> None:
    ran = validated(bundle)

    assert ran.returncode == 0, ran.stderr
    assert "is valid" in ran.stderr


def test_the_bagit_package_calls_a_bundle_with_a_file_too_many_invalid(bundle: Path) -> None:
    (bundle / "data" / "more.txt").write_text("more")

    ran = validated(bundle)

    assert ran.returncode == 1


def test_the_manifests_cover_every_file_but_the_root_itself(bundle: Path) -> None:
    tags = parse_manifest((bundle / "tagmanifest-sha256.txt").read_text())
    payload = parse_manifest((bundle / "manifest-sha256.txt").read_text())

    present = {path.relative_to(bundle).as_posix() for path in bundle.rglob("*") if path.is_file()}
    assert {*tags, *payload, "tagmanifest-sha256.txt"} == present
    assert all(path.startswith("data/") for path in payload)
    assert "manifest-sha256.txt" in tags


def test_the_bag_describes_itself(bundle: Path) -> None:
    lines = (bundle / "bag-info.txt").read_text().splitlines()
    fields = dict(line.split(": ", 1) for line in lines)

    files = [path for path in (bundle / "data").rglob("*") if path.is_file()]
    assert fields["Payload-Oxum"] == f"{sum(path.stat().st_size for path in files)}.{len(files)}"
    assert fields["Source-Organization"] == "Acme Robotics"
    assert fields["Bagging-Date"] == "2026-11-23"
    assert fields["External-Identifier"].endswith("/000001")
    assert fields["External-Description"] == (
        "Audit log entries, 2026-07-01T00:00:00Z to 2026-10-01T00:00:00Z, verdict COMPLETE, unsigned"
    )
    assert fields["Bag-Group-Identifier"] == fields["External-Identifier"].rpartition("/")[0]
    assert fields["Bag-Count"] == "1 of ?"
    assert fields["Bag-Size"].endswith("iB")
    assert (bundle / "bagit.txt").read_text() == "BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"


@given(digests=st.dictionaries(PATHS, DIGESTS))
def test_any_manifest_is_read_as_it_was_written_in_one_order(digests: dict[str, str]) -> None:
    text = manifest_text(digests)

    assert parse_manifest(text) == digests
    assert text.splitlines() == sorted(text.splitlines(), key=lambda line: line[66:])
    assert manifest_text(dict(reversed(digests.items()))) == text


@pytest.mark.parametrize(
    "text",
    [
        f"{A}  b\n{B}  a\n",
        f"{A}  a\n{A}  a\n",
        f"{A}  a\n{B}  a\n",
        f"{A}  a",
        f"{A}  a\r\n",
        f"{A}  a\r{B}  b\n",
        f"{A}  a\n\n",
        f"\n{A}  a\n",
        f"{A[1:]}  a\n",
        f"{A}0  a\n",
        f"{A.upper()}  a\n",
        f"{'g' * 64}  a\n",
        f"{A}\n",
        f"{A} a\n",
        f"{A} *a\n",
        f"{A}\ta\n",
        f"# comment\n{A}  a\n",
        f"\ufeff {A}  a\u2028{B}  b\n",
    ],
)
def test_a_manifest_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not "):
        parse_manifest(text)


@given(
    digests=st.dictionaries(PATHS, DIGESTS, min_size=1, max_size=3),
    place=st.integers(min_value=0),
    character=st.characters(exclude_categories=["Cs"]),
)
def test_a_changed_character_is_refused_or_read_as_another_manifest(
    digests: dict[str, str], place: int, character: str
) -> None:
    text = manifest_text(digests)
    at = place % len(text)
    assume(text[at] != character)

    try:
        read = parse_manifest(text[:at] + character + text[at + 1 :])
    except ValueError as error:
        read = {"refused": str(error)}
    assert read != digests


def test_payload_is_every_file_below_data_however_deep_or_hidden(tmp_path: Path) -> None:
    for name in ("b", "a/z", ".hidden", "a.txt", "a/.deep/x"):
        (tmp_path / "data" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "data" / name).write_text("x")
    (tmp_path / "outside").write_text("x")

    found = [path.relative_to(tmp_path / "data").as_posix() for path in payload_paths(tmp_path)]
    assert found == [".hidden", "a/.deep/x", "a/z", "a.txt", "b"]


def test_a_files_digest_is_its_sha_256(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"\x00" * 3_000_000)

    assert sha256_file(tmp_path / "file") == hashlib.sha256(b"\x00" * 3_000_000).hexdigest()


@given(value=st.text())
def test_a_value_cannot_add_a_field_to_the_description(value: str) -> None:
    text = description_text([("Source-Organization", value), ("Bagging-Date", "2026-11-23")])

    assert len(text.splitlines()) == 2
    assert text.endswith("\nBagging-Date: 2026-11-23\n")
