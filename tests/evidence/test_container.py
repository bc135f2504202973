"""Files of a bundle that anybody may have made: up to which bound they are taken, and read byte by byte."""

import errno
import os
import struct
import zipfile
from io import RawIOBase
from pathlib import Path

import pytest

from exporter.evidence import container
from exporter.evidence.bag import TAG_FILES, manifest_text
from exporter.evidence.container import Folder, UnsafeError, Zip, read, refuse_altered, was_not_read
from exporter.files import sha256_file


def zipped(path: Path, **members: bytes) -> Path:
    """Write a zip with these files in one folder."""
    with zipfile.ZipFile(path, "w") as file:
        for name, content in members.items():
            file.writestr(f"bundle/{name}", content)
    return path


@pytest.mark.parametrize("name", ["EACCES", "EPERM", "EIO", "EMFILE", "ENFILE", "ESTALE", "EBUSY"])
def test_what_the_system_refuses_was_not_read(name: str) -> None:
    assert was_not_read(OSError(getattr(errno, name), "said"))


@pytest.mark.parametrize(
    "name",
    [
        *("ENOENT", "ENOTDIR", "EISDIR", "ELOOP", "ENXIO", "EOPNOTSUPP"),
        *("ENAMETOOLONG", "EINVAL", "EILSEQ"),
    ],
)
def test_of_what_is_not_there_or_no_file_nothing_is_left_to_read(name: str) -> None:
    assert not was_not_read(OSError(getattr(errno, name), "said"))


@pytest.mark.parametrize("error", [OSError("of our own"), ValueError("another"), None])
def test_what_the_system_did_not_say_is_nothing_that_it_refused(error: object) -> None:
    assert not was_not_read(error)


def test_a_file_is_read_up_to_its_bound_and_not_beyond(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"1234")

    assert read(Folder(tmp_path), "file", most=4) == b"1234"
    with pytest.raises(UnsafeError, match="larger than 3 bytes"):
        read(Folder(tmp_path), "file", most=3)


def test_nothing_but_a_plain_file_is_opened_or_given_a_place_and_nothing_is_held_open_on_the_way(
    tmp_path: Path,
) -> None:
    (tmp_path / "data" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "raw" / "file").touch()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    os.mkfifo(tmp_path / "pipe")
    folder, held = Folder(tmp_path), len(list(Path("/dev/fd").iterdir()))

    folder.open("data/raw/file").close()
    with folder.local("file") as place:
        assert place == tmp_path / "file"
    for name in ("link", "pipe"):
        for take in (folder.open, folder.local):
            with pytest.raises(UnsafeError):
                take(name)
    assert len(list(Path("/dev/fd").iterdir())) == held


def test_a_file_of_a_bundle_that_was_not_sealed_so_is_refused(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "one").write_bytes(b"1")
    digests = {"data/one": sha256_file(tmp_path / "data" / "one")}
    for name in TAG_FILES:
        (tmp_path / name).write_text(manifest_text(digests))
    tags = {name: sha256_file(tmp_path / name) for name in TAG_FILES}
    (tmp_path / "tagmanifest-sha256.txt").write_text(manifest_text(tags))
    (tmp_path / "data" / "two").touch()

    refuse_altered(Folder(tmp_path), "data/one")
    with pytest.raises(ValueError, match=r"data/two is not the file that manifest-sha256\.txt lists"):
        refuse_altered(Folder(tmp_path), "data/one", "data/two")
    (tmp_path / "data" / "one").write_bytes(b"2")
    with pytest.raises(ValueError, match="data/one is not the file"):
        refuse_altered(Folder(tmp_path), "data/one")
    (tmp_path / "bagit.txt").write_text("2")
    with pytest.raises(ValueError, match=r"bagit\.txt is not the file"):
        refuse_altered(Folder(tmp_path))


def test_as_many_files_as_a_bundle_may_have_are_no_flaw(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "folder" / "data").mkdir(parents=True)
    for name in ("data/one", "data/two"):
        (tmp_path / "folder" / name).touch()
    path = zipped(tmp_path / "file.zip", one=b"1", two=b"2", three=b"3")

    for most, flaws, files in ((3, [], 3), (2, ["more than 2 files"], 2)):
        monkeypatch.setattr(container, "MOST_FILES", most)
        assert (Folder(tmp_path / "folder").flaws, Zip(path).flaws) == (flaws, flaws)
        assert len(Zip(path).files) <= files + 1
        assert len(Folder(tmp_path / "folder").files) == files - 1


