"""``manifest.json``: an in-toto Statement v1 about every payload file, in RFC 8785 canonical JSON."""

from collections.abc import Mapping
from typing import Any

import rfc8785

from exporter.evidence.chain import Link
from exporter.facts import rfc3339
from exporter.record import Overlap, Run, Seal

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:audit-export:bundle:v1"

NAMESPACE = "audit-export-bundle-v1"
"""What a signature is for; ``ssh-keygen -n`` wants it, and a signature for anything else is refused."""


def statement(digests: Mapping[str, str], run: Run, link: Link | None) -> bytes:
    """Write the statement of a ``run``: ``digests`` are the SHA-256 of the payload files by path.

    An extract has no ``link``, since it is no part of a chain; its statement names the filters. Without a key
    to be sealed with the statement says that the bundle is unsigned.
    """
    place = {"extract": run.filters} if link is None else _place(link, run.overlap)
    return rfc8785.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": path, "digest": {"sha256": digests[path]}} for path in sorted(digests)],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "run": {"sha256": digests["data/run.json"]},
                "window": {"since": rfc3339(run.window.since), "until": rfc3339(run.window.until)},
                "verdict": run.verdict.value.value,
                "signature": _intention(run.seal),
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
