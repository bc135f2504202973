"""Two bundles of one archive, exported once for all tests of this folder; a key, and an authority."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from exporter.export import Published, export
from tests.evidence.authorities import Chain, chain
from tests.evidence.test_signature import make_key
from tests.world import NOW, World


@pytest.fixture(scope="package")
def both(_shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Published, Published]:
    request = _shared_world.request(tmp_path_factory.mktemp("evidence"))
    first, second = (
        export(replace(request, again=True), now=lambda: NOW, progress=lambda *_: None) for _ in range(2)
    )
    return first, second


@pytest.fixture
def bundle(both: tuple[Published, Published], tmp_path: Path) -> Path:
    """Return a copy of the first bundle, to do with as a test pleases."""
    return shutil.copytree(both[0].bundle, tmp_path / both[0].bundle.name)


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_key(tmp_path_factory.mktemp("key") / "seal")


@pytest.fixture(scope="module")
def authority() -> Chain:
    return chain()
