"""Allowed signers: what ``ssh-keygen`` lets through is let through, and nothing else."""

import subprocess
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from exporter.errors import UsageError
from exporter.evidence.keys import load_signing_key
from exporter.evidence.manifest import NAMESPACE
from exporter.evidence.signers import Signer, parse_signers
from tests.evidence.test_signature import MESSAGE, make_key

MOMENT = datetime(2026, 6, 1, 12, tzinfo=UTC)


def line(key: Path, principals: str = "seal@acme", options: str = "") -> str:
    kind, public, _ = key.with_suffix(".pub").read_text().split()
    return " ".join(word for word in (principals, options, kind, public, "comment or two") if word)


def signer(key: Path, principals: str = "seal@acme", options: str = "") -> Signer:
    (one,) = parse_signers(line(key, principals, options), name="allowed_signers")
    return one


def ours(one: Signer, identity: str) -> bool:
    return one.speaks_for(identity) and one.may_sign_bundles and one.counts_at(MOMENT)


def openssh(folder: Path, key: Path, text: str, identity: str) -> bool:
    (folder / "allowed_signers").write_text(text + "\n")
    (folder / "message.sig").write_bytes(load_signing_key(key, None).sign(MESSAGE))
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", identity, "-n", NAMESPACE]
    done = subprocess.run(
        [*command, "-s", "message.sig", "-Overify-time=20260601120000Z"],
        cwd=folder,
        input=MESSAGE,
        capture_output=True,
        check=False,
    )
    return done.returncode == 0


@pytest.mark.parametrize(
    ("principals", "identity"),
    [
        ("seal@acme", "seal@acme"),
        ("seal@acme", "seal@acm"),
        ("seal@acme", "SEAL@acme"),
        ("*@acme", "seal@acme"),
        ("*@acme", "seal@acme.example"),
        ("s??l@acme", "seal@acme"),
        ("other@acme,seal@acme", "seal@acme"),
        ("*@acme,!seal@acme", "seal@acme"),
        ("*@acme,!seal@acme", "other@acme"),
        ("!other@acme", "seal@acme"),
        ('"seal@acme"', "seal@acme"),
        ("s.al@acme", "seal@acme"),
    ],
)
def test_an_identity_counts_where_openssh_counts_it(
    tmp_path: Path, key: Path, principals: str, identity: str
) -> None:
    text = line(key, principals)

    assert ours(signer(key, principals), identity) == openssh(tmp_path, key, text, identity)


@pytest.mark.parametrize(
    "options",
    [
        f'namespaces="{NAMESPACE}"',
        'namespaces="git"',
        'namespaces="git,audit-export-*"',
        'NAMESPACES="git,audit-export-*"',
        'NAMESPACES="git"',
        "CERT-AUTHORITY",
        'namespaces="*,!audit-export-bundle-v1"',
        "cert-authority",
        'valid-after="20260101Z"',
        'valid-after="20260601120000Z"',
        'valid-after="20260601120001Z"',
        'valid-before="20260601120000Z"',
        'valid-before="20260601115959Z"',
        'valid-before="202606011159Z"',
        'valid-before="20260701Z",valid-after="20260101"',
        'valid-after="20260101Z",namespaces="git"',
    ],
)
def test_an_option_counts_as_openssh_counts_it(tmp_path: Path, key: Path, options: str) -> None:
    text = line(key, options=options)

    assert ours(signer(key, options=options), "seal@acme") == openssh(tmp_path, key, text, "seal@acme")


@pytest.mark.parametrize(
    "options",
    [
        "valid-after=20260101Z",
        'valid-after="yesterday"',
        'valid-after="20261301Z"',
        'valid-before="2026"',
        'since="20260101Z"',
        'valid-after="19700101Z"',
        "cert-authority=",
        "namespaces",
        'valid-after="\u0662\u0660\u0662\u06660101Z"',
        "!cert-authority",
        'namespaces="git",namespaces="*"',
        'namespaces="git",NAMESPACES="*"',
        'namespaces="*",',
    ],
)
def test_an_option_that_cannot_be_read_is_refused_with_its_line(key: Path, options: str) -> None:
    text = f"# who may sign\n\n{line(key, options=options)}\n"

    with pytest.raises(UsageError, match=r"Line 3 of allowed_signers cannot be read"):
        parse_signers(text, name="allowed_signers")


