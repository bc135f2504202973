"""Temporary files of our own."""

import tempfile
from pathlib import Path

import pytest

from exporter.errors import OutputError
from exporter.evidence.scratch import scratch_folder


def test_a_folder_whose_name_no_library_takes_is_refused_before_anything_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = tmp_path / "caf\udce9"
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))

    with pytest.raises(OutputError, match="is not a name in UTF-8") as refused, scratch_folder():
        pass

    assert "TMPDIR" in refused.value.remedy
    assert not list(odd.iterdir())
