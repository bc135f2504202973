"""The bag's description: whether it says what the run recorded, which its digest alone does not show."""

from collections import Counter
from collections.abc import Iterator

from exporter.evidence import bag
from exporter.evidence.description import describe
from exporter.facts import Check
from exporter.verify.bundle import NOT_READABLE, Bundle
from exporter.verify.findings import lacking, none_of
from exporter.verify.measure import Measure

_OF_THE_PAYLOAD = {"Payload-Oxum", "Bag-Size"}

_Fields = Counter[tuple[str, str]]


def description(bundle: Bundle) -> Iterator[Check]:
    """Describe the bag again, from the record, the place that is stated and the payload, and compare."""
    what = "bag-info.txt says what the run recorded"
    try:
        found = _fields(bundle.read(bag.DESCRIPTION).decode())
        expected = _fields(_described_again(bundle))
    except NOT_READABLE as error:
        yield none_of("description", what, {bag.DESCRIPTION}, lacking(error))
        return
    differing = {label for label, _ in (found - expected) + (expected - found)}
    yield none_of("description", what, differing - (set() if _is_whole(bundle) else _OF_THE_PAYLOAD))


def _described_again(bundle: Bundle) -> str:
    sizes = [measure.size for measure in bundle.measured.values() if isinstance(measure, Measure)]
    return bag.description_text(describe(bundle.run, bundle.link, size=sum(sizes), files=len(sizes)))


def _is_whole(bundle: Bundle) -> bool:
    """Tell whether the payload is as listed; where it is not, its size says nothing that is new."""
    return bool(bundle.measured) and all(
        isinstance(measure, Measure) and measure.sha256 == bundle.payload[path]
        for path, measure in bundle.measured.items()
    )


def _fields(text: str) -> _Fields:
    return Counter((label, value) for label, _, value in (line.partition(": ") for line in text.splitlines()))
