"""Signature and time stamp: good, bad, missing, or beyond what can be checked."""

import base64
import errno
import json
import os
import re
import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.evidence.authority import Authority, request_token
from exporter.evidence.keys import load_signing_key
from exporter.evidence.signers import parse_signers
from exporter.evidence.timestamp import TokenError, parse_token
from exporter.export import Published
from exporter.facts import Check, Result
from exporter.verify import NOBODY, open_bundle, seal, verify
from exporter.verify.bundle import Trust
from exporter.verify.findings import Outcome
from tests.evidence.authorities import chain, served
from tests.evidence.test_signature import make_key, openssh_signature
from tests.verify.conftest import Sealer, found_by, list_again, result_of
from tests.world import NOW

SIGNATURE, TOKEN = "tagmanifest-sha256.txt.sig", "tagmanifest-sha256.txt.sig.tsr"


@pytest.fixture(scope="module")
def unsigned(sealer: Sealer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    sealed = sealer.seal(tmp_path_factory.mktemp("unsigned"), 0, signing_key=None, authority=None)
    return sealed.bundle


def rebag(bundle: Path, *, unsigned: bool = False) -> None:
    """Make every list of digests anew, as whoever can write to the folder can."""
    if unsigned:
        run = json.loads((bundle / "data/run.json").read_bytes())
        run["seal"] = {}
        (bundle / "data/run.json").write_text(json.dumps(run))
        statement = json.loads((bundle / "manifest.json").read_bytes())
        statement["predicate"]["signature"] = "unsigned"
        (bundle / "manifest.json").write_text(json.dumps(statement))
        described = bundle / "bag-info.txt"
        described.write_text(re.sub(r", signed with the key .*", ", unsigned", described.read_text()))
    list_again(bundle)


def forge(bundle: Path) -> None:
    """Take an entry out of two archives and have everything else agree."""
    for name in ("audit.csv", "audit.jsonl"):
        path = bundle / "data" / name
        path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-1]))


def test_a_bundle_as_it_was_sealed_is_so_for_who_knows_signer_and_authority(
    four: list[Published], sealer: Sealer
) -> None:
    checks = verify(four[0].bundle, reperform=True, trust=sealer.trust)

    assert Outcome.of(checks) is Outcome.AS_SEALED
    assert "of seal@acme" in found_by(checks, "signature")
    assert found_by(checks, "timestamp") == "at 2026-11-23T12:00:00Z"


def test_claims_that_cannot_be_checked_are_neither_good_nor_bad(four: list[Published]) -> None:
    checks = verify(four[0].bundle, reperform=False)

    assert Outcome.of(checks) is Outcome.NOT_CHECKED
    assert result_of(checks, "signature") is Result.NOT_PERFORMED
    assert result_of(checks, "timestamp") is Result.NOT_PERFORMED
    assert "no allowed signers were given" in found_by(checks, "signature")
    assert "no root certificate was given" in found_by(checks, "timestamp")


def sealed_as(bundle: Path, trust: Trust = NOBODY) -> dict[str, Check]:
    """Return what is found of signature and time stamp, by the ids of the findings."""
    opened = open_bundle(bundle, trust)
    return {check.id: check for check in (*seal.signature(opened), *seal.timestamp(opened))}


def test_a_finding_says_what_was_expected_of_who_is_known_and_of_who_is_not(
    four: list[Published], unsigned: Path, sealer: Sealer
) -> None:
    def expected(bundle: Path, trust: Trust = NOBODY) -> list[str]:
        found = sealed_as(bundle, trust)
        return [found[id_].expected for id_ in ("signature", "timestamp")]

    trusting = ["one by an allowed signer", "a token by an authority below the given root"]
    assert expected(four[0].bundle, sealer.trust) == expected(unsigned, sealer.trust) == trusting
    assert expected(unsigned) == ["none: unsigned", "none"]
    assert expected(four[0].bundle) == [
        "one by a key that is known to be the signer's",
        "a token whose authority's root certificate was given",
    ]


def test_an_unsigned_bundle_is_good_unless_a_signature_was_asked_for(unsigned: Path, sealer: Sealer) -> None:
    checks = verify(unsigned, reperform=False)
    assert Outcome.of(checks) is Outcome.AS_SEALED
    assert found_by(checks, "signature") == "none: unsigned"

    asked = verify(unsigned, reperform=False, trust=sealer.trust)
    assert Outcome.of(asked) is Outcome.INCOMPLETE
    assert result_of(asked, "signature") is result_of(asked, "timestamp") is Result.MISSING


