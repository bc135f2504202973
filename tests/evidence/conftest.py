"""Two bundles of one archive, exported once for all tests of this folder."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.export import Outcome, export
from tests.world import NOW, World


@pytest.fixture(scope="package")
def outcomes(_shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Outcome, Outcome]:
    request = _shared_world.request(tmp_path_factory.mktemp("evidence"))
    first, second = (
        export(replace(request, again=True), now=lambda: NOW, progress=lambda *_: None) for _ in range(2)
    )
    return first, second


@pytest.fixture
def bundle(outcomes: tuple[Outcome, Outcome], tmp_path: Path) -> Path:
    """Return a copy of the first bundle, to do with as a test pleases."""
    return shutil.copytree(outcomes[0].bundle, tmp_path / outcomes[0].bundle.name)
