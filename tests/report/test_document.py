import html.parser
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from exporter.errors import OutputError
from exporter.facts import Result
from exporter.report import assets, document, runs
from exporter.report.composing import compose
from exporter.report.figures import Figures
from exporter.report.sampling import Draw
from exporter.report.sections import completeness, followup

FORBIDDEN = (
    r"complian\w*",
    r"certif(y|ied|ies|ication)",
    r"pass(es|ed|ing)?",
    r"fail(s|ed|ing)?",
    r"effective(ly)?",
    r"tamper\w*",
    r"immutab\w*",
    r"audit-ready",
    r"verified by",
    r"violat\w*",
    r"unauthori[sz]ed",
    r"breach\w*",
    r"no exceptions",
    r"representative",
    r"sufficient",
    r"operated effectively",
    r"all activity",
    r"independent\w*",
)
INNOCENT = ("the walk passed the start", "a second pass", "failed sign-ins", "by the log itself")

Entry = dict[str, Any]
Make = Callable[..., Path]


class Reader(html.parser.HTMLParser):
    """What a reader sees: the words, and the tables as rows of (tag, scope, words)."""

    def __init__(self, document: str) -> None:
        super().__init__()
        self.words = ""
        self.tables: dict[str, list[list[tuple[str, str | None, str]]]] = {}
        self._caption: str | None = None
        self._rows: list[list[tuple[str, str | None, str]]] = []
        self._cell: tuple[str, str | None] | None = None
        self._text = ""
        self.headings: list[int] = []
        self.feed(document)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in {"caption", "td", "th"}:
            self._text, self._cell = "", (tag, dict(attrs).get("scope"))
        elif tag == "tr":
            self._rows.append([])
        elif tag == "table":
            self._rows = []
        elif re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))

    def handle_endtag(self, tag: str) -> None:
        text = " ".join(self._text.split())
        if tag == "caption":
            self._caption = text
        elif tag in {"td", "th"} and self._cell:
            self._rows[-1].append((*self._cell, text))
        elif tag == "table":
            assert self._caption, "a table without a caption"
            self.tables[self._caption] = self._rows
            self._caption = None

    def handle_data(self, data: str) -> None:
        data = data.replace("\u200b", "")
        self.words += data
        self._text += data

    def table(self, start: str) -> list[list[str]]:
        """The body of the one table whose caption begins so."""
        (rows,) = (rows for caption, rows in self.tables.items() if caption.startswith(start))
        return [[text for _, _, text in row] for row in rows[1:]]


def forbidden(words: str) -> list[str]:
    words = words.lower()
    for phrase in INNOCENT:
        words = words.replace(phrase, "")
    return [match[0] for word in FORBIDDEN for match in re.finditer(rf"\b{word}\b", words)]


@pytest.fixture(scope="module")
def reader(html: str) -> Reader:
    return Reader(html)


@pytest.fixture(scope="module")
def other(make: Make, entries: list[Entry]) -> Reader:
    """The report of a run that was asked for otherwise: signed, in another zone, without rows."""
    window = {
        "since": "2026-06-30T22:00:00Z",
        "until": "2026-09-30T22:00:00Z",
        "asked": {"period": "last-quarter"},
    }
    options = {"report_rows": 0, "frameworks": ["soc2"]}
    seal = {"signing_key": "SHA256:AbCdEf", "timestamp_authority": "https://tsa.example"}
    data = make(entries[:60], window=window, timezone="Europe/Berlin", options=options, seal=seal)
    return Reader(compose(data))


@pytest.fixture(scope="module")
def empty(make: Make) -> Reader:
    """The report of an empty window, of an organization without a name."""
    return Reader(compose(make([], source={"organization_name": None, "organization_id": "3f9a1c2e"})))


def test_every_section_is_there_numbered_in_order(reader: Reader) -> None:
    for number, title in enumerate(document.SECTIONS.values(), 1):
        assert f"{number} {title}" in reader.words


