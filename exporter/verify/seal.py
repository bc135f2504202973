"""Signature and time stamp, checked on the bytes before anything in them is read for its meaning."""

from collections.abc import Iterator
from datetime import datetime

from exporter.evidence import bag
from exporter.evidence.container import was_not_read
from exporter.evidence.signature import (
    Signature,
    SignatureError,
    UnknownAlgorithmError,
    check_signature,
    fingerprint,
    parse_signature,
)
from exporter.evidence.signers import Signer
from exporter.evidence.timestamp import TokenError, check_token
from exporter.facts import Check, Result, rfc3339
from exporter.verify.bundle import Bundle
from exporter.verify.findings import finding, lacking

_UNSIGNED = "none: unsigned"


def signature(bundle: Bundle) -> Iterator[Check]:
    """Check the signature over the tag manifest, and whose it is where the examiner knows whose count."""
    asked = bundle.trust.signers is not None
    if not bundle.has(bag.SIGNATURE):
        expected = "one by an allowed signer" if asked else _expected_signature(bundle)
        result = Result.AS_EXPECTED if expected == _UNSIGNED else Result.MISSING
        yield _signature_finding(expected, _UNSIGNED, result)
        return
    expected = "one by an allowed signer" if asked else "one by a key that is known to be the signer's"
    try:
        made = parse_signature(bundle.read(bag.SIGNATURE))
        check_signature(made, bundle.read(bag.TAG_MANIFEST))
    except (SignatureError, OSError) as error:
        yield _signature_finding(expected, _unfit("one", error), lacking(error))
    except UnknownAlgorithmError as error:
        found = f"one of a kind that this program cannot check ({error}); ask ssh-keygen"
        yield _signature_finding(expected, found, Result.NOT_PERFORMED)
    else:
        yield _judged(bundle, made, expected)
        yield from _as_intended(bundle, made)


def timestamp(bundle: Bundle) -> Iterator[Check]:
    """Check the time stamp over the signature."""
    what = "A time-stamping authority saw the signature"
    roots = bundle.trust.roots
    expected = "a token by an authority below the given root" if roots else _expected_token(bundle)
    try:
        token = bundle.token
        if token is None:
            found, result = "none", _without_token(expected, asked=roots is not None)
        elif roots is None:
            found, result = _unchecked_token(token.time, covers=token.covers(bundle.read(bag.SIGNATURE)))
        else:
            check_token(token, bundle.read(bag.SIGNATURE), roots)
            found, result = f"at {rfc3339(token.time)}", Result.AS_EXPECTED
    except (TokenError, OSError) as error:
        found, result = _unfit("a token", error), lacking(error)
    yield finding("timestamp", what, expected=expected, found=found, result=result)


def head(bundle: Bundle, expected: str) -> Check:
    """Compare the root with what the examiner was told by another way."""
    try:
        found = bundle.root
        result = Result.AS_EXPECTED if found == expected else Result.DIFFERS
    except OSError as error:
        found, result = str(error), lacking(error)
    return finding(
        "head", "It is the bundle with the given head", expected=expected, found=found, result=result
    )


def _judged(bundle: Bundle, made: Signature, expected: str) -> Check:
    """Say whether the key of a signature that fits is to be trusted."""
    name = fingerprint(made.key)
    signers = bundle.trust.signers
    if signers is None:
        found = f"one by {name}; whose key that is was not checked, since no allowed signers were given"
        return _signature_finding(expected, found, Result.NOT_PERFORMED)
    known = [signer for signer in signers if signer.key == made.key]
    theirs = [signer for signer in known if signer.speaks_for(bundle.trust.identity)]
    fit = [signer for signer in theirs if signer.may_sign_bundles]
    if not fit:
        reason = "not allowed" if not known else "not this identity's" if not theirs else "not for bundles"
        return _signature_finding(expected, f"one by {name}, which is {reason}", Result.DIFFERS)
    return _judged_in_time(bundle, fit, name, expected)


def _judged_in_time(bundle: Bundle, signers: list[Signer], name: str, expected: str) -> Check:
    """Hold a key's validity against the time stamp; without one, against the examiner's time."""
    stamped = bundle.stamped_at
    moment = stamped or bundle.trust.now
    valid = [signer for signer in signers if moment is None or signer.counts_at(moment)]
    if valid:
        found = f"one by {name} of {valid[0].principals}"
        return _signature_finding(expected, found, Result.AS_EXPECTED)
    validity = signers[0].validity
    if stamped is not None:
        found = f"one by {name}, made by {rfc3339(stamped)}, and the key counts {validity}"
        return _signature_finding(expected, found, Result.DIFFERS)
    found = f"one by {name}, whose key counts {validity}; no checked time stamp shows that it was made then"
    return _signature_finding(expected, found, Result.NOT_SHOWN)


def _as_intended(bundle: Bundle, made: Signature) -> Iterator[Check]:
    """Compare with the key that the record of the run, and so the report, names."""
    if bundle.intended is None:
        return
    intended = bundle.intended.signing_key
    same = intended == fingerprint(made.key)
    yield finding(
        "signature-key",
        "It is signed with the key that its record names",
        expected=intended or "unsigned",
        found=fingerprint(made.key),
        result=Result.AS_EXPECTED if same else Result.DIFFERS,
    )


def _expected_signature(bundle: Bundle) -> str:
    intended = bundle.intended and bundle.intended.signing_key
    return _UNSIGNED if intended is None else f"one by {intended}, as its record names"


def _expected_token(bundle: Bundle) -> str:
    intended = bundle.intended and bundle.intended.timestamp_authority
    if bundle.has(bag.TOKEN):
        return "a token whose authority's root certificate was given"
    return "none" if intended is None else f"a token by {intended}, as its record names"


def _without_token(expected: str, *, asked: bool) -> Result:
    """Judge a missing token: the authority may have been out of reach, and may be asked again."""
    if asked:
        return Result.MISSING
    return Result.AS_EXPECTED if expected == "none" else Result.NOT_SHOWN


def _unchecked_token(time: datetime, *, covers: bool) -> tuple[str, Result]:
    if not covers:
        return "a token for another signature", Result.DIFFERS
    found = f"one that states {rfc3339(time)}; not checked, since no root certificate was given"
    return found, Result.NOT_PERFORMED


def _unfit(what: str, error: Exception) -> str:
    read = "could not be checked" if was_not_read(error) else "does not fit"
    return f"{what} that {read}: {error}"


def _signature_finding(expected: str, found: str, result: Result) -> Check:
    what = "Whoever sealed the bundle signed it"
    return finding("signature", what, expected=expected, found=found, result=result)
