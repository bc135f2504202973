"""The wheel, not the checkout: what it contains, and that it works where nothing else of ours is."""

import json
import os
import subprocess
import sys
import sysconfig
import tarfile
import tomllib
import venv
import zipfile
from email.message import Message
from email.parser import BytesParser
from pathlib import Path

import pytest
from packaging.requirements import Requirement

import exporter
from exporter.commands.sandbox import sandbox_app
from exporter.sandbox.server import serving
from tests.conftest import hide_extras
from tests.terminal import Terminal

ROOT = Path(__file__).parent.parent
INFO = f"audit_export-{exporter.__version__}.dist-info"
TIMEOUT = 120
EPOCH = "1795521600"  # 2026-11-24T12:00:00Z


def run(*command: str | Path, folder: Path) -> str:
    """Run a command in ``folder``, without what the environment says about Python, and return its output."""
    return done(*command, folder=folder).stdout


def done(*command: str | Path, folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run a command likewise, and return all that came of it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COV"))}
    result = subprocess.run(
        command,
        cwd=folder,
        env=kept | {"SOURCE_DATE_EPOCH": EPOCH},
        capture_output=True,
        check=False,
        text=True,
        timeout=TIMEOUT,
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result


def build(kind: str, to: Path) -> Path:
    run(sys.executable, "-m", "build", kind, "--no-isolation", "--outdir", to, ROOT, folder=to)
    (built,) = to.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build("--wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        return BytesParser().parsebytes(archive.read(f"{INFO}/METADATA"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the wheel into an environment that shares our dependencies, but not the checkout."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, symlinks=True)
    python = folder / "bin" / "python"
    run(sys.executable, "-m", "pip", "--python", python, "install", "--no-deps", wheel, folder=folder)
    packages = Path(
        run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=folder).strip()
    )
    (packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    hide_extras(packages)
    return folder


def files_below(folder: str) -> set[str]:
    found = (path for path in (ROOT / folder).rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix() for path in found if "__pycache__" not in path.parts}


def test_the_wheel_holds_the_package_and_its_templates_and_nothing_else(names: set[str]) -> None:
    templates = {f"exporter/{name}" for name in files_below("templates")}
    assert {name for name in names if not name.startswith(INFO)} == files_below("exporter") | templates


@pytest.mark.parametrize(
    "name",
    [
        "exporter/py.typed",
        "exporter/templates/report.html.j2",
        "exporter/templates/report.css",
        "exporter/templates/populations.toml",
        "exporter/templates/queries/01_by_action.sql",
        "exporter/templates/charts/theme.json",
        "exporter/templates/controls/soc2.toml",
        "exporter/templates/controls/iso27001.toml",
        "exporter/templates/fonts/plex/IBMPlexSans-Regular.ttf",
        "exporter/templates/fonts/chinese/IBMPlexSansSC-Regular.ttf",
        "exporter/templates/fonts/unifont/Unifont.otf",
        "exporter/templates/fonts/OFL.txt",
        f"{INFO}/licenses/LICENSE",
        f"{INFO}/licenses/templates/fonts/OFL.txt",
        f"{INFO}/licenses/templates/fonts/unifont/OFL.txt",
    ],
)
def test_the_wheel_carries_what_a_run_and_a_lawyer_need(names: set[str], name: str) -> None:
    assert name in names


def test_the_wheel_carries_no_tests_documents_or_tools(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"exporter", INFO}


def test_the_wheel_states_what_the_project_states(metadata: Message) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    required = {Requirement(text) for text in metadata.get_all("Requires-Dist", []) if "extra ==" not in text}
    assert required == {Requirement(text) for text in project["dependencies"]}
    assert metadata["Version"] == exporter.__version__
    assert metadata["Requires-Python"] == project["requires-python"]
    assert metadata.get_all("Provides-Extra") == ["sandbox"]
    assert metadata["License-Expression"] == "Apache-2.0"


def test_the_source_distribution_can_be_set_up_by_make(tmp_path: Path) -> None:
    with tarfile.open(build("--sdist", tmp_path)) as archive:
        held = {name.partition("/")[2] for name in archive.getnames()}
    tools = (
        {"Makefile", "pyproject.toml", "README.md", "LICENSE"}
        | files_below("scripts")
        | files_below("requirements")
    )
    assert held >= tools | files_below("exporter") | files_below("templates") | files_below("tests")


@pytest.fixture(scope="module")
def demonstrated(installed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Run the installed demonstration in a folder that holds a decoy of a package."""
    folder = tmp_path_factory.mktemp("demonstrated")
    decoy = folder / "jinja2.py"
    decoy.write_text("raise SystemExit('run from the working folder')")
    run(installed / "bin" / "audit-export", "demo", folder=folder)
    decoy.unlink()
    return folder


def test_an_installed_wheel_does_the_whole_job_and_runs_no_module_of_the_working_folder(
    installed: Path, demonstrated: Path
) -> None:
    python = installed / "bin" / "python"
    package = run(python, "-c", "import exporter; print(exporter.__file__)", folder=demonstrated).strip()
    assert Path(package).is_relative_to(installed), "the checkout, or a stale copy, stands before the wheel"
    (report,) = demonstrated.glob("demo/*/*/data/report.pdf")
    assert report.read_bytes().startswith(b"%PDF-")
    written = {path.name for path in demonstrated.iterdir()}
    assert written == {"demo"}, "a run writes into its output folder only"
    again = done(python, "-m", "exporter", "demo", folder=demonstrated)
    assert "Sealed already by an earlier run; another folder for --output gets one" in again.stderr
    assert "--again" not in again.stderr, "the demonstration has no such option"


def test_the_invented_world_is_the_same_wherever_its_time_is_fixed(
    demonstrated: Path, terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", EPOCH)
    with sandbox_app(entries=25_000) as app, serving(app) as served:
        source = ("--api-url", served.base_url, "--org", str(app.state.settings.organization_id))
        monkeypatch.setenv("SATUSKY_API_KEY", app.state.settings.api_key)
        assert terminal("--period", "2026-Q3", *source, "--report", "none") == 0, terminal.err

    (one,) = demonstrated.glob("demo/*/0*")
    assert one.name == "000001_20260701T000000Z_20261001T000000Z"
    clocks = json.loads((one / "data" / "run.json").read_bytes())["clocks"]
    assert {clocks["started"], clocks["server_first"]} == {"2026-11-24T12:00:00Z"}
    lines = [bundle / "data" / "audit.jsonl" for bundle in (one, Path(terminal.out.strip()))]
    assert lines[0].read_bytes() == lines[1].read_bytes()


def test_an_installed_wheel_brings_the_command(installed: Path, tmp_path: Path) -> None:
    command = installed / "bin" / "audit-export"
    assert run(command, "--version", folder=tmp_path) == f"audit-export, version {exporter.__version__}\n"
