"""A user's terminal, as tests see it."""

import json
from typing import Any

import pytest

from exporter.cli import main


class Terminal:
    """Runs the command line in this process."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *arguments: str) -> int:
        with pytest.raises(SystemExit) as exit_:
            main(arguments)
        self.out, self.err = self._capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return exit_.value.code

    @property
    def result(self) -> Any:
        """What it printed on stdout, which was one JSON document."""
        return json.loads(self.out)

    @property
    def messages(self) -> list[dict[str, Any]]:
        """What it printed on stderr, which was one JSON object a line."""
        return [json.loads(line) for line in self.err.splitlines()]