def test_the_cover_says_what_it_is(reader: Reader) -> None:
    assert "Prepared by management; unaudited" in reader.words
    assert "1 July to 30 September 2026" in reader.words


def test_no_word_claims_more_than_the_report_shows(reader: Reader) -> None:
    assert forbidden(reader.words) == []
    assert not re.search(r"\d\s*%|percent", reader.words)


@pytest.mark.parametrize(
    "changed",
    [
        {"verdict": {"value": "UNPROVEN", "reasons": ["The end of the log is confirmed: by nothing."]}},
        {
            "verdict": {"value": "PARTIAL", "reasons": ["Entries are missing."]},
            "filters": {"action": "deploy"},
        },
        {"seal": {"signing_key": "SHA256:x", "timestamp_authority": "https://tsa.example"}},
    ],
    ids=["unproven", "partial extract", "signed"],
)
def test_no_word_claims_more_whatever_came_of_the_run(
    make: Make, entries: list[Entry], changed: dict[str, object]
) -> None:
    words = Reader(compose(make(entries[:60], **changed), Draw(seed="TEST", size=2))).words
    assert forbidden(words) == []
    assert ("there may be some in the log" in words) == ("verdict" in changed)


def test_complete_is_said_only_as_reported_by_the_source(reader: Reader) -> None:
    sentences = re.split(r"[.;]\s", " ".join(reader.words.split()))
    claims = [each for each in sentences if re.search(r"\b(is|are) (COMPLETE|complete|whole)\b", each)]
    assert claims
    assert all("as reported by the source" in each for each in claims), claims


def test_the_words_of_the_log_are_quoted_whatever_they_are(make: Make, entries: list[Entry]) -> None:
    quoted = entries[0] | {"action": "user.add", "resource_name": "certified-compliant"}
    reader = Reader(compose(make([quoted])))
    assert "certified-compliant" in {
        word for row in reader.table("Joiners: 1 of 1") for word in row[-4].split()
    }


def test_what_an_extract_cannot_show_is_not_performed_and_never_0(make: Make, entries: list[Entry]) -> None:
    counts = {"entries_received": 60 + 6578 + 3}
    reader = Reader(compose(make(entries[:60], filters={"action": "deploy"}, counts=counts)))
    assert {row[3] for row in reader.table("Rules, thresholds and items")} == {"not performed"}
    assert "6,448 lie outside the period or do not match the filters; of the others 130" in reader.words
    assert "3 did so in other bytes, and 60 are in the archive" in reader.words
    assert "there may be some in the log" in reader.words
    assert "an extract holds only what its filters chose" in " ".join(reader.words.split())
    assert "60, of action deploy" in reader.words


def test_an_extract_has_no_figure_that_takes_all_entries(make: Make, entries: list[Entry]) -> None:
    tokens = [entry for entry in entries if entry["action"] == "token.create"]
    figures = ("How long tokens", "How secrets were", "Deployments whose", "How soon rollbacks")

    for filters in ({"action": "token.create"}, {"user": "dana.ito@acme.example"}):
        reader = Reader(compose(make(tokens if "action" in filters else entries, filters=filters)))
        words = " ".join(reader.words.split())
        assert "How long tokens lived, as far as the period shows" in words
        assert "not performed, since an extract holds only what its filters chose" in words
        assert not [caption for caption in reader.tables if caption.startswith(figures)]


def test_an_extract_does_not_call_a_day_quiet_that_its_filters_left_empty(
    make: Make, entries: list[Entry]
) -> None:
    for some in ([entry for entry in entries if entry["action"] == "domain.add"], []):
        words = Reader(compose(make(some, filters={"action": "domain.add"}))).words
        assert "a gap" not in words
        assert re.search("the log may hold others|There may be others in the log", words)