def test_a_file_in_a_zip_is_read_as_if_it_were_alone(tmp_path: Path) -> None:
    found = Zip(zipped(tmp_path / "file.zip", before=b"x" * 50, file=b"0123456789", then=b"y" * 50))

    with found.open("file") as file:
        raw: RawIOBase = file.raw  # type: ignore[assignment]  # which it is
        assert (raw.readable(), raw.seekable(), raw.read(4), raw.tell()) == (True, True, b"0123", 4)
        assert (raw.read(100), raw.read(100)) == (b"456789", b"")
        assert (raw.seek(-3, os.SEEK_END), raw.read(100)) == (7, b"789")
        assert (raw.seek(-8, os.SEEK_CUR), raw.read(1)) == (2, b"2")
        assert (raw.seek(5), raw.read(1)) == (5, b"5")
        assert (raw.seek(15), raw.read(1)) == (15, b"")
        assert (raw.seek(-99, os.SEEK_END), raw.read(1)) == (0, b"0")
    with found.open("then") as file:
        assert file.read() == b"y" * 50
    with pytest.raises(FileNotFoundError):
        found.open("none")
    accented = {"\u00e9": b""}
    assert Zip(zipped(tmp_path / "other.zip", **accented)).files == accented.keys()


def test_a_folder_and_what_is_encrypted_or_not_as_long_as_it_says_are_no_files_of_a_zip(
    tmp_path: Path,
) -> None:
    path = zipped(tmp_path / "file.zip", one=b"1", two=b"2")
    content = path.read_bytes()
    entry = content.rindex(b"PK\x01\x02")
    for place, value in ((8, b"\x01"), (20, b"\x09"), (10, b"\x08")):  # flags, stored size, method
        path.write_bytes(content[: entry + place] + value + content[entry + place + 1 :])
        assert Zip(path).odd == {"two": "compressed, encrypted or not a file"}
        assert Zip(path).files == {"one"}
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("bundle/", b"")
        file.writestr("bundle/folder/", b"")
    assert Zip(path).odd == dict.fromkeys(["bundle/", "folder/"], "compressed, encrypted or not a file")


def test_a_zip_of_more_than_one_folder_has_none_that_everything_is_in(tmp_path: Path) -> None:
    path = zipped(tmp_path / "file.zip", one=b"1")
    assert (Zip(path).top, Zip(path).flaws) == ("bundle", [])

    with zipfile.ZipFile(path, "a") as file:
        file.writestr("another/two", b"2")

    assert (Zip(path).top, Zip(path).flaws) == ("", ["more than one folder at its top"])


def test_a_zip_that_asks_for_a_later_version_is_none_that_pack_writes(tmp_path: Path) -> None:
    path = zipped(tmp_path / "file.zip", one=b"1")
    content = path.read_bytes()
    version = content.rindex(b"PK\x01\x02") + 6

    path.write_bytes(content[:version] + b"\xff" + content[version + 1 :])

    assert Zip(path).flaws == ["not a whole zip file (zip file version 25.5)"]
    assert Zip(path).files == frozenset()


def test_a_folder_that_is_gone_when_it_is_looked_into_has_a_flaw(tmp_path: Path) -> None:
    assert Folder(tmp_path / "gone").flaws == ["the folder cannot be listed (No such file or directory)"]


def test_a_file_that_would_begin_before_the_zip_is_not_looked_for(tmp_path: Path) -> None:
    """An end that states a later directory than there is moves all files towards the begin."""
    path = zipped(tmp_path / "file.zip", one=b"1")
    content = path.read_bytes()
    (begin,) = struct.unpack("<L", content[-6:-2])

    path.write_bytes(content[:-6] + struct.pack("<L", begin + 1) + content[-2:])

    assert Zip(path).odd == {"one": "beyond the end of the zip"}


def test_no_end_is_believed_but_one_as_pack_writes_it_of_a_directory_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = zipped(tmp_path / "file.zip", one=b"1")
    content = path.read_bytes()
    (size,) = struct.unpack("<L", content[-10:-6])
    monkeypatch.setattr(container, "_MOST_DIRECTORY", size)
    assert Zip(path).flaws == []

    for spoilt in (content + b"more", content + bytes(22), content[:-2] + b"\x01\0"):
        path.write_bytes(spoilt)
        assert Zip(path).flaws == ["not a whole zip file (its end is not the one that pack writes)"]
    path.write_bytes(content)
    monkeypatch.setattr(container, "_MOST_DIRECTORY", size - 1)
    assert Zip(path).flaws == ["not a whole zip file (its end is not the one that pack writes)"]


def test_nothing_is_called_empty_but_a_folder_with_nothing_in_it(tmp_path: Path) -> None:
    for name in ("empty", "data/empty", "data/raw"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data" / "raw" / "file").touch()
    (tmp_path / "data" / "link").symlink_to("raw")
    os.mkfifo(tmp_path / "pipe")

    found = Folder(tmp_path)

    assert found.empty == {"empty", "data/empty"}
    assert found.folders == {"empty", "data", "data/empty", "data/raw"}
    assert found.files == {"data/raw/file"}
    assert found.odd == {"data/link": "a link", "pipe": "no plain file"}
    assert Zip(zipped(tmp_path / "file.zip", **{"data/raw/file": b""})).folders == {"data", "data/raw"}
