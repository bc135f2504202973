import hashlib
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import rfc8785

from exporter import record
from exporter.evidence.bag import parse_manifest
from exporter.evidence.chain import Link
from exporter.evidence.manifest import statement
from exporter.export import Published
from exporter.facts import Verdict

RUN_ALONE = {"data/run.json": "b" * 64}


@pytest.fixture
def run(both: tuple[Published, Published]) -> record.Run:
    """Return the record of an unsigned bundle, of January."""
    whole = both[0].run
    since, until = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    return replace(whole, window=replace(whole.window, since=since, until=until))


def test_a_statement_reads_exactly_so(run: record.Run) -> None:
    digests = {"data/run.json": "b" * 64, "data/audit.csv": "a" * 64}
    link = Link(chain="acme-3f9a1c2e/5e", sequence=7, previous="c" * 64)

    content = statement(
        digests, replace(run, verdict=record.Judgement(value=Verdict.UNPROVEN, reasons=[])), link
    )

    assert content.decode() == (
        '{"_type":"https://in-toto.io/Statement/v1",'
        '"predicate":{"chain":"acme-3f9a1c2e/5e","overlap":null,'
        '"previous":{"sha256":"' + "c" * 64 + '"},'
        '"run":{"sha256":"' + "b" * 64 + '"},"sequence":7,"signature":"unsigned","verdict":"UNPROVEN",'
        '"window":{"since":"2026-01-01T00:00:00Z","until":"2026-02-01T00:00:00Z"}},'
        '"predicateType":"urn:audit-export:bundle:v1",'
        '"subject":[{"digest":{"sha256":"' + "a" * 64 + '"},"name":"data/audit.csv"},'
        '{"digest":{"sha256":"' + "b" * 64 + '"},"name":"data/run.json"}]}'
    )


def test_the_first_of_a_chain_names_none_before_it(run: record.Run) -> None:
    content = statement(RUN_ALONE, run, Link(chain="acme/5e", sequence=1, previous=None))

    assert json.loads(content)["predicate"]["previous"] is None


def test_a_statement_names_the_key_and_the_authority_that_the_bundle_is_to_be_sealed_with(
    run: record.Run,
) -> None:
    link = Link(chain="acme/5e", sequence=1, previous=None)
    seal = record.Seal(signing_key="SHA256:abc", timestamp_authority="http://tsa.example")

    content = statement(RUN_ALONE, replace(run, seal=seal), link)

    intended = json.loads(content)["predicate"]["signature"]
    assert intended == {"key": "SHA256:abc", "timestamp_authority": "http://tsa.example"}


def test_a_statement_needs_the_record_of_the_run(run: record.Run) -> None:
    link = Link(chain="acme/5e", sequence=1, previous=None)

    with pytest.raises(KeyError, match=r"data/run\.json"):
        statement({"data/audit.csv": "a" * 64}, run, link)


def test_a_bundles_statement_is_canonical_and_its_subjects_are_the_payload_manifest(bundle: Path) -> None:
    content = (bundle / "manifest.json").read_bytes()
    read = json.loads(content)
    payload = parse_manifest((bundle / "manifest-sha256.txt").read_text())

    assert rfc8785.dumps(read) == content
    assert read["_type"] == "https://in-toto.io/Statement/v1"
    assert [(subject["name"], subject["digest"]) for subject in read["subject"]] == [
        (path, {"sha256": digest}) for path, digest in payload.items()
    ]


def test_a_bundles_statement_binds_the_record_of_the_run(
    bundle: Path, both: tuple[Published, Published]
) -> None:
    predicate = json.loads((bundle / "manifest.json").read_bytes())["predicate"]

    run = (bundle / "data" / "run.json").read_bytes()
    assert predicate["run"] == {"sha256": hashlib.sha256(run).hexdigest()}
    assert predicate["verdict"] == both[0].run.verdict.value
    assert predicate["window"] == {"since": "2026-07-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}


def test_a_statement_says_what_the_overlap_with_earlier_bundles_showed(run: record.Run) -> None:
    link = Link(chain="acme/5e", sequence=2, previous="c" * 64)
    overlap = record.Overlap(
        since=run.window.since, bundles=["c" * 64], same=1812, late=["log_7"], changed=[], missing=[]
    )

    content = statement(RUN_ALONE, replace(run, overlap=overlap), link)

    stated = json.loads(content)["predicate"]["overlap"]
    assert stated == {"same": 1812, "late": ["log_7"], "changed": [], "missing": []}


def test_the_statement_of_an_extract_names_its_filters_and_no_place_in_a_chain(run: record.Run) -> None:
    content = statement(RUN_ALONE, replace(run, filters={"action": "deploy"}), None)

    predicate = json.loads(content)["predicate"]
    assert predicate["extract"] == {"action": "deploy"}
    assert predicate.keys().isdisjoint({"chain", "sequence", "previous", "overlap"})