def test_a_period_too_short_for_a_rule_says_so(reader: Reader) -> None:
    rules = {row[1]: row for row in reader.table("Rules, thresholds and items")}
    assert rules["Outside working hours"][3] == "not performed"
    assert "no calendar was declared" in rules["Outside working hours"][2]
    assert rules["Old tokens"][3].isdigit()


def test_a_short_period_has_no_old_tokens_to_count(make: Make, entries: list[Entry]) -> None:
    window = {"since": "2026-07-01T00:00:00Z", "until": "2026-08-01T00:00:00Z"}
    reader = Reader(compose(make(entries[:60], window=window)))
    rules = {row[1]: row for row in reader.table("Rules, thresholds and items")}
    assert rules["Old tokens"][3] == "not performed"
    assert "the period is of 31 days, no longer than token_days = 90" in rules["Old tokens"][2]


def test_a_month_has_all_its_days_where_an_hour_of_it_was_skipped(make: Make) -> None:
    window = {"since": "2026-02-28T23:00:00Z", "until": "2026-03-31T22:00:00Z"}
    reader = Reader(compose(make([], window=window, timezone="Europe/Berlin")))
    rules = {row[1]: row for row in reader.table("Rules, thresholds and items")}
    assert "the period is of 31 days, no longer than token_days = 90" in rules["Old tokens"][2]


def test_a_table_says_its_order_where_it_has_room_for_all_rows_too(make: Make, entries: list[Entry]) -> None:
    few = [entry for entry in entries if entry["action"] == "deploy"][:9]
    captions = Reader(compose(make(few))).tables
    (caption,) = (each for each in captions if each.startswith("Changes (deployments): 9 of 9,"))
    assert "first those whose metadata names no commit" in caption


def test_an_item_is_said_to_count_where_any_action_of_its_rule_does(reader: Reader) -> None:
    rules = next(
        rules for *_, control, _, _, rules in reader.table("Items to follow up, by") if control == "CC6.2"
    )
    assert "Privileged grants" in rules
    assert "the actions of its rule can be evidence for, whichever of them it is about" in reader.words


def test_nothing_is_said_to_be_kept_outside_the_window_where_nothing_lies_there(make: Make) -> None:
    words = Reader(compose(make([], counts={"outside_window": 0}))).words
    assert "None of the entries received lies outside the window." in words
    assert "They are kept as received" not in words


def test_the_command_that_draws_a_sample_names_a_population_with_entries(
    make: Make, entries: list[Entry]
) -> None:
    removed = [entry for entry in entries if entry["action"] == "user.remove"]
    assert "--population leavers --size n" in Reader(compose(make(removed))).words
    assert "--population joiners --size n" in Reader(compose(make([]))).words


def test_a_number_that_there_is_none_of_stands_where_numbers_do(make: Make, entries: list[Entry]) -> None:
    html = compose(make([entry for entry in entries if entry["action"] == "deploy.rollback"]))
    assert '<th scope="col" class="number">Minutes between these, median</th>' in html
    assert html.count('<td class="number">\N{EN DASH}</td><td class="number">\N{EN DASH}</td></tr>') == 1


def test_a_table_of_half_the_hours_says_that_its_totals_are_of_all(make: Make, entries: list[Entry]) -> None:
    many = [entries[0] | {"id": str(number)} for number in range(1_000)]
    reader = Reader(compose(make(many, options={"report_rows": 0})))
    halves = [
        rows for caption, rows in reader.tables.items() if caption.startswith("The same entries by weekday")
    ]
    assert [heads[-1][2] for heads, *_ in halves] == ["All day", "All day"]
    assert [sum(day[-1][2] == "1,000" for day in days) for _, *days in halves] == [1, 1]


