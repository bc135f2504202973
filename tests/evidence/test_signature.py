"""Signatures: ours as ``ssh-keygen`` checks them, its as we check them, and the ways they can be bad."""

import base64
import hashlib
import os
import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA1, SHA256, SHA512, HashAlgorithm
from cryptography.hazmat.primitives.serialization import (
    SSHCertificateBuilder,
    SSHCertificateType,
    load_ssh_private_key,
    load_ssh_public_key,
)
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import SigningError
from exporter.evidence.keys import PASSPHRASE_VARIABLE, load_signing_key, read_passphrase
from exporter.evidence.manifest import NAMESPACE
from exporter.evidence.signature import (
    Signature,
    SignatureError,
    SigningKey,
    UnknownAlgorithmError,
    check_signature,
    parse_signature,
)

MESSAGE = b"0" * 64 + b"  manifest-sha256.txt\n"
KINDS = {
    "ed25519": ["-t", "ed25519"],
    "ecdsa-256": ["-t", "ecdsa", "-b", "256"],
    "ecdsa-384": ["-t", "ecdsa", "-b", "384"],
    "ecdsa-521": ["-t", "ecdsa", "-b", "521"],
    "rsa": ["-t", "rsa", "-b", "2048"],
}
PASSPHRASE = "correct horse battery staple"  # noqa: S105 - of keys that live for one test


def make_key(path: Path, kind: str = "ed25519", passphrase: str = "") -> Path:
    """Make a key with ``ssh-keygen``; its public half lies beside it."""
    options = ["-N", passphrase, "-C", "seal@acme", "-f", str(path)]
    subprocess.run(["ssh-keygen", "-q", *KINDS[kind], *options], check=True, stdin=subprocess.DEVNULL)
    return path


def openssh_accepts(folder: Path, key: Path, signature: bytes, message: bytes, *options: str) -> bool:
    """Have ``ssh-keygen`` check a signature by the key whose public half lies beside ``key``."""
    public = key.with_suffix(".pub").read_text().strip()
    (folder / "allowed_signers").write_text(f"seal@acme {public}\n")
    (folder / "message.sig").write_bytes(signature)
    command = ["ssh-keygen", "-Y", "verify", "-f", "allowed_signers", "-I", "seal@acme", "-n", NAMESPACE]
    done = subprocess.run(
        [*command, "-s", "message.sig", *options], cwd=folder, input=message, capture_output=True, check=False
    )
    return done.returncode == 0


def openssh_signature(folder: Path, key: Path, message: bytes, namespace: str = NAMESPACE) -> bytes:
    (folder / "message").write_bytes(message)
    (folder / "message.sig").unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(key), "-n", namespace, "message"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return (folder / "message.sig").read_bytes()


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("keys")
    return {kind: make_key(folder / kind, kind) for kind in KINDS}