def test_a_forged_bundle_under_new_lists_does_not_fit_its_signature(signed: Path) -> None:
    forge(signed)
    rebag(signed)

    checks = verify(signed, reperform=False)

    assert Outcome.of(checks) is Outcome.ALTERED
    assert "not made over these bytes" in found_by(checks, "signature")
    assert result_of(checks, "payload") is result_of(checks, "tag-files") is Result.AS_EXPECTED


def test_a_signature_that_was_taken_away_is_missing(signed: Path, sealer: Sealer) -> None:
    (signed / SIGNATURE).unlink()
    (signed / TOKEN).unlink()

    checks = verify(signed, reperform=False)

    assert Outcome.of(checks) is Outcome.INCOMPLETE
    assert result_of(checks, "signature") is Result.MISSING
    found = sealed_as(signed)
    assert re.fullmatch("one by SHA256:.{43}, as its record names", found["signature"].expected)
    assert found["timestamp"].expected == f"a token by {sealer.tsa}, as its record names"


def test_a_signature_put_to_an_unsigned_bundle_is_not_the_one_that_its_record_names(
    unsigned: Path, sealer: Sealer, tmp_path: Path
) -> None:
    bundle = Path(shutil.copytree(unsigned, tmp_path / "bundle"))
    key = load_signing_key(sealer.key, None)
    (bundle / SIGNATURE).write_bytes(key.sign((bundle / "tagmanifest-sha256.txt").read_bytes()))

    found = sealed_as(bundle, sealer.trust)

    assert found["signature"].result is Result.AS_EXPECTED
    check = found["signature-key"]
    assert (check.expected, check.found, check.result) == ("unsigned", key.fingerprint, Result.DIFFERS)


def test_a_signature_taken_away_with_every_trace_is_missing_for_who_asks_for_one(
    signed: Path, sealer: Sealer
) -> None:
    (signed / SIGNATURE).unlink()
    (signed / TOKEN).unlink()
    rebag(signed, unsigned=True)

    assert Outcome.of(verify(signed, reperform=False)) is Outcome.AS_SEALED
    assert Outcome.of(verify(signed, reperform=False, trust=sealer.trust)) is Outcome.INCOMPLETE


def test_a_bundle_signed_anew_with_another_key_is_not_by_an_allowed_signer(
    signed: Path, sealer: Sealer, tmp_path: Path
) -> None:
    forge(signed)
    rebag(signed)
    other = load_signing_key(make_key(tmp_path / "other"), None)
    (signed / SIGNATURE).write_bytes(other.sign((signed / "tagmanifest-sha256.txt").read_bytes()))
    (signed / TOKEN).unlink()

    trusting = verify(signed, reperform=False, trust=replace(sealer.trust, roots=None))
    assert "which is not allowed" in found_by(trusting, "signature")
    knowing_nobody = verify(signed, reperform=False)
    assert result_of(knowing_nobody, "signature") is Result.NOT_PERFORMED
    assert result_of(knowing_nobody, "signature-key") is Result.DIFFERS


def test_the_key_of_somebody_else_or_for_something_else_does_not_count(
    four: list[Published], sealer: Sealer
) -> None:
    bundle = four[0].bundle
    other = replace(sealer.trust, identity="other@acme")
    assert "not this identity's" in found_by(verify(bundle, reperform=False, trust=other), "signature")

    principal, key = sealer.signers.split(" ", 1)
    for_git = parse_signers(f'{principal} namespaces="git" {key}', name="allowed_signers")
    checks = verify(bundle, reperform=False, trust=replace(sealer.trust, signers=for_git))
    assert "not for bundles" in found_by(checks, "signature")


def test_a_signature_for_another_purpose_is_none(signed: Path, sealer: Sealer, tmp_path: Path) -> None:
    root = (signed / "tagmanifest-sha256.txt").read_bytes()
    (signed / SIGNATURE).write_bytes(openssh_signature(tmp_path, sealer.key, root, namespace="git"))

    assert "another purpose" in found_by(verify(signed, reperform=False), "signature")


def dated(sealer: Sealer, options: str) -> Trust:
    principal, key = sealer.signers.split(" ", 1)
    return replace(
        sealer.trust, signers=parse_signers(f"{principal} {options} {key}", name="allowed_signers")
    )


def test_a_key_that_expired_after_the_time_stamp_still_counts_years_later(
    four: list[Published], sealer: Sealer
) -> None:
    trust = replace(dated(sealer, 'valid-before="20261201Z"'), now=NOW + timedelta(days=5 * 365))

    assert Outcome.of(verify(four[0].bundle, reperform=False, trust=trust)) is Outcome.AS_SEALED