def test_one_day_and_one_row_are_said_in_the_singular(make: Make, entries: list[Entry]) -> None:
    window = {"since": "2026-07-01T00:00:00Z", "until": "2026-07-02T00:00:00Z"}
    counts = {"outside_window": 1}
    data = make(entries[:1], window=window, counts=counts, options={"report_rows": 1})
    reader = Reader(compose(data, Draw(seed="TEST", size=1)))
    words = " ".join(reader.words.split())
    assert "The one day has at least one." in words
    assert "and 1 is in the archive" in words
    assert "print at most 1 row in all" in words
    assert ", 1 entry from each population or all there are" in words
    assert "1 of the entries received, repeats included, lies outside the window" in words
    rules = {row[1]: row for row in reader.table("Rules, thresholds and items")}
    assert "the period is of 1 day, no longer than idle_days = 90" in rules["Idle actors"][2]


def test_a_period_that_is_longer_by_an_hour_is_long_enough(make: Make, tmp_path: Path) -> None:
    data = make([], window={"since": "2026-07-01T00:00:00Z", "until": "2026-09-29T01:00:00Z"})
    with Figures(data / "audit.parquet", data / "queries", tmp_path) as figures:
        rules = followup.gather(runs.read(data / "run.json").run, figures)
    assert [rule.not_performed for rule in rules if rule.analytic.longer_than] == ["", "", "", ""]


def test_no_template_or_catalogue_uses_a_forbidden_word() -> None:
    files = [path for pattern in ("**/*.j2", "**/*.toml", "**/*.sql") for path in assets.root().glob(pattern)]
    for path in files:
        assert forbidden(path.read_text("utf-8")) == [], path


def test_append_only_is_attributed_to_the_platform(reader: Reader) -> None:
    (sentence,) = re.findall(r"[^.]*append-only[^.]*\.", reader.words)
    assert sentence.strip().startswith("The platform states")


def test_counts_in_the_report_are_those_of_the_archive(reader: Reader, entries: list[Entry]) -> None:
    by_action = Counter(entry["action"] for entry in entries)
    shown = {
        row[0]: [int(cell.replace(",", "")) for cell in row[1:5]] for row in reader.table("Entries by action")
    }
    assert {action: entries for action, (entries, *_) in shown.items()} == by_action
    assert all(entries == sum(kinds) for entries, *kinds in shown.values())
    kinds = {row[0]: (int(row[1]), int(row[2])) for row in reader.table("Entries by kind of actor")}
    assert kinds == {
        kind: (
            sum(entry["actor_type"] == kind for entry in entries),
            len({entry["actor_email"] for entry in entries if entry["actor_type"] == kind}),
        )
        for kind in {entry["actor_type"] for entry in entries}
    }
    months = {row[0]: int(row[1]) for row in reader.table("Entries by calendar month")}
    assert months == Counter(f"{entry['timestamp']:%Y-%m}" for entry in entries)


def test_the_matrix_adds_up_by_weekday_and_hour(reader: Reader, entries: list[Entry]) -> None:
    expected = Counter((f"{entry['timestamp']:%A}", entry["timestamp"].hour) for entry in entries)
    for name, *hours, total in reader.table("The same entries by weekday and hour"):
        assert [int(hour) for hour in hours] == [expected[name, hour] for hour in range(24)]
        assert int(total) == sum(map(int, hours))


def test_every_population_has_the_size_of_its_actions(reader: Reader, entries: list[Entry]) -> None:
    by_action = Counter(entry["action"] for entry in entries)
    for _, _, actions, size, printed, _ in reader.table("Populations of the period"):
        if actions == "all":
            assert int(size) == len(entries)
        elif actions != "all others":
            expected = sum(by_action.pop(action) for action in actions.split(", "))
            assert int(size) == expected
        assert int(printed) <= int(size)
    assert dict(by_action) == {"token.disable": by_action["token.disable"]}


def test_days_without_an_entry_are_named(reader: Reader) -> None:
    assert "Days without an entry: 2 of 92; 2026-07-19, 2026-08-15. A day" in reader.words
    assert "begins or ends within" not in reader.words


