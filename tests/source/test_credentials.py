"""Where the key is found, what is no key, and that it does not show itself."""

import copy
import json
import os
import pickle
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import AuthorizationError, UsageError
from exporter.source.credentials import Credentials, Key, Profile, find_credentials
from tests.rights import run_without_privileges
from tests.source.conftest import TELLTALE


def find(
    home: Path, *, key_file: Path | None = None, profile: str | None = None, environ: Mapping[str, str] = {}
) -> Credentials:
    return find_credentials(key_file=key_file, profile_name=profile, environ=environ, home=home)


def log_in(home: Path, *, active: str | None = "work", **profiles: object) -> None:
    folder = home / ".satusky" / "profiles"
    folder.mkdir(parents=True)
    if active is not None:
        (home / ".satusky" / "context.json").write_text(json.dumps({"active_profile": active}))
    for name, content in profiles.items():
        (folder / f"{name}.json").write_text(json.dumps(content))


def test_a_named_file_comes_before_systemd_before_the_environment_before_the_profile(tmp_path: Path) -> None:
    log_in(tmp_path, work={"token": "from-profile"})
    (tmp_path / "satusky-api-key").write_text("from-systemd")
    (tmp_path / "key").write_text("from-file")
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path), "SATUSKY_API_KEY": "from-environment"}

    assert find(tmp_path, key_file=tmp_path / "key", environ=environ).key.reveal() == "from-file"
    assert find(tmp_path, environ=environ).key.reveal() == "from-systemd"
    (tmp_path / "satusky-api-key").unlink()
    assert find(tmp_path, environ=environ).key.reveal() == "from-environment"
    assert find(tmp_path).key.reveal() == "from-profile"
    assert find(tmp_path, environ={"SATUSKY_API_KEY": ""}).key.reveal() == "from-profile"


def test_a_credentials_directory_that_is_empty_is_not_the_working_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "satusky-api-key").write_text("planted")
    monkeypatch.chdir(tmp_path)

    environ = {"CREDENTIALS_DIRECTORY": "", "SATUSKY_API_KEY": "from-environment"}
    assert find(tmp_path, environ=environ).key.reveal() == "from-environment"


@pytest.mark.parametrize("before", ["", "\ufeff"])
def test_white_space_around_the_key_is_stripped(tmp_path: Path, before: str) -> None:
    """Some editors begin a file with a byte-order mark."""
    (tmp_path / "key").write_text(f"{before} \t{TELLTALE}\r\n\n", encoding="utf-8")
    assert find(tmp_path, key_file=tmp_path / "key").key.reveal() == TELLTALE


def test_a_key_comes_by_a_pipe_and_nobody_is_waited_for_where_nobody_writes(tmp_path: Path) -> None:
    read, write = os.pipe()

    def write_late() -> None:
        with os.fdopen(write, "w") as pipe:
            pipe.write(TELLTALE)

    def find_none() -> None:
        with pytest.raises(AuthorizationError, match="is empty"):
            find(tmp_path, key_file=tmp_path / "key")

    threading.Timer(0.2, write_late).start()
    assert find(tmp_path, key_file=Path(f"/dev/fd/{read}")).key.reveal() == TELLTALE
    os.close(read)
    os.mkfifo(tmp_path / "key")
    reader = threading.Thread(target=find_none, daemon=True)
    reader.start()
    reader.join(10)
    assert not reader.is_alive()


POINTLESS = (
    b'{"active_profile": 1}',
    b'{"active_profile": "a\\u0000b"}',
    b'{"active_profile": "absent"}',
)
"""Contexts that lead to no profile; as a profile, each is one that says nothing."""


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        "pässword-9".encode(),
        b"pass\x00word-9",
        b"pass\x1b[0mword-9",
        b"pass word-9",
        b"p\xff-9",
        b"pass\nword-9",
        "pass\u200bword-9".encode(),
        b"pass\x7fword-9",
    ],
)
def test_what_cannot_be_a_key_is_refused_without_being_shown(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "key").write_bytes(content)

    with pytest.raises(AuthorizationError) as refused:
        find(tmp_path, key_file=tmp_path / "key")
    shown = "".join(traceback.format_exception(refused.value))
    assert "holds characters that no key has" in shown
    assert "word-9" not in shown
    assert "\ufffd" not in shown


def test_a_key_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(AuthorizationError, match="missing cannot be read: No such file"):
        find(tmp_path, key_file=tmp_path / "missing", environ={"SATUSKY_API_KEY": "another"})
    with pytest.raises(AuthorizationError, match="cannot be read: Is a directory"):
        find(tmp_path, key_file=tmp_path)


def test_the_active_profile_is_used_unless_another_is_named(tmp_path: Path) -> None:
    log_in(
        tmp_path,
        work={"token": "work-key", "api_url": "https://work.example", "current_org_id": "o-1", "more": [1]},
        private={"token": "home-key", "email": "me@home.example"},
        third={"token": "third-key"},
    )

    found = find(tmp_path)
    assert found.key.reveal() == "work-key"
    assert found.profile == Profile(api_url="https://work.example", current_org_id="o-1")
    assert find(tmp_path, environ={"SATUSKY_PROFILE": "private"}).key.reveal() == "home-key"
    assert find(tmp_path, profile="third", environ={"SATUSKY_PROFILE": "private"}).key.reveal() == "third-key"