def test_a_key_that_expired_counts_for_nothing_without_a_time_stamp_and_that_is_not_called_altered(
    signed: Path, sealer: Sealer
) -> None:
    trust = replace(dated(sealer, 'valid-before="20261201Z"'), now=NOW + timedelta(days=365), roots=None)
    assert sealed_as(signed, trust)["signature"].result is Result.NOT_SHOWN
    (signed / TOKEN).unlink()

    checks = verify(signed, reperform=False, trust=trust)

    assert Outcome.of(checks) is Outcome.NOT_CHECKED
    assert "no checked time stamp shows that it was made then" in found_by(checks, "signature")
    assert sealed_as(signed, replace(trust, now=None))["signature"].result is Result.AS_EXPECTED


def test_a_key_that_was_retired_before_the_time_stamp_was_used_by_a_thief(
    four: list[Published], sealer: Sealer
) -> None:
    checks = verify(four[0].bundle, reperform=False, trust=dated(sealer, 'valid-before="20261101Z"'))

    assert Outcome.of(checks) is Outcome.ALTERED
    assert "and the key counts until 2026-11-01T00:00:00Z" in found_by(checks, "signature")


def test_a_time_stamp_that_is_not_there_is_told_from_one_that_was_asked_for(
    signed: Path, sealer: Sealer
) -> None:
    (signed / TOKEN).unlink()

    assert result_of(verify(signed, reperform=False), "timestamp") is Result.NOT_SHOWN
    asked = verify(signed, reperform=False, trust=sealer.trust)
    assert result_of(asked, "timestamp") is Result.MISSING


def test_the_time_stamp_of_another_bundle_does_not_fit(
    signed: Path, four: list[Published], sealer: Sealer
) -> None:
    shutil.copy(four[1].bundle / TOKEN, signed / TOKEN)

    assert result_of(verify(signed, reperform=False), "timestamp") is Result.DIFFERS
    assert result_of(verify(signed, reperform=False, trust=sealer.trust), "timestamp") is Result.DIFFERS


def test_a_backdated_time_stamp_by_an_authority_of_ones_own_does_not_count(
    signed: Path, sealer: Sealer
) -> None:
    (signed / TOKEN).unlink()
    with served(chain().respond(at=NOW - timedelta(days=900))) as url:
        token = request_token((signed / SIGNATURE).read_bytes(), Authority(url=url))
    (signed / TOKEN).write_bytes(token)

    found = sealed_as(signed, replace(dated(sealer, 'valid-before="20250101Z"'), now=NOW))

    assert found["timestamp"].result is Result.DIFFERS
    assert found["signature"].result is Result.NOT_SHOWN


@pytest.mark.parametrize("content", [b"", b"0" * 100, b"\x30\x80" * 50_000, b"x" * (2 << 20)])
@pytest.mark.parametrize("name", [SIGNATURE, TOKEN])
def test_nonsense_in_the_place_of_a_seal_is_found(signed: Path, name: str, content: bytes) -> None:
    (signed / name).write_bytes(content)

    assert Outcome.of(verify(signed, reperform=False)) is Outcome.ALTERED
    check = sealed_as(signed)["signature" if name == SIGNATURE else "timestamp"]
    assert check.found.startswith(("one that does not fit: ", "a token that does not fit: "))


def test_a_seal_that_may_not_be_read_is_not_said_not_to_fit(
    four: list[Published], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: str) -> bytes:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))

    bundle = open_bundle(four[0].bundle)
    monkeypatch.setattr(bundle, "read", refuse)

    (signature,), (stamp,) = seal.signature(bundle), seal.timestamp(bundle)

    assert signature.result is stamp.result is Result.NOT_PERFORMED
    assert signature.found.startswith("one that could not be checked: ")
    assert stamp.found.startswith("a token that could not be checked: ")


def test_a_signature_is_checked_also_where_its_time_stamp_may_not_be_read(
    four: list[Published], sealer: Sealer, monkeypatch: pytest.MonkeyPatch
) -> None:
    bundle = open_bundle(four[0].bundle, sealer.trust)
    read = bundle.read

    def refuse(path: str) -> bytes:
        if path == TOKEN:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return read(path)

    monkeypatch.setattr(bundle, "read", refuse)

    assert {check.result for check in seal.signature(bundle)} == {Result.AS_EXPECTED}
    assert [check.result for check in seal.timestamp(bundle)] == [Result.NOT_PERFORMED]