def test_missing_values_are_counted_column_by_column(reader: Reader, entries: list[Entry]) -> None:
    rows = reader.table("Entries with and without a value")
    flat = [row[at : at + 3] for row in rows for at in (0, 3) if row[at]]
    for name, present, absent in flat:
        missing = sum(entry[name] is None for entry in entries)
        assert (int(present), int(absent)) == (len(entries) - missing, missing)


def test_the_budget_caps_the_tables_and_the_report_says_so(make: Make, entries: list[Entry]) -> None:
    reader = Reader(compose(make(entries, options={"report_rows": 40})))
    printed = [int(row[4]) for row in reader.table("Populations of the period")]
    printed += [int(row[4]) for row in reader.table("Rules, thresholds and items") if row[4].isdigit()]
    assert sum(printed) == 40
    deploys = sum(entry["action"] == "deploy" for entry in entries)
    (caption,) = (caption for caption in reader.tables if caption.startswith("Changes (deployments): "))
    assert f" of {deploys}, first those whose metadata names no commit" in caption
    assert caption.endswith("all in data/audit.parquet, query 11")


def test_a_budget_of_no_rows_prints_none_and_points_to_the_archive(other: Reader) -> None:
    assert "the row budget of this report is used up" in other.words
    assert "Auditor's result" not in other.words
    assert "6.1-1" not in other.words


def test_that_the_log_is_printed_nowhere_is_said_beside_its_tests(html: str) -> None:
    (aim,) = re.findall(r'<section id="log">.*?<div class="aim">(.*?)</div>', html, re.DOTALL)
    assert "No entry is printed here: the populations above are its parts." in aim


def test_a_heading_stands_where_its_figures_do(html: str) -> None:
    assert '<th scope="col" class="number">Rollbacks</th>' in html
    assert '<th scope="col">Kind of actor</th><th scope="col" class="number">Deployments</th>' in html


def test_items_about_the_log_are_named_once_with_its_controls(reader: Reader) -> None:
    (sentence,) = re.findall(r"Items about the log as a whole.*?A\.5\.28\.", " ".join(reader.words.split()))
    assert "Silent stretches (" in sentence
    assert "SOC 2 CC7.2, CC7.1, CC7.3, CC2.1; ISO/IEC 27001 A.8.15, " in sentence
    listed = {row[1]: row[4] for row in reader.table("Items to follow up, by the control")}
    assert "Privileged grants" in listed["CC6.3"]
    assert not any("Silent stretches" in rules for rules in listed.values())


def test_populations_without_entries_are_explained_only_where_there_are_any(
    reader: Reader, empty: Reader
) -> None:
    assert "A population with N = 0" in empty.words
    assert "A population with N = 0" not in reader.words


def test_an_empty_window_is_reported_as_such(empty: Reader) -> None:
    assert "The window holds no entry" in empty.words
    assert {row[3] for row in empty.table("Populations of the period")} == {"0"}


def test_the_summary_of_an_empty_window_counts_the_items_to_follow_up(empty: Reader) -> None:
    listed = {row[1]: row[3] for row in empty.table("Rules, thresholds and items")}
    assert listed["Silent stretches"] == "1"
    assert "Items about the log as a whole, not about an action: Silent stretches (1)" in empty.words


def test_times_are_said_to_be_taken_as_utc_only_where_one_had_no_zone(make: Make, empty: Reader) -> None:
    seen = [{"id": "timestamp-without-zone", "what": "Timestamps without a zone, taken as UTC", "count": 2}]
    words = Reader(compose(make([], observations=seen))).words
    assert "Times without a zone: 2 of the entries received; each was taken as UTC." in words
    assert "Times without a zone: 0 of the entries received." in empty.words


