"""``manifest.json``: an in-toto Statement v1 about every payload file, in RFC 8785 canonical JSON."""

from collections.abc import Mapping
from typing import Any

import rfc8785

from exporter.evidence.chain import Link
from exporter.facts import Verdict, Window, rfc3339
from exporter.record import Overlap, Seal

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:audit-export:bundle:v1"

NAMESPACE = "audit-export-bundle-v1"
"""What a signature is for; ``ssh-keygen -n`` wants it, and a signature for anything else is refused."""


def statement(  # noqa: PLR0913 - what it states
    digests: Mapping[str, str],
    *,
    link: Link | None,
    window: Window,
    verdict: Verdict,
    seal: Seal,
    overlap: Overlap | None = None,
    filters: Mapping[str, str] | None = None,
) -> bytes:
    """Write the statement: ``digests`` are the SHA-256 of the payload files by path.

    An extract has no ``link``, since it is no part of a chain; its statement names the ``filters``. ``seal``
    is what the bundle is to be sealed with; without a key the statement says that it is unsigned.
    """
    place = {"extract": dict(filters or {})} if link is None else _place(link, overlap)
    return rfc8785.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": path, "digest": {"sha256": digests[path]}} for path in sorted(digests)],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "run": {"sha256": digests["data/run.json"]},
                "window": {"since": rfc3339(window.since), "until": rfc3339(window.until)},
                "verdict": verdict.value,
                "signature": _intention(seal),
                **place,
            },
        }
    )


def _place(link: Link, overlap: Overlap | None) -> dict[str, Any]:
    return {
        "chain": link.chain,
        "sequence": link.sequence,
        "previous": None if link.previous is None else {"sha256": link.previous},
        "overlap": None
        if overlap is None
        else {
            "same": overlap.same,
            "late": overlap.late,
            "changed": overlap.changed,
            "missing": overlap.missing,
        },
    }


def _intention(seal: Seal) -> dict[str, str | None] | str:
    if seal.signing_key is None:
        return "unsigned"
    return {"key": seal.signing_key, "timestamp_authority": seal.timestamp_authority}