@pytest.fixture(scope="module")
def signed(keys: dict[str, Path]) -> bytes:
    return load_signing_key(keys["ed25519"], None).sign(MESSAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_openssh_accepts_our_signatures(keys: dict[str, Path], kind: str, tmp_path: Path) -> None:
    signature = load_signing_key(keys[kind], None).sign(MESSAGE)

    assert openssh_accepts(tmp_path, keys[kind], signature, MESSAGE)
    assert not openssh_accepts(tmp_path, keys[kind], signature, MESSAGE + b" ")


@pytest.mark.parametrize("kind", KINDS)
def test_we_accept_the_signatures_of_openssh(keys: dict[str, Path], kind: str, tmp_path: Path) -> None:
    signature = parse_signature(openssh_signature(tmp_path, keys[kind], MESSAGE))

    assert signature.key == load_signing_key(keys[kind], None).public
    check_signature(signature, MESSAGE)
    with pytest.raises(SignatureError, match="not made over these bytes"):
        check_signature(signature, MESSAGE + b" ")


@pytest.mark.parametrize("kind", ["ed25519", "rsa"])
def test_our_signatures_are_those_of_openssh_byte_for_byte(
    keys: dict[str, Path], kind: str, tmp_path: Path
) -> None:
    ours = load_signing_key(keys[kind], None).sign(MESSAGE)

    assert ours == openssh_signature(tmp_path, keys[kind], MESSAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_the_fingerprint_is_the_one_that_openssh_prints(keys: dict[str, Path], kind: str) -> None:
    command = ["ssh-keygen", "-l", "-f", str(keys[kind])]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout

    key = load_signing_key(keys[kind], None)
    assert key.fingerprint == printed.split()[1]
    assert key.algorithm in keys[kind].with_suffix(".pub").read_text()


def test_an_encrypted_key_opens_with_its_passphrase_only(tmp_path: Path) -> None:
    path = make_key(tmp_path / "key", passphrase=PASSPHRASE)

    signature = load_signing_key(path, PASSPHRASE.encode()).sign(MESSAGE)

    assert openssh_accepts(tmp_path, path, signature, MESSAGE)
    with pytest.raises(SigningError, match="cannot be opened with the passphrase") as wrong:
        load_signing_key(path, b"battery staple")
    with pytest.raises(SigningError, match="is encrypted") as none:
        load_signing_key(path, None)
    assert wrong.value.exit_code == none.value.exit_code == 7
    assert "--sign-key-passphrase-file" in none.value.remedy
    assert PASSPHRASE not in str(wrong.value)


def test_a_passphrase_from_the_environment_is_the_bytes_that_stand_there() -> None:
    """Whatever encoding they are in: the key was encrypted with them."""
    environ = {PASSPHRASE_VARIABLE: os.fsdecode(b"p\xe4ss")}

    assert read_passphrase(None, environ) == b"p\xe4ss"
    for nothing in ({}, {PASSPHRASE_VARIABLE: ""}):
        assert read_passphrase(None, nothing) is None


def test_a_passphrase_comes_by_a_pipe_too_and_an_empty_one_is_none(tmp_path: Path) -> None:
    read, write = os.pipe()
    os.write(write, PASSPHRASE.encode() + b"\r\n")
    os.close(write)
    assert read_passphrase(Path(f"/dev/fd/{read}"), {}) == PASSPHRASE.encode()
    os.close(read)
    (tmp_path / "empty").touch(0o600)
    assert read_passphrase(tmp_path / "empty", {}) is None


def test_a_passphrase_for_a_key_that_has_none_is_pointed_out(keys: dict[str, Path]) -> None:
    with pytest.raises(SigningError, match="is not encrypted, and a passphrase was given"):
        load_signing_key(keys["ed25519"], b"something")


def test_the_public_half_of_a_key_is_told_from_a_key_that_others_can_open(tmp_path: Path) -> None:
    public = make_key(tmp_path / "key").with_suffix(".pub")

    with pytest.raises(SigningError, match="is the public half of a key") as told:
        load_signing_key(public, None)
    assert str(tmp_path / "key.") in told.value.remedy


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_a_key_that_others_can_open_is_refused_as_ssh_refuses_it(tmp_path: Path, mode: int) -> None:
    path = make_key(tmp_path / "key")
    path.chmod(mode)

    with pytest.raises(SigningError, match=rf"is open to others on this machine \(mode {mode:o}\)"):
        load_signing_key(path, None)


def test_the_modes_that_count_are_those_of_the_file_and_not_of_a_link_to_it(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(make_key(tmp_path / "key"))

    assert load_signing_key(tmp_path / "link", None).algorithm == "ssh-ed25519"
    (tmp_path / "key").chmod(0o644)
    with pytest.raises(SigningError, match="is open to others"):
        load_signing_key(tmp_path / "link", None)


@pytest.mark.parametrize("passphrase", [None, b"something"])
@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"-----BEGIN PRIVATE KEY-----\n", b"x" * 100_000])
def test_what_is_no_key_is_refused_without_being_shown(
    tmp_path: Path, content: bytes, passphrase: bytes | None
) -> None:
    """A passphrase that is given for it is not blamed."""
    (tmp_path / "key").write_bytes(content)
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(SigningError, match="holds no private key in OpenSSH's format") as refused:
        load_signing_key(tmp_path / "key", passphrase)
    assert "xxx" not in str(refused.value)


def test_a_private_key_of_a_kind_that_the_library_does_not_open_is_refused(
    keys: dict[str, Path], tmp_path: Path
) -> None:
    """Such as one on a security token. No passphrase was given, and none is blamed."""
    first, *lines, last = keys["ed25519"].read_text().splitlines()
    content = base64.b64decode("".join(lines)).replace(b"ssh-ed25519", b"ssh-another")
    (tmp_path / "key").write_text("\n".join([first, base64.b64encode(content).decode(), last, ""]))
    (tmp_path / "key").chmod(0o600)

    with pytest.raises(SigningError, match="holds no private key in OpenSSH's format"):
        load_signing_key(tmp_path / "key", None)


def test_a_private_key_that_signs_in_no_way_known_here_is_refused(
    keys: dict[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library opens DSA keys too, and may come to open more."""
    library = "exporter.evidence.keys.serialization.load_ssh_private_key"
    monkeypatch.setattr(library, lambda *_: object())

    with pytest.raises(SigningError, match="of a kind that cannot be used here"):
        load_signing_key(keys["ed25519"], None)


def test_a_pipe_in_the_keys_place_is_not_waited_for(tmp_path: Path) -> None:
    """Nor held to the modes of a file: it is the process at its other end that has the key."""
    os.mkfifo(tmp_path / "key", 0o644)

    with pytest.raises(SigningError, match="holds no private key"):
        load_signing_key(tmp_path / "key", None)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    with pytest.raises(SigningError, match=r"missing cannot be read \(No such file"):
        load_signing_key(tmp_path / "missing", None)


def test_a_public_key_is_no_signing_key(keys: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_bytes(keys["ed25519"].with_suffix(".pub").read_bytes())
    path.chmod(0o600)

    with pytest.raises(SigningError, match="holds no private key"):
        load_signing_key(path, None)


def test_a_short_rsa_key_is_refused(tmp_path: Path) -> None:
    command = ["ssh-keygen", "-q", "-t", "rsa", "-b", "1024", "-N", "", "-f", str(tmp_path / "key")]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)

    with pytest.raises(SigningError, match="RSA key of 1024 bits, which is too short"):
        load_signing_key(tmp_path / "key", None)


def test_a_key_does_not_show_itself(keys: dict[str, Path]) -> None:
    key = load_signing_key(keys["ed25519"], None)

    assert f"{key!r} {key}" == f"SigningKey({key.fingerprint}) SigningKey({key.fingerprint})"


def test_a_signature_over_a_shorter_digest_is_checked_as_openssh_makes_it(
    keys: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "message").write_bytes(MESSAGE)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-O", "hashalg=sha256", "-f", str(keys["ed25519"])]
    subprocess.run([*command, "-n", NAMESPACE, "message"], cwd=tmp_path, check=True, capture_output=True)
    signature = parse_signature((tmp_path / "message.sig").read_bytes())

    assert signature.hash == b"sha256"
    check_signature(signature, MESSAGE)
    with pytest.raises(UnknownAlgorithmError, match="hash algorithm b'sha1'"):
        check_signature(replace(signature, hash=b"sha1"), MESSAGE)


def test_an_rsa_key_signs_by_the_algorithm_that_the_signature_names_and_never_by_sha_1(
    keys: dict[str, Path],
) -> None:
    private = load_ssh_private_key(keys["rsa"].read_bytes(), None)
    assert isinstance(private, RSAPrivateKey)
    signature = parse_signature(SigningKey(private).sign(MESSAGE))
    digest = hashlib.sha512(MESSAGE).digest()
    data = b"SSHSIG" + b"".join(map(ssh_string, (NAMESPACE.encode(), b"", b"sha512", digest)))

    def made(algorithm: bytes, hashing: HashAlgorithm) -> Signature:
        return replace(
            signature, inner=ssh_string(algorithm) + ssh_string(private.sign(data, PKCS1v15(), hashing))
        )

    check_signature(made(b"rsa-sha2-256", SHA256()), MESSAGE)
    with pytest.raises(SignatureError, match="not made over these bytes"):
        check_signature(made(b"rsa-sha2-256", SHA512()), MESSAGE)
    with pytest.raises(SignatureError, match="algorithm b'ssh-rsa' for an RSA key"):
        check_signature(made(b"ssh-rsa", SHA1()), MESSAGE)  # noqa: S303 - which is why it is refused


def ssh_string(content: bytes) -> bytes:
    return len(content).to_bytes(4, "big") + content


@pytest.mark.parametrize("kind", ["ecdsa-256", "rsa"])
def test_numbers_with_more_digits_than_they_need_are_not_in_their_one_form(
    keys: dict[str, Path], kind: str
) -> None:
    """Of the same value, and no part of what is signed: the file could be changed without being found."""
    signature = parse_signature(load_signing_key(keys[kind], None).sign(MESSAGE))
    if kind == "rsa":
        longer = signature.key.replace(b"\0\0\0\3\1\0\1", b"\0\0\0\4\0\1\0\1")
        changed = replace(signature, key=longer)
    else:
        algorithm, value = ssh_strings(signature.inner)
        r, s = ssh_strings(value)
        changed = replace(
            signature, inner=ssh_string(algorithm) + ssh_string(ssh_string(b"\0" + r) + ssh_string(s))
        )

    assert changed != signature
    with pytest.raises(SignatureError, match=r"not in (their|its) one form|no public key"):
        check_signature(changed, MESSAGE)


def ssh_strings(content: bytes) -> tuple[bytes, bytes]:
    length = int.from_bytes(content[:4], "big")
    return content[4 : 4 + length], content[8 + length :]


def test_a_signature_for_another_purpose_is_refused(keys: dict[str, Path], tmp_path: Path) -> None:
    signature = parse_signature(openssh_signature(tmp_path, keys["ed25519"], MESSAGE, namespace="git"))

    with pytest.raises(SignatureError, match="made for another purpose: b'git'"):
        check_signature(signature, MESSAGE)


def test_a_key_on_a_security_token_or_with_a_certificate_is_of_a_kind_that_cannot_be_checked(
    keys: dict[str, Path],
) -> None:
    """``ssh-keygen`` can."""
    key = load_signing_key(keys["ed25519"], None)
    signature = parse_signature(key.sign(MESSAGE))
    public = load_ssh_public_key(keys["ed25519"].with_suffix(".pub").read_bytes())
    assert isinstance(public, Ed25519PublicKey)
    certificate = (
        SSHCertificateBuilder()
        .public_key(public)
        .type(SSHCertificateType.USER)
        .valid_principals([b"seal@acme"])
        .valid_after(0)
        .valid_before(2**64 - 1)
        .sign(Ed25519PrivateKey.generate())
    )
    kind, token = b"sk-ssh-ed25519@openssh.com", b"\0\0\0\x20" + public.public_bytes_raw()
    for blob in (
        base64.b64decode(certificate.public_bytes().split()[1]),
        len(kind).to_bytes(4, "big") + kind + token + b"\0\0\0\x04ssh:",
    ):
        with pytest.raises(UnknownAlgorithmError, match="key of kind"):
            check_signature(replace(signature, key=blob), MESSAGE)


@pytest.mark.parametrize("kind", KINDS)
def test_no_byte_of_a_signature_can_be_changed_unseen(keys: dict[str, Path], kind: str) -> None:
    text = load_signing_key(keys[kind], None).sign(MESSAGE)

    for place in range(len(text)):
        for flip in (0x01, 0x20, 0x80):
            changed = text[:place] + bytes([text[place] ^ flip]) + text[place + 1 :]
            with pytest.raises((SignatureError, UnknownAlgorithmError)):
                check_signature(parse_signature(changed), MESSAGE)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text + b"\n",
        lambda text: b"\n" + text,
        lambda text: text.replace(b"\n", b"\r\n"),
        lambda text: text.replace(b"\n", b""),
        lambda text: text.replace(b"\n", b"\n\n", 1),
        lambda text: text + text,
        lambda text: text[:-1],
        lambda _text: b"",
        lambda _text: b"-----BEGIN SSH SIGNATURE-----\n-----END SSH SIGNATURE-----\n",
        lambda _text: b"A" * 100_000,
    ],
    ids=["more", "before", "crlf", "one line", "blank line", "twice", "cut", "empty", "hollow", "huge"],
)
def test_a_signature_in_any_other_form_is_refused(signed: bytes, spoil: Callable[[bytes], bytes]) -> None:
    with pytest.raises(SignatureError):
        parse_signature(spoil(signed))


@pytest.mark.parametrize(
    "change",
    [
        lambda blob: blob.removeprefix(b"SSHSIG\0\0\0\1"),
        lambda blob: blob.replace(b"SSHSIG\0\0\0\1", b"SSHSIG\0\0\0\2"),
        lambda blob: blob.replace(b"-v1\0\0\0\0", b"-v1\0\0\0\4note"),
    ],
    ids=["no head", "another version", "something reserved"],
)
def test_what_a_signature_does_not_sign_is_the_same_in_each(
    signed: bytes, change: Callable[[bytes], bytes]
) -> None:
    first, *lines, last = signed.splitlines(keepends=True)
    blob = base64.b64decode(b"".join(lines))
    text = base64.b64encode(change(blob))
    lines = [text[at : at + 70] + b"\n" for at in range(0, len(text), 70)]

    assert change(blob) != blob
    with pytest.raises(SignatureError):
        parse_signature(b"".join([first, *lines, last]))


@given(content=st.binary(max_size=300))
def test_nothing_that_is_wrapped_as_a_signature_leads_to_anything_but_a_refusal(content: bytes) -> None:
    text = base64.b64encode(b"SSHSIG\x00\x00\x00\x01" + content)
    lines = b"".join(text[at : at + 70] + b"\n" for at in range(0, len(text), 70))
    armoured = b"-----BEGIN SSH SIGNATURE-----\n" + lines + b"-----END SSH SIGNATURE-----\n"

    with pytest.raises((SignatureError, UnknownAlgorithmError)):
        check_signature(parse_signature(armoured), MESSAGE)


@given(message=st.binary())
def test_any_message_is_checked_as_it_was_signed(keys: dict[str, Path], message: bytes) -> None:
    key: SigningKey = load_signing_key(keys["ed25519"], None)

    check_signature(parse_signature(key.sign(message)), message)