@pytest.mark.parametrize("some", [0, 60], ids=["none", "some"])
@pytest.mark.parametrize("verdict", ["UNPROVEN", "PARTIAL"])
def test_what_was_not_read_is_not_called_quiet_or_a_gap_of_the_log(
    make: Make, entries: list[Entry], verdict: str, some: int
) -> None:
    reasons = ["The platform's count of the log never falls: 24,969."]
    read = compose(make(entries[:some], verdict={"value": verdict, "reasons": reasons}))
    words = " ".join(Reader(read).words.split())
    assert "a gap, or one whose entries were not read; the archive alone cannot tell which" in words
    assert "or a gap; the log alone" not in words
    assert "The window holds no entry" not in words
    assert words.count("The archive holds no entry of the window") == (0 if some else 2)
    assert f"Not as expected: {reasons[0]}" in words


@pytest.mark.parametrize("result", [each for each in Result if each is not Result.AS_EXPECTED])
def test_no_other_result_of_a_check_looks_like_the_expected_one(result: Result) -> None:
    style = (assets.root() / "report.css").read_text("utf-8")
    assert re.search(rf"[.]chip-{result.replace(' ', '-')}\b[^}}]*{{", style)


def test_of_an_archive_without_rows_no_organization_is_expected(empty: Reader) -> None:
    table = {row[0]: row[1:] for row in empty.table("The archive itself")}
    assert table["Organizations named by the rows"] == ["0, as there are no rows", "0"]
    assert "The id that they give it" not in table


def test_an_organization_without_a_name_is_not_named_twice(empty: Reader) -> None:
    assert "3f9a1c2e3f9a1c2e" not in empty.words
    assert "one organization, 3f9a1c2e, and" in empty.words


def test_only_the_formats_that_were_written_are_spoken_of(make: Make, entries: list[Entry]) -> None:
    alone, both = ["parquet"], ["parquet", "jsonl"]
    one, two = (
        Reader(compose(make(entries[:60], options={"formats": formats}))).words for formats in (alone, both)
    )

    assert "written as a table in Parquet." in one
    assert "written as the same table in Parquet and JSONL." in two
    assert "In CSV, cells" not in one + two


def test_a_rule_whose_query_the_bundle_lacks_is_not_said_to_lack_a_calendar(
    make: Make, entries: list[Entry]
) -> None:
    data = make(entries[:60])
    (data / "queries" / "28_old_tokens.sql").unlink()

    rules = {row[1]: row for row in Reader(compose(data)).table("Rules, thresholds and items")}

    assert rules["Old tokens"][2] == "the bundle does not hold its query"
    assert rules["Outside working hours"][2] == "no calendar was declared"


def test_one_framework_alone_can_be_asked_for(other: Reader) -> None:
    assert "CC8.1" in other.words
    assert "A.8.32" not in other.words


def test_an_archive_that_is_not_the_recorded_one_is_refused(make: Make, entries: list[Entry]) -> None:
    data = make(entries[:60], counts={"formats": {"parquet": 61}})
    with pytest.raises(OutputError, match=r"holds 60 entries, data/run\.json says 61"):
        compose(data)


def test_a_period_of_years_is_drawn_by_week(make: Make, entries: list[Entry]) -> None:
    window = {"since": "2025-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z"}
    reader = Reader(compose(make(entries[:60], window=window)))
    assert "Entries by week and hour, in UTC. A week is named by its Monday." in reader.words
    assert "1 January 2025 to 31 December 2026" in reader.words
    assert "2025-01-01 to 2026-06-30, " in reader.words
    assert [row[:2] for row in reader.table("Entries by calendar month")][:18] == [
        [f"{2025 + n // 12}-{n % 12 + 1:02}", "0"] for n in range(18)
    ]


def test_months_that_are_too_many_for_a_chart_are_a_table_of_those_with_entries(
    make: Make, entries: list[Entry]
) -> None:
    window = {"since": "2020-01-01T00:00:00Z", "until": "2026-10-01T00:00:00Z"}
    page = compose(make(entries[:60], window=window))
    assert "Bar chart of the entries by month" not in page
    assert "Months without an entry have no row." in page
    assert 'class="pair"' not in page