def test_a_profile_says_nothing_of_another_key(tmp_path: Path) -> None:
    """Whose key it is, and of which organization, nobody said."""
    log_in(tmp_path, work={"token": "work-key", "api_url": "https://work.example", "email": "me@work"})
    assert find(tmp_path).profile.email == "me@work"
    assert find(tmp_path, environ={"SATUSKY_API_KEY": "work-key"}).profile.email == "me@work"
    other = find(tmp_path, environ={"SATUSKY_API_KEY": "another-key"})
    assert other.profile == Profile(api_url="https://work.example")


@pytest.mark.parametrize("environ", [{}, {"SATUSKY_PROFILE": "nobody"}])
def test_a_profile_that_was_named_has_to_exist(tmp_path: Path, environ: Mapping[str, str]) -> None:
    log_in(tmp_path, work={"token": "work-key"})
    with pytest.raises(UsageError, match="The profile 'nobody'"):
        find(tmp_path, profile=None if environ else "nobody", environ=environ)


@pytest.mark.parametrize("command", ["list", "doctor", "config"])
def test_a_credentials_directory_that_may_not_be_looked_into_is_named(tmp_path: Path, command: str) -> None:
    closed = tmp_path / "credentials"
    closed.mkdir(mode=0)

    ran = run_without_privileges(
        command, CREDENTIALS_DIRECTORY=str(closed), SATUSKY_API_KEY=TELLTALE, HOME=str(tmp_path)
    )

    assert ran.returncode == (0 if command == "config" else 5)
    assert f"The API key file {closed}/satusky-api-key cannot be read: Permission" in ran.stdout + ran.stderr


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'{"token": 5}',
        b'{"token": "\xff"}',
        b"[" * 5000,
        b'{"active_profile": "\\ud800"}',
        *POINTLESS,
    ],
)
@pytest.mark.parametrize("file", ["context.json", "profiles/work.json"])
def test_a_broken_profile_is_told_and_does_not_stand_in_the_way_of_a_key(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, file: str, content: bytes
) -> None:
    log_in(tmp_path, work={"token": "work-key"})
    (tmp_path / ".satusky" / file).write_bytes(content)

    found = find(tmp_path, environ={"SATUSKY_API_KEY": TELLTALE})
    assert found.key.reveal() == TELLTALE
    assert found.profile == Profile()
    told = f"client in {tmp_path}/.satusky cannot be read; it is left out." in caplog.text
    assert told is (file == "context.json" or content not in POINTLESS)
    with pytest.raises(AuthorizationError, match="There is no API key"):
        find(tmp_path)


@pytest.mark.parametrize("profile", [{}, {"token": None}, {"token": ""}, {"organization": "acme"}])
def test_a_profile_without_a_key_says_where_one_can_be_put(
    tmp_path: Path, profile: Mapping[str, object]
) -> None:
    log_in(tmp_path, work=profile)
    with pytest.raises(AuthorizationError, match="Set SATUSKY_API_KEY, name a file with --api-key-file"):
        find(tmp_path)


def test_the_key_shows_itself_in_no_representation(tmp_path: Path) -> None:
    log_in(tmp_path, work={"token": TELLTALE})
    found = find(tmp_path)

    for shown in (repr(found), str(found), f"{found.key}", f"{found.key!r:>90}", "%s" % found.key):  # noqa: UP031
        assert TELLTALE not in shown
        assert "profile of the platform's client" in shown
    assert not hasattr(found.key, "__dict__")


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy])
def test_the_key_is_neither_copied_nor_stored(copied: object) -> None:
    assert callable(copied)
    with pytest.raises(TypeError, match="not to be copied or stored"):
        copied(Key(TELLTALE, origin="the test"))


@pytest.mark.parametrize(
    "written",
    [
        TELLTALE,
        TELLTALE.upper(),
        TELLTALE.replace("/", "\\/"),
        TELLTALE.replace("-", "\\u002d"),
        "".join(f"\\u{ord(char):04X}" for char in TELLTALE),
        quote(TELLTALE, safe=""),
        "".join(f"%{ord(char):02x}" for char in TELLTALE),
        quote(TELLTALE, safe="").replace("%", "\\u0025"),
    ],
)
def test_the_key_is_recognized_however_it_is_written(written: str) -> None:
    key = Key(TELLTALE, origin="the test")
    assert key.is_in(f'{{"a": "\\\\ 100 % of {written}"}}'.encode())
    assert not key.is_in(f'{{"a": "\\\\ 100 % of {written[: len(written) // 2]}"}}'.encode())


def test_a_text_is_redacted_where_it_holds_the_key_or_a_part_of_it_and_nowhere_else() -> None:
    key = Key(TELLTALE, origin="the test")
    assert key.redact(f"no {TELLTALE}.") == "no [redacted]."
    assert key.redact(f"{TELLTALE[:17]}… and …{TELLTALE[17:].upper()}") == "[redacted]… and …[redacted]"
    assert key.redact("The platform says: try again") == "The platform says: try again"
    assert key.redact(f"İ {TELLTALE}") == "[redacted]"
    assert Key("sandbox-key", origin="the test").redact("no sandbox-key: no box") == "no [redacted]: no box"


@given(before=st.text(), after=st.text(), start=st.integers(0, 10), size=st.integers(8, 26))
def test_no_part_of_the_key_outlasts_redaction(before: str, after: str, start: int, size: int) -> None:
    part = TELLTALE[start : start + size]
    assert part not in Key(TELLTALE, origin="the test").redact(before + part + after)
