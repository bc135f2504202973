"""``verify`` as it is typed: exit codes, words, and JSON."""

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.export import Published
from tests.terminal import Terminal
from tests.verify.conftest import Sealer

BANNED = ("tampered", "tamper-proof", "verified by", "certified", "compliant")


class Verify(Terminal):
    """Runs ``verify`` in this process."""

    def __call__(self, *arguments: str | Path) -> int:
        return super().__call__("verify", *map(str, arguments))


@pytest.fixture
def terminal(capsys: pytest.CaptureFixture[str]) -> Verify:
    return Verify(capsys)


@pytest.fixture
def trusting(sealer: Sealer, tmp_path: Path) -> list[str]:
    """Return the options of an auditor who was given signers and root by another way."""
    (tmp_path / "allowed_signers").write_text(sealer.signers)
    (tmp_path / "tsa-root.pem").write_bytes(sealer.authority.root.pem)
    signers = ["--allowed-signers", str(tmp_path / "allowed_signers"), "--identity", "seal@acme"]
    return [*signers, "--tsa-ca", str(tmp_path / "tsa-root.pem")]


def test_0_means_that_every_claim_was_checked(
    terminal: Verify, four: list[Published], trusting: list[str]
) -> None:
    assert terminal(four[0].bundle, *trusting, "--reperform") == 0

    last = terminal.out.splitlines()[-1]
    assert last.startswith(f"As sealed: {four[0].bundle} (signed by SHA256:")


def test_3_means_that_a_claim_could_not_be_checked(terminal: Verify, four: list[Published]) -> None:
    assert terminal(four[0].bundle) == 3

    assert terminal.out.splitlines()[-1].startswith("Not wholly checked: ")
    assert "not performed" in terminal.out


def test_4_means_altered_or_incomplete_and_says_which(
    terminal: Verify, signed: Path, trusting: list[str]
) -> None:
    (signed / "data" / "audit.csv").rename(signed.parent / "audit.csv")
    assert terminal(signed, *trusting) == 4
    assert terminal.out.splitlines()[-1].startswith("Incomplete: ")

    (signed.parent / "audit.csv").rename(signed / "data" / "audit.csv")
    with (signed / "data" / "audit.csv").open("a") as file:
        file.write("more")
    assert terminal(signed, *trusting) == 4
    assert terminal.out.splitlines()[-1].startswith("Altered: ")
    assert "not data/audit.csv" in terminal.out


def test_an_unsigned_bundle_is_0_and_says_so_and_4_where_a_signature_was_asked_for(
    terminal: Verify, sealer: Sealer, tmp_path: Path, trusting: list[str]
) -> None:
    bundle = sealer.seal(tmp_path / "unsigned", 0, signing_key=None, authority=None).bundle

    assert terminal(bundle) == 0
    assert terminal.out.endswith(f"As sealed: {bundle} (unsigned)\n")
    assert terminal(bundle, *trusting[:2]) == 4
    assert terminal.out.endswith(f"Incomplete: {bundle} (unsigned)\n")


def test_an_archive_names_each_bundle_and_what_they_are_together(
    terminal: Verify, archive: Path, four: list[Published], trusting: list[str]
) -> None:
    anchors = ["--head", f"sha256:{four[3].root}", "--expect-through", "2026-08-31"]
    assert terminal(archive, *trusting, *anchors) == 0

    assert terminal.out.count("As sealed: ") == 5
    assert "Time covered by complete bundles: 2026-05-01T00:00:00Z to 2026-09-01T00:00:00Z" in terminal.out
    assert terminal(archive, *trusting, "--expect-through", "2026-09-01") == 4
    assert terminal(archive, *trusting, "--expect-through", "2026-09-01T00:00:00Z") == 0