@pytest.mark.parametrize(
    "text",
    [
        "seal@acme",
        "seal@acme ssh-ed25519",
        "seal@acme ssh-ed25519 ****",
        "seal@acme ssh-rsa AAAAC3NzaC1lZDI1",
    ],
)
def test_a_line_without_a_whole_key_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="Line 1 of allowed_signers cannot be read"):
        parse_signers(text, name="allowed_signers")


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: f'"{text}',
        lambda text: text.replace("seal@acme", 'seal@acme"', 1),
        lambda text: text.replace(" ", "\u00a0", 1),
        lambda text: text.replace(" comment", "= comment", 1),
        lambda text: text.replace(" comment", "! comment", 1),
    ],
    ids=["open quote", "quote at the end", "no space", "more than the key", "no end of the key"],
)
def test_a_line_that_openssh_takes_for_none_is_refused(
    tmp_path: Path, key: Path, spoil: Callable[[str], str]
) -> None:
    text = spoil(line(key))

    assert not openssh(tmp_path, key, text, "seal@acme")
    with pytest.raises(UsageError, match="Line 1 of allowed_signers cannot be read"):
        parse_signers(text, name="allowed_signers")


def test_a_key_with_more_bits_than_its_bytes_have_is_refused(tmp_path: Path) -> None:
    text = line(make_key(tmp_path / "key", "ecdsa-256"))
    before = text.index("= comment") - 1
    assert text[before] in "AEIMQUYcgkosw048"
    text = text[:before] + chr(ord(text[before]) + 1) + text[before + 1 :]

    assert not openssh(tmp_path, tmp_path / "key", text, "seal@acme")
    with pytest.raises(UsageError, match=r"Line 1 of allowed_signers cannot be read \(the key is not whole"):
        parse_signers(text, name="allowed_signers")


@pytest.mark.parametrize(
    ("options", "counts"),
    [
        ('valid-after="202606012059"', True),
        ('valid-after="202606012101"', False),
        ('valid-before="202606011201Z"', True),
        ('valid-after="202606011201Z"', False),
    ],
)
def test_a_time_is_local_unless_it_is_said_to_be_in_utc(
    tmp_path: Path, key: Path, monkeypatch: pytest.MonkeyPatch, options: str, *, counts: bool
) -> None:
    try:
        with monkeypatch.context() as elsewhere:
            elsewhere.setenv("TZ", "Asia/Tokyo")
            time.tzset()
            assert ours(signer(key, options=options), "seal@acme") is counts
            assert openssh(tmp_path, key, line(key, options=options), "seal@acme") is counts
    finally:
        time.tzset()


def test_blank_lines_and_comments_may_be_indented(key: Path) -> None:
    text = f" \t\n \t# who may sign\n \t{line(key)}\n"

    assert list(parse_signers(text, name="allowed_signers")) == [signer(key)]


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028"])
def test_a_comment_ends_with_its_line_and_nowhere_else(key: Path, end: str) -> None:
    text = f"# was once: {end}{line(key, '*')}\r\n{line(key)}{end}{line(key, '*')}\n"

    (one,) = parse_signers(text, name="allowed_signers")

    assert one.principals == "seal@acme"


@pytest.mark.parametrize("text", ["", "\n\n", "# nobody yet\n"])
def test_a_file_that_names_nobody_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="names no signer"):
        parse_signers(text, name="allowed_signers")


def test_any_identity_will_do_where_none_is_asked_for(key: Path) -> None:
    assert signer(key).speaks_for(None)


def test_the_validity_of_a_key_is_said_in_utc(key: Path) -> None:
    bounded = signer(key, options='valid-after="20260101Z",valid-before="20260701120000Z"')

    assert bounded.validity == "from 2026-01-01T00:00:00Z until 2026-07-01T12:00:00Z"
    assert signer(key).validity == "always"
