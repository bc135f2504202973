#!/usr/bin/env python3
"""Writes what the program prints into README.md anew.

The help of each command stands in a block after ``<!-- help: COMMAND -->``, what the demo prints in the one
after ``<!-- output: demo -->``.
"""

import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from click.testing import CliRunner

from exporter.cli import cli

README = Path(__file__).parent.parent / "README.md"
COLUMNS = "82"
EPOCH = "1795521600"
"""24 November 2026, 12:00 UTC: the invented organization's present, for the same demo on any day."""

HELP = re.compile(r"(<!-- help: ?(\w*) -->\n```text\n).*?(```\n)", re.DOTALL)
DEMO = re.compile(r"(<!-- output: demo -->\n```text\n)(.*?)(```\n)", re.DOTALL)


def help_text(command: str) -> str:
    """Return what ``audit-export COMMAND --help`` prints on a terminal of a fixed width."""
    arguments = [command, "--help"] if command else ["--help"]
    result = CliRunner().invoke(cli, arguments, prog_name="audit-export", env={"COLUMNS": COLUMNS})
    return result.output


def with_help_texts(text: str) -> str:
    """Return ``text`` with the help in each of its blocks as it is today."""
    return HELP.sub(lambda block: block[1] + help_text(block[2]) + block[3], text)


def with_demo_output(text: str) -> str:
    """Return ``text`` with what a demo prints now, progress aside."""
    with tempfile.TemporaryDirectory() as folder:
        demo = subprocess.run(
            [sys.executable, "-m", "exporter", "demo"],
            cwd=folder,
            env={**os.environ, "SOURCE_DATE_EPOCH": EPOCH},
            check=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
    return DEMO.sub(lambda block: block[1] + demo.stdout + block[3], text)


if __name__ == "__main__":
    README.write_text(with_demo_output(with_help_texts(README.read_text("utf-8"))), "utf-8")
