"""What holds where nobody says otherwise: the same for who calls the program and for who calls its parts."""

from dataclasses import fields
from datetime import timedelta
from typing import Any

import pytest

from exporter.cli import cli
from exporter.commands.requests import read_request
from exporter.commands.run import run
from exporter.request import Request
from exporter.source.connection import Connection


def test_what_is_taken_for_granted_inside_is_what_the_options_stand_at() -> None:
    options: dict[str | None, Any] = {parameter.name: parameter.default for parameter in run.params}
    inside = {each.name: each.default for kind in (Connection, Request) for each in fields(kind)}

    assert inside["settle"] == timedelta(seconds=60) == timedelta(seconds=options["settle"])
    assert inside["overlap"] == timedelta(hours=24) == timedelta(hours=options["overlap"])
    shared = ("lock_timeout", "page_size", "concurrency", "report_rows", "timeout", "retry_for")
    assert {name: inside[name] for name in shared} == {name: options[name] for name in shared}


@pytest.mark.usefixtures("terminal")
def test_times_are_asked_for_in_the_units_that_the_help_names() -> None:
    typed = ["--since", "last", "--settle", "90", "--overlap", "1.5", "--lock-timeout", "2"]
    group = cli.make_context("audit-export", ["run"])  # or Click keeps a help option that is not ours
    given = dict(run.make_context("run", typed, parent=group).params)
    for name in ("json", "progress", "dry_run"):
        del given[name]

    request = read_request(**given)

    assert request.settle == timedelta(seconds=90)
    assert request.overlap == timedelta(hours=1, minutes=30)
    assert request.lock_timeout == 2
