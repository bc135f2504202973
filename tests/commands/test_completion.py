"""What the shell offers at a press of the tabulator."""

import os
import subprocess
import sys

import pytest


def completed(*words: str) -> set[str]:
    """Return what is offered for the last of the words."""
    program = "import sys; from exporter.cli import main; sys.argv[0] = 'audit-export'; main()"
    variables = {
        "_AUDIT_EXPORT_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("audit-export", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
        text=True,
    )
    return {line.partition(",")[2] for line in done.stdout.splitlines()}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (("ver",), {"verify"}),
        (("verify", "--reper"), {"--reperform"}),
        (("--since", "2026-01-01", "--unt"), {"--until"}),
        (("--sin",), {"--since"}),
        (("run", "--report", "n"), {"none"}),
    ],
)
def test_the_shell_completes_commands_and_options_those_of_run_without_its_name_too(
    words: tuple[str, ...], offered: set[str]
) -> None:
    assert completed(*words) == offered
