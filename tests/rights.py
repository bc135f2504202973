"""A process that the file system's rights hold for, whoever runs the tests."""

import os
import shutil
import subprocess
import sys

import pytest


def run_without_privileges(*arguments: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """Run the command line as a user whom a folder can be closed to, which it cannot be to root."""
    command = [sys.executable, "-m", "exporter", *arguments]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root gives up its rights by means of setpriv")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    return subprocess.run(
        command, check=False, capture_output=True, text=True, env={**unmeasured, **environment}
    )
