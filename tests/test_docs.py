"""Documents that fail when untrue."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from importlib import import_module
from itertools import takewhile
from pathlib import Path

import click
import pytest

from exporter import cli, errors
from exporter.commands import messages
from exporter.commands.configuration import NAME
from exporter.commands.results import print_findings, print_published
from exporter.evidence.authority import Authority
from exporter.evidence.keys import load_signing_key
from exporter.export import Published, export
from exporter.verify import verify
from scripts.readme import DEMO, HELP, with_help_texts
from tests.evidence.authorities import chain, served
from tests.evidence.test_signature import make_key
from tests.world import NOW, World

ROOT = Path(__file__).parent.parent
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
README = (ROOT / "README.md").read_text("utf-8")
OPERATIONS = (ROOT / "docs" / "operations.md").read_text("utf-8")
VERIFYING = (ROOT / "docs" / "verifying.md").read_text("utf-8")

BANNED = ("tamper-proof", "immutable", "compliant", "certified", "audit-ready", "verified by")
"""Words that promise more than any check can."""

FILE = re.compile(r".+\.(css|csv|gz|j2|jsonl?|md|parquet|pdf|py|sql|toml|txt)")
ELSEWHERE = (
    "~/*",
    "$*",
    "/*",
    ".venv/*",
    ".hypothesis/",
    "*.partial-*",
    "audit-export/run/v1",
    "exporter/templates",
    NAME,
)
"""What looks like a path, but lies outside the checkout and the bundle, or is none."""


def names(documents: list[Path]) -> list[str]:
    return [path.relative_to(ROOT).as_posix() for path in documents]


every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=names(DOCUMENTS))


def fenced(text: str, language: str) -> Iterator[str]:
    """Yield the blocks of code in a language."""
    return (block[1] for block in re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE))


def inline(text: str) -> set[str]:
    """Return everything in back quotes, blocks of code aside."""
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", prose))


def commands(text: str) -> Iterator[list[str]]:
    """Yield the commands that a document tells its reader to type, word by word."""
    for block in fenced(text, "console"):
        for line in block.splitlines():
            assert line.startswith("$ "), f"output belongs into a block of its own: {line}"
            yield from (shlex.split(part) for part in line[2:].split("&&"))
    for part in inline(text):
        if part.startswith(("audit-export ", "make ")):
            yield shlex.split(part)


def checks_in(text: str) -> list[str]:
    """Return result and question of each check that a command printed; what was found varies."""
    return [line.split(":")[0].strip() for line in text.splitlines() if re.match(r" {4,}[a-z]", line)]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory, _shared_world: World) -> Published:
    request = _shared_world.request(tmp_path_factory.mktemp("evidence"), report=True, report_rows=0)
    return export(request, now=lambda: NOW, progress=lambda *_: None)


@pytest.fixture
def copied(published: Published, tmp_path: Path) -> Path:
    """Return a copy of a real bundle, to spoil."""
    subprocess.run(["cp", "-R", published.bundle, tmp_path / "bundle"], check=True)
    return tmp_path / "bundle"


def run_in(bundle: Path, script: str) -> subprocess.CompletedProcess[str]:
    """Run a block of shell as a reader would, with our environment's programs at hand."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return subprocess.run(
        ["sh", "-c", script],
        cwd=bundle,
        env={**os.environ, "PATH": path},
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )


