"""Run benchmarks: ``python -m bench --peers PYTHON [--only derive,…] [--entries N] [--runs N]``."""

import argparse
import sys
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path

from bench import results
from bench.setting import ROOT, Setting

_PREFIX = "bench_"


def main() -> None:
    """Run the benchmarks that were asked for and write what they found."""
    known = sorted(path.stem.removeprefix(_PREFIX) for path in ROOT.glob(f"{_PREFIX}*.py"))
    given = _parser(known).parse_args()
    unknown = set(given.only) - set(known)
    if unknown:
        sys.exit(f"No benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(known)}.")
    setting = Setting(entries=given.entries, runs=given.runs, peers=given.peers)
    for name in given.only or known:
        print(f"{name}:", file=sys.stderr)
        result = import_module(f"bench.{_PREFIX}{name}").measure(setting)
        results.write(result, name, given.to, at=datetime.now(UTC))  # noqa: TID251 - a command reads the clock
        results.say(result)


def _parser(known: list[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measure whole processes.")
    parser.add_argument("--peers", type=Path, required=True, help="Python that has the peers' packages")
    parser.add_argument("--only", type=_names, default=[], help=f"some of {','.join(known)}")
    parser.add_argument("--entries", type=int, default=200_000, help="entries to work on")
    parser.add_argument("--runs", type=int, default=5, help="how often each command is run")
    parser.add_argument("--to", type=Path, default=ROOT / "results", help="where tables and plots go")
    return parser


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


if __name__ == "__main__":
    main()
