"""Time stamps: real authorities on loopback, ``openssl ts`` as the judge."""

import hashlib
import itertools
import re
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from asn1crypto import tsp
from asn1crypto import x509 as asn1_x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given
from hypothesis import strategies as st

from exporter.errors import StampError, UsageError
from exporter.evidence import authority, timestamp
from exporter.evidence.authority import Authority, request_token
from exporter.evidence.timestamp import Token, TokenError, check_token, load_roots, parse_token
from tests.evidence.authorities import Chain, Respond, certify, chain, openssl_responder, served
from tests.world import NOW

CONTENT = b"-----BEGIN SSH SIGNATURE-----\nand so on\n"
LONG_AGO = datetime(2019, 6, 1, tzinfo=UTC)


@pytest.fixture(scope="module")
def authority_chain() -> Chain:
    return chain()


@pytest.fixture(scope="module", params=["certomancer", "openssl"])
def respond(
    request: pytest.FixtureRequest, authority_chain: Chain, tmp_path_factory: pytest.TempPathFactory
) -> Respond:
    if request.param == "certomancer":
        return authority_chain.respond()
    return openssl_responder(tmp_path_factory.mktemp("tsa"), authority_chain)


@pytest.fixture(scope="module")
def url(respond: Respond) -> Iterator[str]:
    with served(respond) as address:
        yield address


@pytest.fixture(scope="module")
def token(url: str) -> bytes:
    return request_token(CONTENT, Authority(url=url))


def openssl_accepts(folder: Path, token: bytes, content: bytes, chain_: Chain, *options: str) -> bool:
    (folder / "content").write_bytes(content)
    (folder / "token.tsr").write_bytes(token)
    (folder / "root.pem").write_bytes(chain_.root.pem)
    command = ["openssl", "ts", "-verify", "-data", "content", "-in", "token.tsr", "-CAfile", "root.pem"]
    done = subprocess.run([*command, *options], cwd=folder, capture_output=True, check=False)
    return done.returncode == 0


def test_openssl_accepts_the_token_over_these_bytes_and_no_others(
    token: bytes, authority_chain: Chain, tmp_path: Path
) -> None:
    assert openssl_accepts(tmp_path, token, CONTENT, authority_chain)
    assert not openssl_accepts(tmp_path, token, CONTENT + b" ", authority_chain)


def test_we_accept_the_token_over_these_bytes_and_no_others(token: bytes, authority_chain: Chain) -> None:
    read = parse_token(token)

    check_token(read, CONTENT, [authority_chain.root.certificate])
    with pytest.raises(TokenError, match="about other bytes"):
        check_token(read, CONTENT + b" ", [authority_chain.root.certificate])


def test_a_token_counts_under_the_root_that_was_given_only(token: bytes) -> None:
    with pytest.raises(TokenError, match="certificate"):
        check_token(parse_token(token), CONTENT, [chain().root.certificate])


def test_a_token_states_the_authoritys_time_and_not_this_machines(authority_chain: Chain) -> None:
    with served(authority_chain.respond(at=NOW - timedelta(days=400))) as url:
        token = request_token(CONTENT, Authority(url=url))

    assert parse_token(token).time == NOW - timedelta(days=400)


def test_years_after_the_authority_expired_its_token_still_counts_at_its_own_time(tmp_path: Path) -> None:
    expired = chain(since=LONG_AGO - timedelta(days=30), until=LONG_AGO + timedelta(days=30))
    with served(expired.respond(at=LONG_AGO)) as url:
        token = request_token(CONTENT, Authority(url=url))

    check_token(parse_token(token), CONTENT, [expired.root.certificate])
    assert not openssl_accepts(tmp_path, token, CONTENT, expired)
    at = ["-attime", str(int(LONG_AGO.timestamp()))]
    assert openssl_accepts(tmp_path, token, CONTENT, expired, *at)


@pytest.mark.parametrize("days", [-31, 31])
def test_a_token_from_when_the_authority_was_not_valid_does_not_count(days: int) -> None:
    short = chain(since=NOW - timedelta(days=30), until=NOW + timedelta(days=30))
    with served(short.respond(at=NOW + timedelta(days=days))) as url:
        token = request_token(CONTENT, Authority(url=url))

    with pytest.raises(TokenError, match=r"expired|not yet valid"):
        check_token(parse_token(token), CONTENT, [short.root.certificate])