def test_a_day_that_an_archive_has_to_cover_ends_where_the_zone_says(
    terminal: Verify, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last of these days, on which the clocks go back, has 25 hours."""
    window = {"since": datetime(2026, 9, 30, 22, tzinfo=UTC), "until": datetime(2026, 10, 25, 23, tzinfo=UTC)}
    archive = sealer.seal(tmp_path, 0, **window, signing_key=None, authority=None).bundle.parent

    assert terminal(archive, "--expect-through", "2026-10-25") == 4
    assert terminal(archive, "--expect-through", "2026-10-25", "--timezone", "Europe/Berlin") == 0
    assert terminal(archive, "--expect-through", "2026-10-26", "--timezone", "Europe/Berlin", "--json") == 4
    assert "everything up to 2026-10-26T23:00:00Z" in terminal.out
    monkeypatch.setenv("AUDIT_EXPORT_TIMEZONE", "Europe/Berlin")
    assert terminal(archive, "--expect-through", "2026-10-25", "--json") == 0
    assert "everything up to 2026-10-25T23:00:00Z" in terminal.out
    monkeypatch.delenv("AUDIT_EXPORT_TIMEZONE")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "audit-export.toml").write_text('timezone = "Europe/Berlin"')
    assert terminal(archive, "--expect-through", "2026-10-25") == 0
    assert terminal(archive, "--expect-through", "2026-10-25T23:00:00Z") == 0


def test_several_paths_are_judged_by_the_worst(
    terminal: Verify, archive: Path, four: list[Published], trusting: list[str]
) -> None:
    assert terminal(four[0].bundle, archive, *trusting) == 0
    shutil.rmtree(archive / four[1].bundle.name)
    assert terminal(four[0].bundle, archive, *trusting, "--json") == 4
    assert [result["outcome"] for result in terminal.result["results"]] == ["as sealed", "incomplete"]


def test_the_findings_as_json_say_what_was_expected_and_found(
    terminal: Verify, archive: Path, trusting: list[str]
) -> None:
    assert terminal(archive, *trusting, "--json") == 0

    assert (terminal.result["verified"], terminal.result["outcome"]) == (True, "as sealed")
    (result,) = terminal.result["results"]
    assert len(result["bundles"]) == 4
    for finding in [*result["findings"], *result["bundles"][0]["findings"]]:
        assert set(finding) == {"id", "what", "expected", "found", "result"}
    assert result["bundles"][0]["signing_key"].startswith("SHA256:")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--identity", "seal@acme"], "--identity needs to know whose keys count"),
        (["--head", "abc"], "is no SHA-256"),
        (["--from-head", "g" * 64], "is no SHA-256"),
        (["--expect-through", "soon"], "--expect-through 'soon' is neither a date nor a time"),
        (["--expect-through", "2026-01-01"], "ask about an archive"),
        (["--expect-through", "9999-12-31"], "the last day of all years"),
        (["--timezone", "posix/Europe/Berlin"], "is no time zone"),
        (["--allowed-signers", "/dev/zero"], "/dev/zero is larger than 4,194,304 bytes"),
        (["--tsa-ca", "/dev/zero"], "/dev/zero is larger than 16,777,216 bytes"),
    ],
)
def test_what_makes_no_sense_is_refused(
    terminal: Verify, four: list[Published], options: list[str], said: str
) -> None:
    assert terminal(four[0].bundle, *options) == 2
    assert said in terminal.err


@pytest.mark.parametrize("name", ["manifest.json", "data/audit.parquet", "/dev/null"])
def test_a_file_that_was_named_by_mistake_is_not_called_altered(
    terminal: Verify, four: list[Published], name: str
) -> None:
    assert terminal(four[0].bundle / name) == 2
    assert "is neither a folder nor a zip" in terminal.err


def test_what_a_bundle_says_cannot_drive_the_terminal(terminal: Verify, signed: Path) -> None:
    (signed / "data" / "\x1b[2Jgone").write_text("x")

    terminal(signed)

    assert "\x1b[2J" not in terminal.out
    assert "data/\\u001b[2Jgone" in terminal.out


def test_no_word_promises_more_than_was_checked(terminal: Verify, archive: Path, trusting: list[str]) -> None:
    terminal(archive, *trusting)
    assert not [word for word in BANNED if word in terminal.out.lower()]