def steps(text: str, where: str = "a bundle") -> list[str]:
    """Return the blocks that a document says to run inside a bundle."""
    return re.findall(rf"<!-- run in {where} -->\n```sh\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)


def test_the_help_in_the_readme_is_what_the_program_prints() -> None:
    assert with_help_texts(README) == README, "run: make readme"


def test_the_readme_has_the_help_of_every_command() -> None:
    listed = {block[2] for block in HELP.finditer(README)}
    assert listed == {"", *cli.cli.list_commands(click.Context(cli.cli))}


def test_the_run_in_the_readme_makes_the_checks_that_a_run_makes_today(
    published: Published, capsys: pytest.CaptureFixture[str]
) -> None:
    shown = DEMO.search(README)
    assert shown is not None
    messages.configure()
    print_published(published, as_json=False)
    print_findings(verify(published.bundle, reperform=True))
    printed = capsys.readouterr()
    assert checks_in(shown[2]) == checks_in(printed.err + printed.out), "run: make readme"


def test_every_exit_code_is_in_the_readme() -> None:
    section = README.split("## Exit codes")[1].split("\n## ")[0]
    listed = {int(code) for code in re.findall(r"^\| (\d+) \|", section, re.MULTILINE)}
    kinds = (kind for kind in vars(errors).values() if isinstance(kind, type))
    raised = {kind.exit_code for kind in kinds if issubclass(kind, errors.AuditExportError)}
    assert listed == raised | {0, 129, 130, 141, 143}


def quoted(words: list[str]) -> list[click.Parameter]:
    """Return the parameters of the command that stands at the front of a line, or of run."""
    group = click.Context(cli.cli)
    command = cli.cli.get_command(group, words[0] if words else "run") or cli.cli.get_command(group, "run")
    assert command is not None
    return command.params


@every_document
def test_every_command_in_a_document_exists_with_its_options(document: Path) -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    for program, *words in commands(document.read_text("utf-8")):
        if program == "make":
            assert {word for word in words if "=" not in word} <= targets, words
        elif program == "audit-export":
            name = "run" if words[0].startswith("-") else words[0]
            command = cli.cli.get_command(click.Context(cli.cli), name)
            assert command is not None, name
            known = {option for parameter in command.params for option in parameter.opts}
            if name == "config":  # another command's line follows
                known |= {option for each in quoted(words[1:]) for option in each.opts}
            assert {word for word in words if word.startswith("--")} <= known, words


@every_document
def test_every_option_in_a_document_exists(document: Path) -> None:
    group = click.Context(cli.cli)
    known = {"--help", "--version", "--require-hashes"}
    for name in cli.cli.list_commands(group):
        command = cli.cli.get_command(group, name)
        assert command is not None
        known |= {option for parameter in command.params for option in parameter.opts}
    mentioned = {part.split()[0] for part in inline(document.read_text("utf-8")) if part.startswith("--")}
    assert mentioned <= known | {"--upgrade"}


@every_document
def test_every_path_in_a_document_exists_in_the_project_or_in_a_bundle(
    document: Path, published: Published
) -> None:
    for part in inline(document.read_text("utf-8")):
        is_path = re.fullmatch(r"[\w~$./*-]+", part) and ("/" in part or FILE.fullmatch(part))
        if is_path and not any(fnmatch(part, pattern) for pattern in ELSEWHERE):
            assert (ROOT / part).exists() or (published.bundle / part).exists(), part


@every_document
def test_every_module_and_name_in_a_document_exists(document: Path) -> None:
    for part in inline(document.read_text("utf-8")):
        if re.fullmatch(r"exporter(\.\w+)+", part):
            module, _, name = part.rpartition(".")
            assert hasattr(import_module(module), name), part


@every_document
def test_every_link_between_documents_leads_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)]+)\)", document.read_text("utf-8")):
        if "://" not in target:
            assert (document.parent / target).exists(), target


@every_document
def test_a_document_promises_no_more_than_a_check_can(document: Path) -> None:
    text = " ".join(document.read_text("utf-8").lower().split())
    assert [word for word in BANNED if re.search(rf"\b{word}\b", text)] == []