def test_a_token_by_a_certificate_for_another_purpose_does_not_count() -> None:
    root = certify("Root", authority=True)
    wrong = Chain(root=root, signer=certify("Mail", root, purpose=ExtendedKeyUsageOID.EMAIL_PROTECTION))
    with served(wrong.respond()) as url:
        token = request_token(CONTENT, Authority(url=url))

    with pytest.raises(TokenError):
        check_token(parse_token(token), CONTENT, [root.certificate])


def test_a_token_that_names_another_certificate_than_its_signers_does_not_count(
    authority_chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = tsp.ESSCertID({"cert_hash": bytes(20)})
    monkeypatch.setattr(tsp, "ESSCertID", lambda _: named)
    with served(authority_chain.respond()) as url:
        token = request_token(CONTENT, Authority(url=url))

    with pytest.raises(TokenError, match="does not name the certificate of its signer"):
        check_token(parse_token(token), CONTENT, [authority_chain.root.certificate])
    assert not openssl_accepts(tmp_path, token, CONTENT, authority_chain)


def test_a_token_may_name_its_signers_issuer_too_and_the_certificates_above(
    authority_chain: Chain, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As many authorities do; what counts is the first, and its digest."""
    named, naming = tsp.ESSCertID, tsp.SigningCertificate
    root = authority_chain.root.certificate.public_bytes(Encoding.DER)
    above = named({"cert_hash": hashlib.sha1(root).digest()})  # noqa: S324 - as the first version names it
    signer = asn1_x509.Certificate.load(authority_chain.signer.certificate.public_bytes(Encoding.DER))
    issuer = {
        "issuer": [asn1_x509.GeneralName("directory_name", signer.issuer)],
        "serial_number": signer.serial_number,
    }
    monkeypatch.setattr(tsp, "ESSCertID", lambda value: named({**value, "issuer_serial": issuer}))
    monkeypatch.setattr(
        tsp, "SigningCertificate", lambda value: naming({**value, "certs": [*value["certs"], above]})
    )
    with served(authority_chain.respond()) as url:
        token = request_token(CONTENT, Authority(url=url))

    check_token(parse_token(token), CONTENT, [authority_chain.root.certificate])
    assert openssl_accepts(tmp_path, token, CONTENT, authority_chain)


def test_a_token_that_names_a_certificate_of_another_in_it_or_none_does_not_count(
    token: bytes, authority_chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, roots = parse_token(token), [authority_chain.root.certificate]
    monkeypatch.setattr(timestamp, "_named_certificates", lambda _: ())
    with pytest.raises(TokenError, match="does not name the certificate of its signer"):
        check_token(read, CONTENT, roots)

    own = [authority_chain.signer.certificate.public_bytes(Encoding.DER)]
    both = {
        *read.response.signed_data.certificates,
        authority_chain.root.certificate.public_bytes(Encoding.DER),
    }
    for name in both:
        monkeypatch.setattr(
            timestamp, "_named_certificates", lambda _, name=name: [hashlib.sha256(name).digest()]
        )
        with nullcontext() if name in own else pytest.raises(TokenError, match="does not name"):
            check_token(read, CONTENT, roots)


@pytest.mark.parametrize(
    ("name", "oid"),
    [
        ("sha256", "2.16.840.1.101.3.4.2.1"),
        ("sha384", "2.16.840.1.101.3.4.2.2"),
        ("sha512", "2.16.840.1.101.3.4.2.3"),
    ],
)
def test_a_token_may_be_about_a_digest_of_any_length_but_not_by_sha_1(name: str, oid: str) -> None:
    def about(oid: str) -> bool:
        digest = hashlib.new(name, CONTENT).digest()
        imprint = SimpleNamespace(hash_algorithm=SimpleNamespace(dotted_string=oid), message=digest)
        info = SimpleNamespace(tst_info=SimpleNamespace(message_imprint=imprint))
        return Token(response=info).covers(CONTENT)  # type: ignore[arg-type]  # all that it looks at

    assert about(oid)
    assert not about("1.3.14.3.2.26")


def test_no_byte_of_what_an_authority_signed_can_be_changed_unseen(
    token: bytes, authority_chain: Chain
) -> None:
    signed = parse_token(token).response.tst_info.message_imprint.message
    begin = token.index(signed) - 60

    for place in range(begin, begin + 150):
        changed = token[:place] + bytes([token[place] ^ 1]) + token[place + 1 :]
        with pytest.raises(TokenError):
            check_token(parse_token(changed), CONTENT, [authority_chain.root.certificate])


def test_a_token_with_a_certificate_of_no_known_version_is_refused(
    token: bytes, authority_chain: Chain
) -> None:
    version_3 = bytes([0xA0, 0x03, 0x02, 0x01, 0x02])
    places = [found.end() - 1 for found in re.finditer(re.escape(version_3), token)]
    assert places
    for place in places:
        read = parse_token(token[:place] + bytes([0x03]) + token[place + 1 :])
        with pytest.raises(TokenError):
            check_token(read, CONTENT, [authority_chain.root.certificate])


@given(data=st.data())
def test_a_changed_token_is_refused_or_says_the_same(
    token: bytes, authority_chain: Chain, data: st.DataObject
) -> None:
    place = data.draw(st.integers(min_value=0, max_value=len(token) - 1))
    byte = token[place] ^ data.draw(st.integers(min_value=1, max_value=255))
    try:
        read = parse_token(token[:place] + bytes([byte]) + token[place + 1 :])
        check_token(read, CONTENT, [authority_chain.root.certificate])
    except TokenError:
        return

    assert read.time == parse_token(token).time
    assert read.covers(CONTENT)


@given(answer=st.binary(max_size=200))
def test_nonsense_is_no_token(answer: bytes) -> None:
    with pytest.raises(TokenError):
        parse_token(answer)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, b""),
        (200, b"<html>"),
        (200, b"\x30\x03\x02\x01\x02"),
        (200, bytes.fromhex("30053003020102")),
        (200, b"0" * (2 << 20)),
        (302, b""),
        (404, b""),
        (500, b""),
        (503, b""),
    ],
)
def test_an_answer_without_a_token_is_an_error_with_exit_code_7(status: int, body: bytes) -> None:
    with served(lambda _: (status, body)) as url, pytest.raises(StampError, match="gave no token") as error:
        request_token(CONTENT, Authority(url=url))

    assert error.value.exit_code == 7
    assert "Run the same command again" in error.value.remedy


def test_an_authority_that_is_not_there_is_asked_three_times_and_an_error_with_exit_code_7(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with pytest.raises(StampError, match=r"http://127\.0\.0\.1:9/tsa gave no token"):
        request_token(CONTENT, Authority(url="http://127.0.0.1:9/tsa"))

    assert sum("Trying the time-stamping authority again" in said for said in caplog.messages) == 2


def test_an_authority_that_keeps_one_waiting_is_not_asked_again_for_ever(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = itertools.count()
    monkeypatch.setattr(authority, "_PATIENCE", 0.0)

    with served(lambda _: (503, b"%d" % next(asked))) as url, pytest.raises(StampError):
        request_token(CONTENT, Authority(url=url))

    assert next(asked) == 1


def test_an_authority_that_refuses_is_not_asked_again() -> None:
    asked = itertools.count()

    with served(lambda _: (404, b"%d" % next(asked))) as url, pytest.raises(StampError, match="HTTP 404"):
        request_token(CONTENT, Authority(url=url))

    assert next(asked) == 1


def test_an_authority_is_asked_by_way_of_the_proxy_that_is_named(authority_chain: Chain) -> None:
    with served(authority_chain.respond()) as address:
        proxy = address.replace("//", "//user:secret@")
        asked = Authority(url="http://tsa.example/tsa", proxy=proxy)
        token = request_token(CONTENT, asked)

    check_token(parse_token(token), CONTENT, [authority_chain.root.certificate])
    assert "secret" not in repr(asked)


def test_an_authority_whose_answer_only_trickles_does_not_outlast_the_time_out(
    authority_chain: Chain, monkeypatch: pytest.MonkeyPatch
) -> None:
    ticks = itertools.count(step=31)
    monkeypatch.setattr(authority, "time", SimpleNamespace(monotonic=lambda: next(ticks)))

    with served(authority_chain.respond()) as url, pytest.raises(StampError, match="longer than --timeout"):
        request_token(CONTENT, Authority(url=url, timeout=30))


def test_an_authority_that_fails_at_first_is_asked_again_and_that_is_said(
    authority_chain: Chain, caplog: pytest.LogCaptureFixture
) -> None:
    answers = iter([(503, b""), (503, b"")])
    good = authority_chain.respond()

    with served(lambda body: next(answers, None) or good(body)) as url:
        token = request_token(CONTENT, Authority(url=url))

    check_token(parse_token(token), CONTENT, [authority_chain.root.certificate])
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 2
    for line in said:
        assert re.fullmatch(r"Trying the time-stamping authority again in \d+\.\d seconds: HTTP 503", line), (
            line
        )


def test_the_token_of_another_request_is_not_kept(token: bytes) -> None:
    with served(lambda _: (200, token)) as url, pytest.raises(StampError, match="not about this request"):
        request_token(CONTENT, Authority(url=url))
    with served(lambda _: (200, token)) as url, pytest.raises(StampError, match="not about this request"):
        request_token(b"other bytes", Authority(url=url))


def test_a_token_about_other_bytes_is_not_kept_whatever_request_it_names(authority_chain: Chain) -> None:
    def answer(body: bytes) -> tuple[int, bytes]:
        asked = tsp.TimeStampReq.load(body)
        asked["message_imprint"]["hashed_message"] = bytes(32)
        return 200, bytes(authority_chain.stamper().request_tsa_response(asked).dump())

    with served(answer) as url, pytest.raises(StampError, match="not about this request"):
        request_token(CONTENT, Authority(url=url))


def test_a_token_that_was_granted_with_changes_is_not_kept(authority_chain: Chain) -> None:
    """It counts for nobody: whoever checks it later refuses it."""
    good = authority_chain.respond()

    def answer(body: bytes) -> tuple[int, bytes]:
        status, granted = good(body)
        changed = tsp.TimeStampResp.load(granted)
        changed["status"]["status"] = "granted_with_mods"
        return status, bytes(changed.dump())

    with served(answer) as url, pytest.raises(StampError, match="not about this request"):
        request_token(CONTENT, Authority(url=url))


@pytest.mark.parametrize("url", ["http://tsa.example", "https://tsa.example:8443/tsa?policy=1"])
def test_an_authority_may_answer_by_http_as_by_https(url: str) -> None:
    assert Authority(url=url).url == url


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tsa",
        "ftp://tsa.example",
        "http://",
        "http://xn--/",
        f"http://{'x' * 64}/",
        "http://user:secret@tsa.example/",
    ],
)
def test_an_address_that_cannot_be_used_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(UsageError, match="--tsa-url") as error:
        Authority(url=url)
    assert "secret" not in str(error.value)


def test_the_roots_are_read_from_pem(tmp_path: Path, authority_chain: Chain) -> None:
    path = tmp_path / "root.pem"
    path.write_bytes(authority_chain.root.pem + authority_chain.signer.pem)

    assert load_roots(path) == [authority_chain.root.certificate, authority_chain.signer.certificate]
    path.write_bytes(b"no certificate")
    with pytest.raises(UsageError, match="holds no certificate"):
        load_roots(path)
    with pytest.raises(UsageError, match="holds no certificate"):
        load_roots(tmp_path / "missing")


def test_a_damaged_root_is_none_before_a_token_is_held_against_it(
    tmp_path: Path, authority_chain: Chain
) -> None:
    """One whose name is no text: the package that reads certificates overlooks that, and OpenSSL does not."""
    root = authority_chain.root
    damaged = root.certificate.public_bytes(Encoding.DER).replace(b"Root", b"\xff" * 4)
    path = tmp_path / "root.pem"
    path.write_bytes(root.pem + ssl.DER_cert_to_PEM_cert(damaged).encode())

    with pytest.raises(UsageError, match="holds no certificate"):
        load_roots(path)