@pytest.fixture(scope="module")
def victim(four: list[Published], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy whose files every example changes and restores."""
    return Path(shutil.copytree(four[0].bundle, tmp_path_factory.mktemp("victim") / "bundle"))


@settings(max_examples=80)
@given(data=st.data())
def test_one_flipped_byte_anywhere_in_a_signed_bundle_is_always_found(
    victim: Path, sealer: Sealer, data: st.DataObject
) -> None:
    """All but what a token holds that its authority did not sign; that must say the same all the same."""
    names = sorted(path.relative_to(victim).as_posix() for path in victim.rglob("*") if path.is_file())
    path = victim / data.draw(st.sampled_from(names))
    content = path.read_bytes()
    place = data.draw(st.integers(min_value=0, max_value=len(content) - 1))
    flipped = content[place] ^ data.draw(st.integers(min_value=1, max_value=255))
    changed = content[:place] + bytes([flipped]) + content[place + 1 :]
    path.write_bytes(changed)
    try:
        outcome = Outcome.of(verify(victim, reperform=False, trust=sealer.trust))
    finally:
        path.write_bytes(content)

    assert outcome is Outcome.ALTERED or (path.name == TOKEN and says_the_same(changed, content))


def test_a_signature_of_a_kind_that_is_not_known_here_is_not_called_altered(
    signed: Path, sealer: Sealer
) -> None:
    """Such as one by a key on a security token, which ssh-keygen can check."""
    text = (signed / SIGNATURE).read_bytes()
    blob = base64.b64decode(b"".join(text.splitlines()[1:-1])).replace(b"sha512", b"sha3-5")
    lines = base64.b64encode(blob)
    armoured = b"".join(lines[at : at + 70] + b"\n" for at in range(0, len(lines), 70))
    (signed / SIGNATURE).write_bytes(
        b"-----BEGIN SSH SIGNATURE-----\n" + armoured + b"-----END SSH SIGNATURE-----\n"
    )

    checks = verify(signed, reperform=False, trust=sealer.trust)

    assert result_of(checks, "signature") is Result.NOT_PERFORMED
    assert "ask ssh-keygen" in found_by(checks, "signature")


def test_archives_by_another_version_of_the_library_are_compared_by_value(signed: Path) -> None:
    """Other bytes, the same values: what another version of pyarrow may write, of no other file."""
    path = signed / "data" / "audit.parquet"
    table = pq.read_table(path)
    pq.write_table(table, path, compression="gzip")
    with (signed / "data" / "audit.csv").open("ab") as file:
        file.write(b'"more"\r\n')
    rebag(signed)
    assert result_of(verify(signed, reperform=True), "reperformed-parquet") is Result.DIFFERS
    rebag_as_of(signed, "1.0.0")
    same = verify(signed, reperform=True)
    assert result_of(same, "reperformed-parquet") is Result.AS_EXPECTED
    assert result_of(same, "reperformed-csv") is Result.DIFFERS
    assert "the same values; written by pyarrow 1.0.0" in found_by(same, "reperformed-parquet")

    pq.write_table(table.slice(1), path)
    rebag_as_of(signed, "1.0.0")
    other = verify(signed, reperform=True)
    assert result_of(other, "reperformed-parquet") is Result.DIFFERS


def rebag_as_of(bundle: Path, pyarrow: str) -> None:
    run = json.loads((bundle / "data/run.json").read_bytes())
    run["versions"]["pyarrow"] = pyarrow
    (bundle / "data/run.json").write_text(json.dumps(run))
    rebag(bundle)


def says_the_same(changed: bytes, token: bytes) -> bool:
    try:
        one, other = parse_token(changed), parse_token(token)
    except TokenError:
        return False
    same_time = one.time == other.time
    return same_time and one.response.tst_info.serial_number == other.response.tst_info.serial_number


@pytest.mark.parametrize("name", [SIGNATURE, "tagmanifest-sha256.txt", "bagit.txt"])
def test_every_single_byte_of_the_small_files_counts(victim: Path, sealer: Sealer, name: str) -> None:
    path = victim / name
    content = path.read_bytes()
    unseen = []
    for place in range(0, len(content), 7):
        path.write_bytes(content[:place] + bytes([content[place] ^ 0x20]) + content[place + 1 :])
        checks = verify(victim, reperform=False, trust=sealer.trust)
        if Outcome.of(checks) is not Outcome.ALTERED:
            unseen.append(place)
    path.write_bytes(content)

    assert unseen == []