def test_the_configuration_file_in_the_manual_is_one(tmp_path: Path) -> None:
    (example,) = re.findall(
        r"<!-- configuration -->\n```toml\n(.*?)^```$", OPERATIONS, re.DOTALL | re.MULTILINE
    )
    (tmp_path / "audit-export.toml").write_text(example, "utf-8")
    command = [sys.executable, "-m", "exporter", "config", "--json"]
    done = subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, text=True)
    options = json.loads(done.stdout)["options"]
    assert {name for name, setting in options.items() if setting["origin"] == "file audit-export.toml"} == {
        *("output", "label", "timezone", "framework", "profile", "rate", "log-format"),
        *("report.thresholds.rollback_minutes", "report.thresholds.calendar_zone"),
    }


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="needs systemd to judge its units")
def test_systemd_takes_the_units_in_the_manual(tmp_path: Path) -> None:
    for unit in fenced(OPERATIONS, "ini"):
        heading, _, text = unit.partition("\n")
        program = re.sub(r"/opt/\S+", sys.executable, text)  # it has to be there
        (tmp_path / Path(heading).name).write_text(program, "utf-8")
    units = sorted(tmp_path.iterdir())
    assert [unit.suffix for unit in units] == [".service", ".timer"]
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *units], check=False, capture_output=True, text=True
    )
    complaints = [line for line in done.stderr.splitlines() if "audit-export" in line]
    assert (done.returncode, complaints) == (0, [])


def test_every_decision_is_reached_from_the_architecture() -> None:
    architecture = (ROOT / "docs" / "architecture.md").read_text("utf-8")
    decisions = {path.name for path in (ROOT / "docs" / "decisions").iterdir()}
    assert set(re.findall(r"\(decisions/([^)]+)\)", architecture)) == decisions


