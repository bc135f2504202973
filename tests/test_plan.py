"""What a run is going to do, as far as the request and the bundles of the archive decide."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import OutputError, UsageError
from exporter.evidence.chain import Predecessor
from exporter.evidence.coverage import SealedBundle
from exporter.facts import Selection, Verdict, Window
from exporter.plan import Plan, plan, read_sealed
from exporter.request import Request
from exporter.source.connection import Connection
from exporter.source.credentials import Key, Profile
from tests.evidence.test_coverage import FIRST, days, sealed

ARCHIVE = Path("archive")
SECOND = timedelta(seconds=1)


def day(number: float) -> datetime:
    return FIRST + timedelta(days=number)


def asked(**changes: Any) -> Request:
    """Return a request for the fifth to the tenth day."""
    given: dict[str, Any] = {
        "since": day(5),
        "until": day(10),
        "asked": {},
        "connection": Connection(base_url="https://here", key=Key("key", origin="the test")),
        "profile": Profile(),
        "organization": "acme",
        "label": None,
        "output": Path("evidence"),
    }
    return Request(**{**given, **changes})


def planned(*, bundles: Sequence[SealedBundle] = (), overlap: Window | None = None, **changes: Any) -> Plan:
    request = asked(**changes)
    since = request.since or day(5)
    return Plan(request=request, archive=ARCHIVE, bundles=tuple(bundles), since=since, overlap=overlap)


def bundle(name: str, window: Window, verdict: Verdict = Verdict.COMPLETE) -> SealedBundle:
    return replace(sealed(window, verdict), path=Path(name), sequence=ord(name))


def test_an_attempt_is_found_again_by_what_was_asked_for_and_by_nothing_else() -> None:
    """In whichever order the filters are given, and however the rest is to be done."""
    usual = planned().fingerprint
    elsewhere = Connection(base_url="https://there", key=Key("key", origin="the test"))
    others = [
        planned(connection=elsewhere),
        planned(organization="another"),
        planned(since=day(4)),
        planned(until=day(11)),
        planned(until=None),
        planned(overlap=days(4, 5)),
        planned(overlap=days(3, 5)),
        planned(action="deploy"),
        planned(user="deploy"),
    ]

    assert len({usual, *(each.fingerprint for each in others)}) == 10
    assert len(usual) == 16
    assert planned(page_size=7, report=False, again=True).fingerprint == usual


@pytest.mark.parametrize(
    ("window", "touched"),
    [
        (days(0, 3), False),
        (days(0, 4), True),
        (days(3, 4), True),
        (days(4, 5), True),
        (days(5, 6), False),
        (days(0, 9), True),
    ],
)
def test_an_overlap_is_held_against_the_bundles_that_share_time_with_it(
    window: Window,
    touched: bool,  # noqa: FBT001 - a parameter
) -> None:
    bundles = [bundle("a", window)]

    assert planned(bundles=bundles, overlap=days(3, 5)).overlapping == (bundles if touched else [])
    assert planned(bundles=bundles).overlapping == []


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({}, "d"),
        ({"again": True}, None),
        ({"until": None}, None),
        ({"until": day(11)}, None),
        ({"until": day(12)}, None),
        ({"until": day(12), "accept_unproven": True}, "f"),
        ({"accept_unproven": True}, "d"),
        ({"since": day(6)}, None),
    ],
)
def test_a_window_is_answered_by_the_bundle_sealed_last_that_is_whole_or_else_accepted(
    changes: dict[str, Any], name: str | None
) -> None:
    bundles = [
        bundle("a", days(5, 10)),
        bundle("b", days(5, 11), Verdict.PARTIAL),
        bundle("c", days(4, 10)),
        bundle("d", days(5, 10)),
        bundle("e", days(5, 10), Verdict.UNPROVEN),
        bundle("f", days(5, 12), Verdict.UNPROVEN),
        bundle("g", days(5, 10), Verdict.PARTIAL),
    ]

    assert planned(bundles=bundles, **changes).sealed == (name and Path(name))


@pytest.mark.parametrize(("until", "name"), [(5, "a"), (3, "a"), (2, None)])
def test_an_archive_that_is_far_enough_is_answered_for_by_what_covers_the_end(
    until: int, name: str | None
) -> None:
    task = planned(bundles=[bundle("a", days(2, 5))], until=day(until))

    assert task.sealed == (name and Path(name))


def test_a_bundle_that_answers_already_and_is_not_all_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        OutputError, match=r"answers the request already, and cannot be read \(.*No such file"
    ):
        read_sealed(tmp_path)


@pytest.mark.parametrize(
    ("server_time", "until", "begun", "ends"),
    [
        (day(20), day(10), None, day(10)),
        (day(10) + 60 * SECOND, day(10), None, day(10)),
        (day(10) + 59 * SECOND, day(10), None, day(10) - SECOND),
        (day(8), day(10), None, day(8) - 60 * SECOND),
        (day(8) + timedelta(microseconds=7), None, None, day(8) - 60 * SECOND),
        (day(20), day(10), days(5, 9), day(9)),
        (day(20), None, days(5, 9), day(9)),
        (day(8), day(10), days(5, 9), day(8) - 60 * SECOND),
        (day(5) + 61 * SECOND, day(10), None, day(5) + SECOND),
    ],
)
def test_a_window_ends_where_it_was_asked_to_and_before_the_clock_less_the_settle_time(
    server_time: datetime, until: datetime | None, begun: Window | None, ends: datetime
) -> None:
    assert planned(until=until).window(server_time, begun) == Window(since=day(5), until=ends)


@pytest.mark.parametrize("over", [day(5) + 60 * SECOND, day(5), day(2)])
def test_a_window_of_which_nothing_is_over_is_refused(over: datetime) -> None:
    with pytest.raises(UsageError, match=r"Nothing of the window is over yet: .* less 60 seconds to settle"):
        planned().window(over)


@pytest.mark.parametrize(
    ("server_time", "until", "seconds"),
    [
        (day(10) - SECOND, day(10), 0),
        (day(10), day(10), 60),
        (day(10) + 20 * SECOND, day(10), 40),
        (day(10) + 60 * SECOND, day(10), 0),
        (day(10) + 90 * SECOND, day(10), 0),
        (day(10), None, 0),
        (day(5), day(5), 0),
        (day(5), day(4), 0),
    ],
)
def test_only_the_settle_time_of_a_window_that_is_over_is_waited_for(
    server_time: datetime, until: datetime | None, seconds: int
) -> None:
    assert planned(until=until).lacking_settle(server_time) == seconds * SECOND


def test_what_is_read_begins_with_the_overlap_and_what_is_selected_knows_of_it() -> None:
    task = planned(overlap=days(4, 5), action="deploy", user="someone")

    assert task.reading(days(5, 9)) == days(4, 9)
    assert planned().reading(days(5, 9)) == days(5, 9)
    assert task.selection(days(5, 9)) == Selection(
        window=days(5, 9), action="deploy", user="someone", overlap=days(4, 5)
    )


def test_a_bundle_has_its_number_and_window_for_a_name_and_an_extract_its_own_folder() -> None:
    task = planned(action="deploy")

    assert task.target(days(0, 1), 7) == ARCHIVE / "000007_20260101T000000Z_20260102T000000Z"
    assert task.target(days(0, 1), 0).parent == ARCHIVE
    assert task.target(days(0, 1), None).parent == ARCHIVE / "extracts"


Continued = Callable[..., Plan]


@pytest.fixture
def continued(monkeypatch: pytest.MonkeyPatch) -> Continued:
    """``continued(*bundles, **changes)``: the plan of a run that continues an archive of these bundles."""

    def make(*bundles: SealedBundle, **changes: Any) -> Plan:
        monkeypatch.setattr("exporter.plan.sealed_bundles", lambda _archive: list(bundles))
        return plan(asked(**{"since": None, **changes}), ARCHIVE)

    return make


@pytest.mark.parametrize(
    ("overlap", "since"),
    [
        (timedelta(days=1), day(4)),
        (timedelta(hours=36), day(3.5)),
        (timedelta(days=3, microseconds=1), day(2)),
        (timedelta(days=9), day(2)),
        (timedelta(hours=1, microseconds=1), day(5) - timedelta(hours=1) - SECOND),
        (timedelta(0), None),
    ],
)
def test_an_archive_is_continued_where_its_first_stretch_ends_and_no_overlap_begins_before_it(
    continued: Continued, overlap: timedelta, since: datetime | None
) -> None:
    task = continued(
        bundle("a", days(7, 9)), bundle("b", days(2, 4)), bundle("c", days(4, 5)), overlap=overlap
    )

    assert task.since == day(5)
    assert task.overlap == (None if since is None else Window(since=since, until=day(5)))
    assert [each.path.name for each in task.bundles] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({"until": None}, None),
        ({"until": day(6)}, None),
        ({"until": day(5)}, None),
        ({"until": day(3)}, None),
        ({"until": day(5), "again": True}, "--again has no window"),
        ({"until": day(6), "again": True}, None),
        ({"until": day(2)}, "--until 2026-01-03T00:00:00Z is no later than where the archive begins"),
        ({"until": day(1)}, "--until 2026-01-02T00:00:00Z is no later than where the archive begins"),
    ],
)
def test_an_end_that_leaves_nothing_to_continue_is_refused_unless_a_bundle_answers_for_it(
    continued: Continued, changes: dict[str, Any], refused: str | None
) -> None:
    if refused is None:
        assert continued(bundle("a", days(2, 5)), **changes).since == day(5)
        return
    with pytest.raises(UsageError, match=refused):
        continued(bundle("a", days(2, 5)), **changes)


def test_an_archive_that_covers_nothing_is_not_continued_and_it_says_how_one_that_is_unproven_is(
    continued: Continued,
) -> None:
    unproven = bundle("a", days(2, 5), Verdict.UNPROVEN)
    with pytest.raises(UsageError, match="covers no stretch of time") as empty:
        continued(bundle("a", days(2, 5), Verdict.PARTIAL))
    with pytest.raises(UsageError, match="covers no stretch of time") as unaccepted:
        continued(unproven)

    assert "--accept-unproven" not in empty.value.remedy
    assert "--accept-unproven" in unaccepted.value.remedy
    assert continued(unproven, accept_unproven=True).since == day(5)


@pytest.mark.parametrize(
    ("changes", "refused"),
    [
        ({}, True),
        ({"again": True, "since": day(2), "until": day(5)}, True),
        ({"since": day(2), "until": day(5)}, False),
        ({"since": day(2), "action": "deploy"}, False),
        ({"previous": Predecessor(root="a" * 64)}, False),
    ],
    ids=str,
)
def test_another_head_than_the_newest_is_refused_where_a_bundle_would_be_chained_to_it(
    continued: Continued,
    changes: dict[str, Any],
    refused: bool,  # noqa: FBT001 - a parameter
) -> None:
    given = {"previous": Predecessor(root="b" * 64), **changes}
    if refused:
        with pytest.raises(UsageError, match="another head"):
            continued(bundle("a", days(2, 5)), **given)
    else:
        assert continued(bundle("a", days(2, 5)), **given).bundles
