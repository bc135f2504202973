"""A run that would not fit on the disk does not begin."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from exporter.errors import OutputError
from exporter.evidence.space import LEAST, MOST, PER_ENTRY, needed, refuse_without_space


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Mount a disk of one megabyte; only root may."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "none", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("mounting a small disk takes more rights")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def test_more_has_to_be_free_for_a_larger_log_within_bounds() -> None:
    assert needed(None) == needed(0) == LEAST
    assert needed(10_000) == LEAST + 10_000 * PER_ENTRY
    assert needed(10**9) == MOST


def test_a_disk_with_room_is_not_refused(tmp_path: Path) -> None:
    refuse_without_space(tmp_path, total=1_000)


def test_a_full_disk_is_named_with_what_is_free_and_what_is_needed(small_disk: Path) -> None:
    folder = small_disk / "partial"
    folder.mkdir()

    said = "too little room for .*/disk: 1 MiB are free, 64 MiB are needed"
    with pytest.raises(OutputError, match=said) as refused:
        refuse_without_space(folder, total=None)

    assert refused.value.exit_code == 7
    assert "--output" in refused.value.remedy
    assert "for recheck with the variable TMPDIR" in refused.value.remedy
