"""Checking a sealed bundle, and ``sha256sum`` over the same files; deriving its archives, also alone."""

import subprocess
import sys

from bench.bundles import make_bundle
from bench.processes import FOLDER, Measured, Subject, compare
from bench.results import Result, Target, at_most
from bench.setting import PEERS, ROOT, Setting

_OURS = "audit-export verify"
_PEER = "sha256sum -c, both manifests"
_REPERFORMED = "audit-export verify --reperform"
_DERIVED = "audit-export, from its raw responses into archives"
_LEAST = 200 * 2**20
"""Bytes that a bundle should have for the start of a program not to count."""


def measure(setting: Setting) -> Result:
    """Measure the verification."""
    bundle = make_bundle(setting.entries, setting.work)
    size = sum(path.stat().st_size for path in bundle.rglob("*") if path.is_file())
    checked = "sha256sum -c --strict --quiet tagmanifest-sha256.txt manifest-sha256.txt"
    verify = [sys.executable, "-m", "exporter", "verify", str(bundle)]
    derive = [sys.executable, str(PEERS / "ours.py"), "responses", str(bundle / "data" / "raw"), FOLDER]
    subjects = [
        Subject(name=_OURS, command=verify),
        Subject(name=_PEER, command=["sh", "-c", f"cd {bundle} && {checked}"]),
        Subject(name=_REPERFORMED, command=[*verify, "--reperform"]),
        Subject(name=_DERIVED, command=derive, environment={"PYTHONPATH": str(ROOT.parent)}),
    ]
    measured = {one.name: one for one in compare(subjects, runs=setting.runs)}
    return Result(
        title="Checking a sealed bundle",
        work=f"A bundle of {size / 2**20:,.0f} MiB, {setting.entries:,} entries. sha256sum reads the digests "
        "alone; ours checks layout, forms, statement and row counts as well.",
        measured=list(measured.values()),
        targets=_targets(measured),
        versions={"coreutils": _version("sha256sum")},
        left_out=[f"The bundle is smaller than {_LEAST / 2**20:,.0f} MiB."] if size < _LEAST else [],
    )


def _targets(measured: dict[str, Measured]) -> list[Target]:
    ours, peer, reperformed, derived = (
        measured[name].median.wall for name in (_OURS, _PEER, _REPERFORMED, _DERIVED)
    )
    return [
        at_most("time on the clock, of that of sha256sum", ours / peer, 1.0),
        at_most("time of --reperform on the clock, of that of deriving", reperformed / derived, 1.2),
    ]


def _version(program: str) -> str:
    done = subprocess.run(  # noqa: S603 - a program of the system, by name
        [program, "--version"], capture_output=True, text=True, check=True
    )
    return done.stdout.splitlines()[0].split()[-1]
