"""Sealing as a user sees it: signed, stamped, or honestly neither."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from exporter import record
from exporter.cli import main
from exporter.errors import OutputError, StampError
from exporter.evidence.authority import Authority
from exporter.evidence.keys import load_signing_key
from exporter.evidence.seal import seal
from exporter.evidence.stamp import stamp, stamp_missing
from exporter.evidence.timestamp import check_token, parse_token
from tests.evidence.authorities import Chain, served
from tests.evidence.test_signature import PASSPHRASE, make_key
from tests.world import World

WINDOW = ("--since", "2026-07-01", "--until", "2026-10-01", "--report", "none")
DEAD = "http://127.0.0.1:9/tsa"

Run = Callable[..., "Ran"]


class Ran:
    """What a command printed, and the bundle it made."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def bundle(self) -> Path:
        return Path(self.out.strip()).resolve()

    @property
    def seal(self) -> dict[str, object]:
        seal: dict[str, object] = json.loads((self.bundle / "data" / "run.json").read_bytes())["seal"]
        return seal


@pytest.fixture
def run(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Run:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SATUSKY_API_URL", world.url)
    monkeypatch.setenv("SATUSKY_API_KEY", world.settings.api_key)
    monkeypatch.chdir(tmp_path)

    def command(*arguments: str) -> Ran:
        with pytest.raises(SystemExit) as exit_:
            main([*WINDOW, *arguments])
        out, err = capsys.readouterr()
        assert isinstance(exit_.value.code, int)
        return Ran(exit_.value.code, out, err)

    return command


@pytest.fixture(scope="module")
def tsa(authority: Chain) -> Iterator[str]:
    with served(authority.respond()) as url:
        yield url


def openssh_accepts(bundle: Path, key: Path) -> bool:
    """Have ``ssh-keygen`` check a bundle's signature, as the documentation says."""
    signers = bundle.parent / "allowed_signers"
    signers.write_text(f"seal@acme {key.with_suffix('.pub').read_text()}")
    command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", "seal@acme"]
    options = ["-n", "audit-export-bundle-v1", "-s", "tagmanifest-sha256.txt.sig"]
    root = (bundle / "tagmanifest-sha256.txt").read_bytes()
    done = subprocess.run([*command, *options], cwd=bundle, input=root, capture_output=True, check=False)
    return done.returncode == 0


def stamped(bundle: Path, authority: Chain) -> bool:
    """Whether there is a token, which must then be good."""
    token = bundle / "tagmanifest-sha256.txt.sig.tsr"
    if not token.exists():
        return False
    signature = (bundle / "tagmanifest-sha256.txt.sig").read_bytes()
    check_token(parse_token(token.read_bytes()), signature, [authority.root.certificate])
    return True


def test_a_bundle_without_a_key_says_unsigned_everywhere(run: Run, key: Path) -> None:
    ran = run()

    assert ran.code == 0
    assert "\n  unsigned\n" in ran.err
    statement = json.loads((ran.bundle / "manifest.json").read_bytes())
    assert statement["predicate"]["signature"] == "unsigned"
    assert "COMPLETE, unsigned\n" in (ran.bundle / "bag-info.txt").read_text()
    assert set(ran.seal.values()) == {None}
    assert not list(ran.bundle.glob("*.sig*"))

    asked = run("--sign-key", str(key), "-q")
    assert (asked.code, asked.bundle) == (7, ran.bundle)
    assert asked.err.startswith("Error: The window was sealed before, and without a signature.")


def test_a_signed_and_stamped_bundle_is_accepted_by_stock_tools_and_says_by_whom(
    run: Run, key: Path, tsa: str, authority: Chain
) -> None:
    ran = run("--sign-key", str(key), "--tsa-url", tsa)

    assert ran.code == 0
    assert openssh_accepts(ran.bundle, key)
    assert stamped(ran.bundle, authority)
    printed = subprocess.run(["ssh-keygen", "-lf", key], check=True, capture_output=True, text=True).stdout
    fingerprint = printed.split()[1]
    assert f"  signed with ssh-ed25519 {fingerprint}, time-stamped by {tsa}\n" in ran.err
    assert ran.seal == {
        "signing_key": fingerprint,
        "algorithm": "ssh-ed25519",
        "namespace": "audit-export-bundle-v1",
        "timestamp_authority": tsa,
    }
    statement = json.loads((ran.bundle / "manifest.json").read_bytes())
    assert statement["predicate"]["signature"] == {"key": fingerprint, "timestamp_authority": tsa}
    assert f"signed with the key {fingerprint}" in (ran.bundle / "bag-info.txt").read_text()


def test_a_dead_authority_leaves_a_signed_bundle_and_the_next_run_adds_the_token(
    run: Run, key: Path, tsa: str, authority: Chain
) -> None:
    first = run("--sign-key", str(key), "--tsa-url", DEAD)
    assert first.code == 7
    assert openssh_accepts(first.bundle, key)
    assert not stamped(first.bundle, authority)
    assert f"Error: The time-stamping authority {DEAD} gave no token" in first.err
    root = (first.bundle / "tagmanifest-sha256.txt").read_bytes()

    second = run("--sign-key", str(key), "--tsa-url", tsa)

    assert second.code == 0
    assert ", time-stamped\n" in second.err
    assert DEAD not in second.err
    assert stamped(second.bundle, authority)
    assert stamped(first.bundle, authority)
    assert (first.bundle / "tagmanifest-sha256.txt").read_bytes() == root
    assert not [path for path in first.bundle.parent.iterdir() if path.name.startswith(".")]


def test_a_run_that_is_asked_to_end_while_it_waits_for_the_token_says_what_it_published(
    run: Run, key: Path
) -> None:
    def end(_body: bytes) -> tuple[int, bytes]:
        os.kill(os.getpid(), signal.SIGTERM)
        return 503, b""

    with served(end) as url:
        ended = run("--sign-key", str(key), "--tsa-url", url, "--json")

    result = json.loads(ended.out)
    assert (ended.code, result["exit_code"], result["stamped"]) == (7, 7, False)
    assert (Path(result["published"]) / "tagmanifest-sha256.txt.sig").is_file()
    assert "asked to end" in result["error"]["what"]
    assert f"head sha256:{result['head']}" in ended.err


def test_an_extract_gets_its_missing_token_as_well(run: Run, key: Path, tsa: str, authority: Chain) -> None:
    first = run("--sign-key", str(key), "--tsa-url", DEAD)
    extracts = first.bundle.parent / "extracts"
    extracts.mkdir()
    moved = first.bundle.rename(extracts / "deploy")
    (extracts / ".token-left").write_bytes(b"half")

    assert stamp_missing(moved.parent.parent, Authority(url=tsa)) == [moved]

    assert stamped(moved, authority)
    assert list(extracts.iterdir()) == [moved]


def test_a_dead_authority_publishes_nothing_where_a_time_stamp_is_required(
    run: Run, key: Path, tmp_path: Path
) -> None:
    ran = run("--sign-key", str(key), "--tsa-url", DEAD, "--require-timestamp")

    assert ran.code == 7
    assert ran.out == ""
    assert "gave no token" in ran.err
    assert "adds" not in ran.err
    assert not list(tmp_path.rglob("tagmanifest-sha256.txt"))


@pytest.mark.parametrize(
    "proxy", ["foo://u:pw@x", "socks5://u:pw@x:1", "http://x:none", f"http://{'x' * 64}/"]
)
def test_a_proxy_that_is_none_does_not_hide_what_is_published(
    run: Run, key: Path, monkeypatch: pytest.MonkeyPatch, proxy: str
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    monkeypatch.delenv("NO_PROXY", raising=False)

    ran = run("--sign-key", str(key), "--tsa-url", "http://tsa.example/tsr", "--json")

    result = json.loads(ran.out)
    assert (ran.code, result["exit_code"]) == (7, 7)
    assert Path(result["published"], "manifest.json").is_file()
    assert result["verdict"] == "COMPLETE"
    assert result["reasons"] == [result["error"]["what"]]
    assert "time-stamping authority http://tsa.example/tsr" in result["error"]["what"]
    assert result["error"]["what"] in ran.err
    assert "pw@" not in ran.err + ran.out


@pytest.mark.parametrize("variable", [False, True])
def test_certificates_that_cannot_be_read_are_named_and_not_taken_for_a_full_disk(
    run: Run, key: Path, tsa: str, monkeypatch: pytest.MonkeyPatch, *, variable: bool
) -> None:
    first = run("--sign-key", str(key), "--tsa-url", DEAD)
    if variable:
        monkeypatch.setenv("SSL_CERT_FILE", "nosuch")
    named = [] if variable else ["--ca-bundle", "nosuch"]

    second = run("--sign-key", str(key), "--tsa-url", tsa, *named)

    assert (second.code, second.bundle) == (7, first.bundle)
    assert (
        f"the CA bundle {'that SSL_CERT_FILE names' if variable else 'nosuch'} cannot be used" in second.err
    )
    assert "Make room" not in second.err


def test_what_stands_in_the_way_of_a_time_stamp_does_not_hide_what_is_published(
    run: Run, key: Path, tsa: str
) -> None:
    archive = run().bundle.parent
    (archive / ".token-x").mkdir()

    ran = run("--sign-key", str(key), "--tsa-url", tsa, "--again")

    assert ran.code == 7
    assert ran.bundle.name.startswith("000002_")
    assert f"because of {archive.relative_to(Path.cwd())}/.token-x (Is a directory)" in ran.err
    (archive / ".token-x").rmdir()
    assert run("--sign-key", str(key), "--tsa-url", tsa, "--again").code == 0
    assert (ran.bundle / "tagmanifest-sha256.txt.sig.tsr").is_file()


def test_a_signature_that_cannot_be_read_is_not_called_unwritten(run: Run, key: Path, tsa: str) -> None:
    bundle = run("--sign-key", str(key)).bundle
    (bundle / "tagmanifest-sha256.txt.sig").unlink()

    with pytest.raises(StampError, match=r"The signature of .* could not be read"):
        stamp(bundle, Authority(url=tsa))


def test_a_bundle_whose_name_may_not_be_on_the_disk_is_published_all_the_same(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_folder: Path) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr("exporter.export.sync", refuse)

    ran = run()

    assert ran.code == 7
    assert (ran.bundle / "manifest.json").is_file()
    assert "could not be brought to the disk (Input/output error)" in ran.err


def test_a_bundle_that_was_not_to_be_stamped_is_left_alone(
    run: Run, key: Path, tsa: str, authority: Chain
) -> None:
    first = run("--sign-key", str(key))

    asked = run("--sign-key", str(key), "--tsa-url", tsa)
    second = run("--sign-key", str(key), "--tsa-url", tsa, "--again")

    assert (asked.code, asked.bundle) == (7, first.bundle)
    assert "The window was sealed before, and without a time stamp." in asked.err
    assert not stamped(first.bundle, authority)
    assert stamped(second.bundle, authority)


def test_the_result_as_json_says_who_signed_and_whether_it_is_stamped(run: Run, key: Path, tsa: str) -> None:
    signed = json.loads(run("--sign-key", str(key), "--tsa-url", tsa, "--json").out)
    unsigned = json.loads(run("--json", "--again").out)

    assert (signed["signing_key"][:7], signed["stamped"]) == ("SHA256:", True)
    assert (unsigned["signing_key"], unsigned["stamped"]) == (None, False)


@pytest.mark.parametrize("place", ["file", "environment"])
def test_the_passphrase_of_an_encrypted_key_comes_from_a_file_or_the_environment(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    encrypted = make_key(tmp_path / "encrypted", passphrase=PASSPHRASE)
    options = ["--sign-key", str(encrypted)]
    if place == "file":
        (tmp_path / "passphrase").write_text(PASSPHRASE + "\n")
        (tmp_path / "passphrase").chmod(0o600)
        options += ["--sign-key-passphrase-file", str(tmp_path / "passphrase")]
    else:
        monkeypatch.setenv("AUDIT_EXPORT_SIGN_KEY_PASSPHRASE", PASSPHRASE)

    ran = run(*options, "-vv")

    assert ran.code == 0
    assert openssh_accepts(ran.bundle, encrypted)
    assert PASSPHRASE not in ran.err
    assert all(
        PASSPHRASE.encode() not in path.read_bytes() for path in ran.bundle.rglob("*") if path.is_file()
    )


def test_a_passphrase_file_that_others_can_read_is_refused(run: Run, tmp_path: Path) -> None:
    encrypted = make_key(tmp_path / "encrypted", passphrase=PASSPHRASE)
    (tmp_path / "passphrase").write_text(PASSPHRASE)
    (tmp_path / "passphrase").chmod(0o644)

    ran = run("--sign-key", str(encrypted), "--sign-key-passphrase-file", str(tmp_path / "passphrase"))

    assert ran.code == 7
    assert "passphrase file" in ran.err
    assert PASSPHRASE not in ran.err


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--tsa-url", DEAD], "no key to sign with was given"),
        (["--require-timestamp"], "--require-timestamp needs an authority"),
    ],
)
def test_what_makes_no_sense_is_refused_before_anything_is_fetched(
    run: Run, options: list[str], said: str
) -> None:
    ran = run(*options)

    assert ran.code == 2
    assert said in ran.err


@pytest.mark.parametrize("state", ["missing", "open", "encrypted"])
def test_a_key_that_cannot_be_used_ends_the_run_before_anything_is_fetched(
    run: Run, tmp_path: Path, state: str
) -> None:
    path = tmp_path / "unusable"
    if state != "missing":
        make_key(path, passphrase=PASSPHRASE if state == "encrypted" else "")
    if state == "open":
        path.chmod(0o644)

    ran = run("--sign-key", str(path))

    assert ran.code == 7
    assert not (tmp_path / "evidence").exists()


def test_a_user_without_a_name_can_sign(key: Path) -> None:
    """``ssh-keygen`` cannot: "No user exists for uid"."""
    script = (
        "import os, sys; from pathlib import Path\n"
        "from exporter.evidence.keys import load_signing_key\n"
        "key = load_signing_key(Path(sys.argv[1]), None)\n"
        "if os.geteuid() == 0: os.setuid(54321)\n"
        "sys.stdout.buffer.write(key.sign(b'x'))\n"
    )
    unmeasured = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    command = [sys.executable, "-c", script, str(key)]
    done = subprocess.run(command, check=False, capture_output=True, env=unmeasured)

    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == load_signing_key(key, None).sign(b"x")


def test_a_file_that_lost_its_end_since_it_was_written_is_not_sealed(run: Run, tmp_path: Path) -> None:
    folder = tmp_path / "cut"
    shutil.copytree(run().bundle, folder)
    stated = record.decode((folder / "data" / "run.json").read_bytes())
    seal(folder, stated, None, None)
    archive = folder / "data" / "audit.csv"
    os.truncate(archive, archive.stat().st_size - 1)

    with pytest.raises(OutputError, match=r"data/audit\.csv has [\d,]+ bytes on the disk"):
        seal(folder, stated, None, None)
