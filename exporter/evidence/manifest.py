"""``manifest.json``: an in-toto Statement v1 about every payload file, in RFC 8785 canonical JSON."""

from collections.abc import Mapping

import rfc8785

from exporter.evidence.chain import Link
from exporter.facts import Verdict, Window, rfc3339
from exporter.record import Seal

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "urn:audit-export:bundle:v1"


def statement(
    digests: Mapping[str, str], *, link: Link, window: Window, verdict: Verdict, seal: Seal
) -> bytes:
    """Write the statement: ``digests`` are the SHA-256 of the payload files by path.

    ``seal`` is what the bundle is to be sealed with; without a key it says that the bundle is unsigned.
    """
    return rfc8785.dumps(
        {
            "_type": STATEMENT_TYPE,
            "subject": [{"name": path, "digest": {"sha256": digests[path]}} for path in sorted(digests)],
            "predicateType": PREDICATE_TYPE,
            "predicate": {
                "run": {"sha256": digests["data/run.json"]},
                "chain": link.chain,
                "sequence": link.sequence,
                "previous": None if link.previous is None else {"sha256": link.previous},
                "window": {"since": rfc3339(window.since), "until": rfc3339(window.until)},
                "verdict": verdict.value,
                "signature": _intention(seal),
            },
        }
    )


def _intention(seal: Seal) -> dict[str, str | None] | str:
    if seal.signing_key is None:
        return "unsigned"
    return {"key": seal.signing_key, "timestamp_authority": seal.timestamp_authority}
