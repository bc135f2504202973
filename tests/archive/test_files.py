import hashlib
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.archive.files import HashingFile


@given(parts=st.lists(st.binary(max_size=64)))
def test_the_digest_and_size_kept_while_writing_are_those_of_the_file(
    parts: list[bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("written") / "file"
    file = HashingFile(path)
    for part in parts:
        assert file.write(part) == len(part)
    assert file.tell() == sum(map(len, parts))
    file.close()

    written = file.written(len(parts))

    assert path.read_bytes() == b"".join(parts)
    assert written.sha256 == hashlib.sha256(b"".join(parts)).hexdigest()
    assert (written.path, written.size, written.rows) == (path, path.stat().st_size, len(parts))


def test_a_file_is_its_owners_alone(tmp_path: Path) -> None:
    HashingFile(tmp_path / "file").close()

    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o600


def test_a_file_that_is_there_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("evidence")

    with pytest.raises(FileExistsError):
        HashingFile(tmp_path / "file")
    assert (tmp_path / "file").read_text() == "evidence"


def test_a_link_is_not_followed_to_a_file_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "elsewhere")

    with pytest.raises(FileExistsError):
        HashingFile(tmp_path / "link")
    assert not (tmp_path / "elsewhere").exists()


def test_closing_twice_does_nothing(tmp_path: Path) -> None:
    file = HashingFile(tmp_path / "file")
    file.close()
    file.close()

    assert file.closed
