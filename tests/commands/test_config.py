"""The configuration file, and what is said of where each value comes from."""

import json
import os
from pathlib import Path

import click
import pytest

from exporter.cli import cli
from exporter.commands.configuration import NAME, NAMED_ONLY, options_of
from exporter.commands.run import run
from exporter.commands.verify import verify
from tests.terminal import Terminal

WINDOW = ("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")
KEY = "ctl_9fQ2xV7bN4kLwE8sZ1mT"


def write(text: str, path: str = NAME) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(text, "utf-8")


def setting(terminal: Terminal, name: str, *line: str) -> tuple[object, str]:
    """Return what a setting stands at, and where that comes from."""
    assert terminal("config", "--json", *line) == 0, terminal.err
    found = terminal.result["options"][name]
    return found["value"], found["origin"]


def test_the_command_line_goes_before_the_environment_the_file_and_the_default(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert setting(terminal, "page-size") == (1000, "default")
    write("page-size = 300")
    assert setting(terminal, "page-size") == (300, f"file {NAME}")
    monkeypatch.setenv("AUDIT_EXPORT_PAGE_SIZE", "200")
    assert setting(terminal, "page-size") == (200, "environment variable AUDIT_EXPORT_PAGE_SIZE")
    assert setting(terminal, "page-size", "--page-size", "100") == (100, "command line")


def test_a_file_that_can_be_read_but_once_is_shown_as_it_is(terminal: Terminal) -> None:
    reader, writer = os.pipe()
    with open(reader, "rb"), open(writer, "wb") as file:  # noqa: PTH123 - a pipe has no path but this
        file.write(b"page-size = 300")
        file.close()
        path = f"/dev/fd/{reader}"
        assert setting(terminal, "page-size", "--config", path) == (300, f"file {path}")


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("SIGNKEY", "Did you mean AUDIT_EXPORT_SIGN_KEY?"),
        ("SIGN_KEY_PASSFRASE", "Did you mean AUDIT_EXPORT_SIGN_KEY_PASSPHRASE?"),
        ("CONFIGURATION", "Did you mean AUDIT_EXPORT_CONFIG?"),
        ("API_KEY", "The API key comes in SATUSKY_API_KEY"),
        ("ZZZ", "Unset it"),
    ],
)
def test_a_variable_that_gives_no_option_is_named_and_what_it_holds_is_not_shown(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    monkeypatch.setenv(f"AUDIT_EXPORT_{name}", KEY)
    for line in (("run", "-vv"), ("config",), ("schema", "--json"), ("doctor",)):
        assert terminal(*line) == 2
        shown = terminal.out + terminal.err
        assert f"There is no option that the variable AUDIT_EXPORT_{name} would give." in shown
        assert remedy in shown
        assert KEY[:12] not in shown
    for line in (("--help",), ("--version",), ("run", "--help")):
        assert terminal(*line) == 0


def test_a_folder_for_temporary_files_that_no_library_can_name_is_refused_at_once(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", "caf\udce9")
    assert terminal("schema") == 2
    assert "The variable TMPDIR has 'caf\\udce9', which is not a name in UTF-8." in terminal.err


def test_a_variable_may_be_for_another_command(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LIMIT", "TSA_CA", "OUTPUT", "SIGN_KEY_PASSPHRASE"):
        monkeypatch.setenv(f"AUDIT_EXPORT_{name}", "3")
    assert terminal("schema") == 0


def test_a_run_follows_the_file(terminal: Terminal) -> None:
    write('since = 2026-07-01\nuntil = 2026-10-01T00:00:00Z\nreport = "none"\npage-size = 300\njson = true\n')

    assert terminal() == 2, "no arguments at all ask for the help"
    assert terminal("run") == 0
    record = json.loads((Path(terminal.result["published"]) / "data" / "run.json").read_bytes())
    assert record["options"]["page_size"] == 300
    assert record["window"]["asked"] == {"since": "2026-07-01", "until": "2026-10-01T00:00:00+00:00"}


def test_a_byte_order_mark_before_the_file_is_no_part_of_it(terminal: Terminal) -> None:
    write("\N{BYTE ORDER MARK}page-size = 300")
    assert setting(terminal, "page-size") == (300, f"file {NAME}")


def test_a_user_without_a_home_is_told_what_to_set(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(user: int) -> None:
        raise KeyError(user)

    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", unknown)
    assert terminal("list") == 2
    assert "has no home folder" in terminal.err
    assert "Set the variable HOME" in terminal.err


def test_the_file_here_goes_before_the_users_own(terminal: Terminal, tmp_path: Path) -> None:
    write("page-size = 200", f".config/audit-export/{NAME}")
    users = tmp_path / ".config" / "audit-export" / NAME
    assert setting(terminal, "page-size") == (200, f"file {users}")
    write("page-size = 300")
    assert setting(terminal, "page-size") == (300, f"file {NAME}")


def test_a_file_can_be_named_by_option_or_variable_and_replaces_the_one_that_is_found(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("page-size = 300")
    write("concurrency = 2", "mine.toml")
    assert setting(terminal, "page-size", "--config", "mine.toml") == (1000, "default")
    monkeypatch.setenv("AUDIT_EXPORT_CONFIG", "mine.toml")
    assert setting(terminal, "concurrency") == (2, "file mine.toml")


def test_each_command_has_a_table_of_its_own_and_all_share_what_says_where_to_fetch_from(
    terminal: Terminal,
) -> None:
    write(
        'org = "o1"\noutput = "here"\ntimeout = 9\n[list]\nlimit = 3\ntimeout = 7\n[run]\nreport = "none"\n'
    )
    assert setting(terminal, "limit", "list") == (3, f"file {NAME}")
    assert setting(terminal, "org", "list") == ("o1", f"file {NAME}")
    assert setting(terminal, "timeout", "list") == (7, f"file {NAME}")
    assert setting(terminal, "timeout", "get") == (9, f"file {NAME}")
    assert setting(terminal, "output", "demo") == ("demo", "default")
    assert setting(terminal, "report") == ("none", f"file {NAME}")


def test_the_thresholds_of_the_report_are_a_table_too(terminal: Terminal) -> None:
    write("[report.thresholds]\nrollback_minutes = 30\ncalendar_holidays = [2026-12-25]\n")
    assert setting(terminal, "report.thresholds.rollback_minutes") == (30, f"file {NAME}")
    assert setting(terminal, "report.thresholds.token_days") == (90, "default")

    assert terminal(*WINDOW) == 0
    record = json.loads((Path(terminal.out.strip()) / "data" / "run.json").read_bytes())
    assert record["options"]["thresholds"]["rollback_minutes"] == 30
    assert record["options"]["thresholds"]["calendar_holidays"] == ["2026-12-25"]


@pytest.mark.parametrize("name", ["api-url", "proxy", "ca-bundle", "tsa-url"])
def test_a_file_that_was_found_does_not_decide_where_the_key_goes(terminal: Terminal, name: str) -> None:
    write(f'{name} = "there"')
    for line in (("list",), ("run", "--since", "2026-01-01"), ("config",)):
        assert terminal(*line) == 2
        assert f"{NAME} sets {name}, and nobody named that file" in terminal.err
        assert f"--config {NAME}" in terminal.err
        assert terminal.out == ""

    assert setting(terminal, name, "--config", NAME) == ("there", f"file {NAME}")


def test_a_file_that_was_found_does_not_decide_whom_a_verification_trusts(
    terminal: Terminal, tmp_path: Path
) -> None:
    for name in options_of(verify).keys() & NAMED_ONLY:
        write(f'[verify]\n{name} = "there"')
        assert terminal("verify", str(tmp_path)) == 2
        assert f"{NAME} sets {name}, and nobody named that file" in terminal.err
    assert options_of(verify).keys() >= {"allowed-signers", "identity", "tsa-ca", "head"}
    assert options_of(verify).keys() | options_of(run).keys() >= NAMED_ONLY


def test_a_file_that_was_found_in_the_users_folder_does_not_decide_where_the_key_goes(
    terminal: Terminal,
) -> None:
    write('api-url = "http://127.0.0.1:9/"', f".config/audit-export/{NAME}")
    assert terminal("list") == 2
    assert "sets api-url" in terminal.err


@pytest.mark.parametrize(
    ("text", "what", "remedy"),
    [
        ("page-sise = 1", f"There is no option 'page-sise' of run, in {NAME}.", "Did you mean 'page-size'?"),
        ("page_size = 1", "no option 'page_size'", "Did you mean 'page-size'?"),
        ("[list]\nlimits = 1", "no option 'limits' of list", "Did you mean 'limit'?"),
        ("[lst]\nlimit = 1", "no command 'lst'", "Did you mean 'list'?"),
        ('zzz = "x"', "no option 'zzz'", "Leave it out"),
        ('config = "x"', "no option 'config'", ""),
        ('api-key-file = "~/key"', "'~/key' begins with a tilde", f"It comes from file {NAME}."),
        ('output = ""', "Invalid value for '--output': It is empty", f"It comes from file {NAME}."),
        (f"rate = {'9' * 5000}", f"{NAME} is not TOML", "Mend it there"),
        ("since = \nx = 1", f"{NAME} is not TOML: Invalid value (at line 1, column 9)", "Mend it there"),
        ("since = '\udcff'", f"{NAME} is not TOML", "Mend it there"),
        ("page-size = 'many'", "Invalid value for '--page-size'", f"It comes from file {NAME}."),
        ("page-size = true", "page-size has a value of the wrong kind", "Give it text, a number or a list."),
        ("allow-partial = 'yes'", "allow-partial has a value of the wrong kind", "Give it true or false."),
        ("verbose = 'very'", "verbose has a value of the wrong kind", "Give it a number."),
        (r'output = "a\u0000b"', f"output holds the character U+0000 in {NAME}", "Write it without"),
        (r'framework = ["soc2", "\u0000"]', "framework holds the character U+0000", "Write it without"),
        ("since = [[1]]", "since has a value of the wrong kind", ""),
        (
            'timezone = "Mars"',
            "Invalid value for '--timezone': 'Mars' is no time zone",
            f"It comes from file {NAME}.",
        ),
        ("rate = nan", "'nan' is not a number.", f"It comes from file {NAME}."),
        ("[report]\nthresholds = 3", "report.thresholds is not a table", "[report.thresholds]"),
        ("[report.thresholds]\ntoken-day = 3", "no threshold 'token-day'", "Did you mean 'token_days'?"),
        ("[report.thresholds]\ntoken_days = 'x'", f"in {NAME}: Expected `int`, got `str`", "Mend it there"),
        (
            "[report.thresholds]\ntoken_days = 0",
            f"In {NAME}: The threshold token_days",
            "from 1 to 1,000,000",
        ),
    ],
)
def test_a_mistake_in_the_file_is_named_with_the_file_and_what_to_do(
    terminal: Terminal, text: str, what: str, remedy: str
) -> None:
    Path(NAME).write_bytes(text.encode("utf-8", "surrogateescape"))
    assert terminal("run", "--since", "2026-01-01") == 2
    assert what in terminal.err
    assert remedy in terminal.err
    assert terminal.out == ""


def test_a_list_in_the_file_is_what_commas_are_on_the_command_line(terminal: Terminal) -> None:
    write('framework = ["iso27001", "soc2"]')
    assert setting(terminal, "framework") == ("iso27001,soc2", f"file {NAME}")


@pytest.mark.parametrize("name", ["api-key", "API_KEY", "key", "token"])
def test_no_file_holds_the_key_and_what_it_holds_instead_is_not_shown(terminal: Terminal, name: str) -> None:
    write(f'{name} = "{KEY}"')
    assert terminal("list", "-vv", "--config", NAME) == 2
    assert "A configuration file holds no key" in terminal.err
    assert KEY[:12] not in terminal.err


@pytest.mark.parametrize("text", [KEY, f"{KEY} = ", f'since = "{KEY}', f"since = {KEY}"])
def test_a_key_that_was_taken_for_a_configuration_file_is_not_shown(terminal: Terminal, text: str) -> None:
    write(text, "key.txt")
    assert terminal("list", "-vv", "--config", "key.txt") == 2
    assert "key.txt is not TOML" in terminal.err
    assert KEY[:12] not in terminal.err


def test_what_stands_where_the_file_was_meant_to_be_is_not_passed_over(terminal: Terminal) -> None:
    Path(NAME).symlink_to("nowhere")
    assert terminal("schema") == 2
    assert f"{NAME} cannot be read (No such file or directory)" in terminal.err
    Path(NAME).unlink()
    Path(NAME).mkdir()
    assert terminal("schema") == 2
    assert f"{NAME} cannot be read (Is a directory)" in terminal.err


def test_a_file_that_is_not_there_or_not_readable_is_a_mistake(terminal: Terminal, tmp_path: Path) -> None:
    assert terminal("list", "--config", "missing.toml") == 2
    assert "missing.toml cannot be read (No such file or directory)" in terminal.err
    assert terminal("list", "--config", str(tmp_path)) == 2


def test_config_shows_where_the_key_comes_from_and_never_the_key(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SATUSKY_API_KEY", KEY)
    for line in ((), ("--json",), ("-vv", "list")):
        assert terminal("config", *line) == 0
        assert "environment variable SATUSKY_API_KEY" in terminal.out
        assert KEY[:12] not in terminal.out + terminal.err
    write(KEY, "key")
    assert setting(terminal, "api-key", "--api-key-file", "key") == (None, "file key")
    assert setting(terminal, "api-key", "--api-key-file", "none")[1].startswith(
        "The API key file none cannot"
    )
    monkeypatch.delenv("SATUSKY_API_KEY")
    assert setting(terminal, "api-key") == (None, "There is no API key.")


@pytest.mark.parametrize("option", ["api-url", "proxy", "tsa-url"])
@pytest.mark.parametrize("userinfo", ["me:s3/cr@3t", "me:s3cr3t", "s3cr3t"])
@pytest.mark.parametrize("scheme", ["http://", "https://", ""])
def test_config_hides_what_a_url_has_before_its_host(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, option: str, userinfo: str, scheme: str
) -> None:
    url = f"{scheme}{userinfo}@host:3128"
    assert setting(terminal, option, f"--{option}", url)[0] == f"{scheme}[hidden]@host:3128"
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.setenv("SATUSKY_API_URL", url)
    assert setting(terminal, "proxy") == (f"{scheme}[hidden]@host:3128", "environment variable HTTPS_PROXY")
    assert terminal("config", f"--{option}", url) == 0
    assert userinfo not in terminal.out
    assert "[hidden]@host:3128" in terminal.out


def test_the_demo_goes_where_the_command_line_says_and_nowhere_else(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("AUDIT_EXPORT_OUTPUT", str(tmp_path / "evidence"))
    write(f'output = "{tmp_path}/evidence"')
    assert setting(terminal, "output", "demo") == ("demo", "default")
    assert setting(terminal, "output", "demo", "--output", "there") == ("there", "command line")

    write('[demo]\noutput = "evidence"')
    assert terminal("demo") == 2
    assert "sets output of demo, which only the command line may." in terminal.err
    assert not (tmp_path / "evidence").exists()


def test_config_shows_an_address_that_is_no_url(terminal: Terminal) -> None:
    assert setting(terminal, "user", "--user", "dana.ito@acme.example")[0] == "dana.ito@acme.example"


def test_config_shows_what_stands_in_for_options_that_were_not_given(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SATUSKY_API_URL")
    assert setting(terminal, "api-url") == ("https://api.satusky.com/v1/cli", "default")
    write(json.dumps({"token": KEY, "api_url": "https://profiles.example"}), ".satusky/profiles/work.json")
    monkeypatch.setenv("SATUSKY_PROFILE", "work")
    assert setting(terminal, "api-url") == ("https://profiles.example", "profile of the platform's client")
    assert setting(terminal, "profile") == ("work", "environment variable SATUSKY_PROFILE")
    assert setting(terminal, "api-key", "--profile", "none")[1].startswith("The profile 'none'")
    monkeypatch.setenv("SATUSKY_API_URL", "https://variables.example")
    assert setting(terminal, "api-url")[1] == "environment variable SATUSKY_API_URL"
    assert setting(terminal, "api-url", "--api-url", "https://x.example")[1] == "command line"
    monkeypatch.setenv("SSL_CERT_FILE", "/ca.pem")
    assert setting(terminal, "ca-bundle") == ("/ca.pem", "environment variable SSL_CERT_FILE")


def test_a_profile_is_a_name_and_no_way_out_of_the_folder_of_profiles(terminal: Terminal) -> None:
    write(json.dumps({"api_url": "http://127.0.0.1:9"}), "elsewhere.json")
    write('profile = "../../elsewhere"')
    assert terminal("list") == 2
    assert "cannot be read from" in terminal.err


@pytest.mark.parametrize("command", cli.list_commands(click.Context(cli)))
def test_config_shows_every_command(terminal: Terminal, command: str) -> None:
    write("quiet = true")
    assert setting(terminal, "quiet", command) == (True, f"file {NAME}")


def test_config_reads_any_commands_line_and_complains_as_it_would(terminal: Terminal) -> None:
    assert setting(terminal, "reperform", "verify", "--reperform", "nowhere") == (True, "command line")
    assert terminal("config", "list", "--limit", "0") == 2
    assert "Invalid value for '--limit'" in terminal.err
    assert terminal("config", "--no-such") == 2
    assert "No such option '--no-such'" in terminal.err


def test_a_home_that_cannot_be_looked_into_is_as_good_as_empty(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/" + "x" * 300)
    assert setting(terminal, "page-size") == (1000, "default")
    assert terminal("list", "--limit", "1") == 0, terminal.err


def test_a_command_that_there_is_not_is_refused_and_not_taken_for_run(terminal: Terminal) -> None:
    assert terminal("config", "verfy", "--reperform") == 2
    assert "There is no command 'verfy'." in terminal.err