def test_the_period_is_said_in_the_zone_it_was_asked_in(other: Reader) -> None:
    assert "1 July to 30 September 2026" in other.words
    assert "from 2026-06-30T22:00:00Z to before 2026-09-30T22:00:00Z" in other.words
    assert "the period begins or ends within one" in other.words


def test_a_period_is_said_as_it_was_asked_for(other: Reader) -> None:
    assert "last-quarter; dates read in Europe/Berlin" in other.words


def test_no_file_is_named_of_a_query_that_the_bundle_lacks(reader: Reader) -> None:
    named = {row[1]: row[5] for row in reader.table("Rules, thresholds and items")}
    assert named["Outside working hours"] == "\N{EN DASH}"
    assert named["Idle actors"] == "37_idle_actors.sql"


def test_an_unsigned_bundle_is_called_unsigned(reader: Reader) -> None:
    assert "This command checks every file." in reader.words
    assert "The bundle is unsigned." in reader.words
    assert "ssh-keygen" not in reader.words


def test_a_bundle_to_be_signed_names_the_key_and_how_to_check_it(other: Reader) -> None:
    assert "ssh-keygen -Y verify -f ../allowed_signers" in other.words
    assert "openssl ts -verify" in other.words
    assert "-CAfile ../tsa-root.pem" in other.words
    assert "beside the bundle, not into it" in other.words
    assert "unsigned" not in other.words


def test_commands_are_no_wider_than_the_page(other: Reader) -> None:
    lines = re.findall(
        r"^ *(?:sha256sum|ssh-keygen|openssl|printf|SELECT|ORDER|-).*$", other.words, re.MULTILINE
    )
    assert len(lines) >= 8
    assert max(map(len, lines)) <= 100


def test_tables_can_be_read_aloud(reader: Reader) -> None:
    for caption, rows in reader.tables.items():
        assert len({len(row) for row in rows}) == 1, caption
        assert all(scope for row in rows for tag, scope, _ in row if tag == "th"), caption


def test_headings_leave_no_gap(reader: Reader) -> None:
    assert reader.headings[0] == 1
    assert all(
        after <= before + 1 for before, after in zip(reader.headings, reader.headings[1:], strict=False)
    )


def test_every_chart_has_a_text_in_its_place(html: str) -> None:
    charts = re.findall(r"<svg [^>]*>(<title>[^<]+</title>)?", html)
    assert len(charts) == 3
    assert all(charts)


@pytest.mark.parametrize("days", [0, 1, 15, 16, 92, 365, 370, 371, 1_500])
def test_the_heat_map_names_as_many_dates_as_fit(days: int) -> None:
    window = [date(2026, 7, 1) + timedelta(days=n) for n in range(days)]
    datasets = completeness.Calendar(window=window, hours=[], empty=[], weekdays=[]).chart.datasets
    columns = [row["day"] for row in datasets["days"]]
    named = [columns.index(row["day"]) for row in datasets["labels"]]
    assert min(days, 7) <= len(named) <= 15
    assert named == [*range(0, len(columns), named[1] if len(named) > 1 else 1)]


def test_the_legend_of_the_heat_map_names_each_number_once(other: Reader) -> None:
    assert re.findall(r"\d\d-\d\d(\d+)Entries", other.words) == ["123"]


def test_a_chart_holds_nothing_that_is_not_seen(html: str) -> None:
    assert 'opacity="0"' not in html


def test_times_are_cut_to_the_second() -> None:
    moment = datetime(2026, 7, 1, 0, 3, 11, 250_000, tzinfo=UTC)
    assert document._moment(moment) == "2026-07-01 00:03:11"  # noqa: SLF001 - the one place that writes times
    assert document._moment(moment.replace(microsecond=0)) == "2026-07-01 00:03:11"  # noqa: SLF001 - likewise
