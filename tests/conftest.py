"""The reference platform, for every test that needs a server: real HTTP over a real database."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from exporter.sandbox.app import Settings, create_app
from exporter.sandbox.server import serving
from tests.terminal import Terminal
from tests.world import ENTRIES, NOW, World, store

settings.register_profile("suite", deadline=None)  # nothing in the suite depends on time
settings.load_profile("suite")

Serve = Callable[..., World]
"""``serve(entries=…, **settings)`` starts a platform of its own for one test."""


def hide_extras(folder: Path) -> None:
    """Let programs that look into a folder first miss what pyarrow loads where it is there, and users lack.

    It takes every process half a second.
    """
    for name in ("numpy", "pandas"):
        (folder / f"{name}.py").write_text("raise ImportError\n")


@pytest.fixture(scope="session", autouse=True)
def _as_users_have_it(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Start what tests start as users have it."""
    folder = tmp_path_factory.mktemp("hiding")
    hide_extras(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(folder), prepend=os.pathsep)
        yield


@pytest.fixture
def serve() -> Iterator[Serve]:
    with ExitStack() as stack:

        def start(entries: int = ENTRIES, **settings: Any) -> World:
            service = stack.enter_context(store(entries))
            app = create_app(service, Settings(**settings), lambda: NOW)
            served = stack.enter_context(serving(app))
            return World(app=app, service=service, url=served.base_url)

        yield start


@pytest.fixture(scope="session")
def _shared_world() -> Iterator[World]:
    with store() as service:
        app = create_app(service, Settings(), lambda: NOW)
        with serving(app) as served:
            yield World(app=app, service=service, url=served.base_url)


@pytest.fixture
def world(_shared_world: World) -> Iterator[World]:
    """Yield the platform that tests share; each finds it well behaved, and leaves it so."""
    yield _shared_world
    _shared_world.app.state.settings = Settings()


@pytest.fixture
def terminal(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Terminal:
    """A user's shell: an empty folder, an empty home, the platform's address and key in the environment."""
    for name in [name for name in os.environ if name.startswith(("AUDIT_EXPORT_", "SATUSKY_", "XDG_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SATUSKY_API_URL", world.url)
    monkeypatch.setenv("SATUSKY_API_KEY", world.settings.api_key)
    monkeypatch.chdir(tmp_path)
    return Terminal(capsys)