def test_the_architecture_names_every_module_at_the_top_and_every_room() -> None:
    architecture = inline((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    here = [path for path in (ROOT / "exporter").iterdir() if not path.name.startswith("_")]
    modules = {f"exporter/{path.name}" for path in here if path.suffix == ".py"}
    rooms = {f"exporter/{path.name}/" for path in here if path.is_dir()}
    assert modules | rooms <= architecture


def test_the_layout_of_a_bundle_in_the_readme_is_that_of_a_bundle(published: Published) -> None:
    (layout,) = (block for block in fenced(README, "text") if block.startswith("evidence/"))
    lines = layout.partition("_20260401T000000Z/")[2].splitlines()[1:]
    listed = {word for line in lines for word in takewhile(FILE.fullmatch, line.split())}
    held = {path.relative_to(published.bundle) for path in published.bundle.rglob("*") if path.is_file()}
    queries = {path for path in held if path.parent.name == "queries"}
    assert listed - {path.as_posix() for path in queries} == {path.as_posix() for path in held - queries}


@pytest.mark.parametrize("script", [*steps(README), *steps(VERIFYING)])
def test_each_verification_command_in_the_documents_works_on_a_bundle(
    published: Published, script: str
) -> None:
    done = run_in(published.bundle, script)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    assert "FAILED" not in done.stdout


def test_the_commands_in_the_readme_print_the_head_that_the_run_printed(published: Published) -> None:
    (script,) = steps(README)
    assert published.root in run_in(published.bundle, script).stdout


@pytest.mark.parametrize("name", ["data/audit.csv", "data/raw/responses.warc.gz", "manifest.json"])
def test_the_documented_digests_notice_one_changed_byte(copied: Path, name: str) -> None:
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    done = run_in(copied, steps(VERIFYING)[0])
    assert done.returncode != 0
    assert f"{name}: FAILED" in done.stdout


@pytest.mark.parametrize("name", ["data/audit.xlsx", "data/raw/more", "notes.txt"])
def test_the_documented_commands_notice_an_added_file(copied: Path, name: str) -> None:
    (copied / name).write_text("added later")
    assert run_in(copied, steps(VERIFYING)[1]).stdout == f"{name}\n"


@pytest.mark.parametrize("name", ["\n", "data/audit.csv\ndata/audit.csv"])
def test_the_documented_commands_notice_a_file_whose_name_stands_on_several_lines(
    copied: Path, name: str
) -> None:
    """Of lines that are the same, ``uniq -u`` prints none."""
    (copied / name).parent.mkdir(exist_ok=True)
    (copied / name).write_text("added later")
    assert run_in(copied, steps(VERIFYING)[1]).stdout != ""


def test_the_documented_commands_find_nothing_to_say_about_an_untouched_bundle(published: Published) -> None:
    assert run_in(published.bundle, steps(VERIFYING)[1]).stdout == ""


def test_the_documented_commands_find_an_entry_in_the_raw_responses(published: Published) -> None:
    (script,) = (step for step in steps(VERIFYING) if "gzip" in step)
    entry, count = run_in(published.bundle, script).stdout.splitlines()
    assert entry.startswith("{")
    assert int(count) > 0


def test_the_documented_queries_reach_no_file_but_the_archive(copied: Path) -> None:
    (script,) = (step for step in steps(VERIFYING) if "duckdb" in step)
    (copied / "data/queries/01_by_action.sql").write_text("COPY (SELECT 1) TO 'written.csv'")
    assert "disabled by configuration" in run_in(copied, script).stderr
    assert not (copied / "written.csv").exists()


EXPIRED = datetime(2019, 6, 1, 12, tzinfo=UTC)
"""The time of signing in the document: key and authority expired soon after, years ago."""


@pytest.fixture(scope="module", params=["valid", "expired"])
def handed_over(
    request: pytest.FixtureRequest, _shared_world: World, tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """Return a signed and stamped bundle, with what reaches an auditor by another way beside it."""
    folder = tmp_path_factory.mktemp("handed")
    key = make_key(folder / "key")
    validity = 'valid-before="20190701Z" ' if request.param == "expired" else ""
    month = timedelta(days=30)
    issued = chain(EXPIRED - month, EXPIRED + month) if request.param == "expired" else chain()
    with served(issued.respond(at=EXPIRED if request.param == "expired" else NOW)) as url:
        asked = _shared_world.request(
            folder, signing_key=load_signing_key(key, None), authority=Authority(url=url)
        )
        bundle = export(asked, now=lambda: NOW, progress=lambda *_: None).bundle
    signers = f"seal@acme {validity}{key.with_suffix('.pub').read_text()}"
    (bundle.parent / "allowed_signers").write_text(signers)
    (bundle.parent / "tsa-root.pem").write_bytes(issued.root.pem)
    return request.param, bundle


def test_the_documented_signature_and_time_stamp_are_good_while_key_and_authority_are_valid_and_no_longer(
    handed_over: tuple[str, Path],
) -> None:
    kind, bundle = handed_over
    signature, stamp = steps(VERIFYING, "a signed bundle")

    done = run_in(bundle, signature)
    assert (done.returncode == 0) == (kind == "valid")
    if kind == "valid":
        assert 'Good "audit-export-bundle-v1" signature for seal@acme' in done.stdout
    done = run_in(bundle, stamp)
    assert ("Verification: OK" in done.stdout) == (kind == "valid")
    assert "Time stamp: " in done.stdout


def test_years_after_key_and_authority_expired_the_documented_commands_are_good_at_the_time_of_the_stamp(
    handed_over: tuple[str, Path],
) -> None:
    _, bundle = handed_over
    scripts = steps(VERIFYING, "a bundle whose key and authority expired")
    signature, stamp = (run_in(bundle, script) for script in scripts)

    assert (signature.returncode, stamp.returncode) == (0, 0), signature.stderr + stamp.stderr
    assert "Good" in signature.stdout
    assert "Verification: OK" in stamp.stdout


def test_the_documented_commands_refuse_other_bytes_under_the_signature_and_the_stamp(
    handed_over: tuple[str, Path], tmp_path: Path
) -> None:
    _, bundle = handed_over
    subprocess.run(["cp", "-R", bundle.parent, tmp_path / "archive"], check=True)
    copy = tmp_path / "archive" / bundle.name
    for name in ("tagmanifest-sha256.txt", "tagmanifest-sha256.txt.sig"):
        content = (copy / name).read_bytes()
        (copy / name).write_bytes(content.replace(content[60:64], content[61:65], 1))

    for script in steps(VERIFYING, "a bundle whose key and authority expired"):
        assert run_in(copy, script).returncode != 0
