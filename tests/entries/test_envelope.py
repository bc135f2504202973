import json

import pytest

from exporter.entries.envelope import parse_entry, parse_list
from exporter.errors import SourceError

ONE, TWO = b'{"id": "log_1",  "n": 1.10}', b'{"id":"log_2"}'
LIST = b"[" + ONE + b" , " + TWO + b"]"


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": false, "message": "ok", "count": 2, "data": {"audit_logs": LIST, "total": 9}}',
        b'{"error": false, "message": "ok", "count": 2, "data": LIST}',
        b"LIST",
        b" \r\n\tLIST\n",
        b'{"audit_logs": LIST}',
        b'{"entries": LIST}',
        b'{"data": LIST}',
        b'{"data": {"entries": LIST}, "later": {"fields": ["do", "not", "matter"]}}',
        b'{"error": null, "message": null, "data": null, "audit_logs": LIST}',
        b'{"error": false, "message": {"text": "ok"}, "data": LIST}',
        b'{"total": "a sentence", "data": {"entries": LIST, "error": "none"}}',
        b'{"message": 1e400, "total": 1e400, "data": {"entries": LIST, "error": 1e400}}',
        b'{"audit_logs": null, "entries": LIST, "data": null}',
        b'{"audit_logs": [], "data": {"audit_logs": LIST}}',
        b'{"entries": {"later": [1]}, "data": {"audit_logs": LIST, "entries": [ ], "data": null}}',
        b"\xef\xbb\xbfLIST",
        b'\xef\xbb\xbf{"data": LIST}',
    ],
)
def test_every_known_shape_yields_its_entries_as_the_bytes_that_were_received(body: bytes) -> None:
    parsed = parse_list(body.replace(b"LIST", LIST))

    assert [bytes(entry) for entry in parsed.entries] == [ONE, TWO]


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": false, "data": {"audit_logs": [], "total": 7, "limit": 100, "offset": 40}}',
        b'{"error": false, "data": [], "total": 7, "limit": 100, "offset": 40}',
        b'{"entries": [], "total": 7, "limit": 100, "offset": 40}',
    ],
)
def test_what_the_platform_says_of_the_list_is_kept(body: bytes) -> None:
    parsed = parse_list(body)

    assert (parsed.total, parsed.limit) == (7, 100)


def test_what_the_platform_does_not_say_stays_unknown() -> None:
    for body in (b"[]", b'{"data": []}', b'{"data": {"entries": [], "total": null}}'):
        parsed = parse_list(body)

        assert (parsed.total, parsed.limit) == (None, None)


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b'{"data": []}',
        b'{"data": null}',
        b'{"audit_logs": null}',
        b'{"error": false, "data": {"audit_logs": null, "total": 0}}',
    ],
)
def test_an_empty_list_holds_no_entries_even_where_it_is_written_as_null(body: bytes) -> None:
    assert parse_list(body).entries == []


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": true, "message": "Failed to fetch audit logs"}',
        b'{"error": true, "message": "Failed to fetch audit logs", "data": {"audit_logs": []}}',
    ],
)
def test_an_error_in_a_good_answer_is_a_failure_with_the_platforms_words(body: bytes) -> None:
    for parse in (parse_list, parse_entry):
        with pytest.raises(SourceError, match="reports a failure: Failed to fetch audit logs"):
            parse(body)


@pytest.mark.parametrize("error", ["true", '"no such organization"', "1", "0", "{}"])
@pytest.mark.parametrize("data", ['{"audit_logs": []}', "[]", '{"id": "log_1"}'])
def test_whatever_is_neither_false_nor_null_is_an_error(error: str, data: str) -> None:
    body = f'{{"error": {error}, "data": {data}}}'.encode()
    for parse in (parse_list, parse_entry):
        with pytest.raises(SourceError, match="reports a failure"):
            parse(body)


def test_an_error_that_is_a_text_is_told_where_there_is_no_message() -> None:
    with pytest.raises(SourceError, match="reports a failure: no such organization"):
        parse_list(b'{"error": "no such organization", "data": []}')


def test_an_error_without_a_message_is_a_failure_all_the_same() -> None:
    with pytest.raises(SourceError, match="no message given"):
        parse_list(b'{"error": true, "data": []}')


@pytest.mark.parametrize(
    "body",
    [
        b"<html><form><input name='password'></form></html>",
        b"upstream unavailable\n",
        b"",
        b"null",
        b"3",
        b'"text"',
        b"{}",
        b'{"error": false, "message": "nothing there"}',
        b'{"data": {}}',
        b'{"data": "later"}',
        b'{"data": {"total": 3}}',
        b'{"audit_logs": {"id": "log_1"}}',
        b'{"data": [], "total": "many"}',
        b'{"data": [], "limit": true}',
        b'{"data": {"audit_logs": [], "offset": 1.0}}',
        b'{"audit_logs": [], "data": {"id": "log_1"}}',
        b'{"audit_logs": [], "data": "later"}',
        b'{"entries": [], "data": [{"id": "log_1"}]}',
        b'{"audit_logs": [{"id": "log_1"}], "entries": [{"id": "log_2"}]}',
        b'{"entries": [{"id": "log_1"}], "data": {"audit_logs": [{"id": "log_2"}]}}',
        b'{"audit_logs": [{"id": "log_1"}], "data": {"entries": []}}',
        b'{"data": {"audit_logs": [], "data": [{"id": "log_1"}]}}',
        b'[{"id": "log_1"}] trailing',
        b'[{"id": 01}]',
        b'[{"id": "raw \n line break"}]',
        pytest.param(b"[" * 100_000 + b"]" * 99_999, id="deep"),
        pytest.param(b'{"debug": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="deep inside"),
    ],
)
def test_what_is_no_list_of_entries_is_refused_and_never_taken_for_an_empty_one(body: bytes) -> None:
    with pytest.raises(SourceError, match="not a list of audit entries") as refused:
        parse_list(body)
    assert "--api-url" in refused.value.remedy


def test_a_body_that_was_cut_off_anywhere_is_refused() -> None:
    whole = json.dumps({"error": False, "data": {"audit_logs": [{"id": "é"}, {"id": "2"}], "total": 2}})
    body = whole.encode()

    for length in range(len(body)):
        with pytest.raises(SourceError):
            parse_list(body[:length])


@pytest.mark.parametrize("body", [ONE, b'{"error": false, "message": "ok", "data": ' + ONE + b"}"])
def test_a_single_entry_comes_bare_or_in_the_envelope(body: bytes) -> None:
    assert bytes(parse_entry(body)) == ONE


@pytest.mark.parametrize(
    "body", [b"<html>", b"", b"[]", b'{"id": ', b'{"id": "\xff"}', pytest.param(b"[" * 100_000, id="deep")]
)
def test_what_is_no_entry_is_refused(body: bytes) -> None:
    with pytest.raises(SourceError, match="not an audit entry"):
        parse_entry(body)


@pytest.mark.parametrize(
    "body",
    [
        b'{"error": false, "message": "\\udc00", "data": {"audit_logs": %b, "total": 9}}',
        b"%b",
        b'{"entries": %b}',
    ],
)
def test_half_a_character_in_an_escape_costs_nothing_but_is_handed_on_as_received(body: bytes) -> None:
    odd = b'{"id": "\\ud800", "note": "\\\\ud800 \\ud83d\\ude00 \\uDBFF\\u0041"}'
    listed = b"[" + b" , ".join([ONE, odd, ONE, odd, TWO]) + b"]"

    assert [bytes(entry) for entry in parse_list(body % listed).entries] == [ONE, odd, ONE, odd, TWO]


@pytest.mark.parametrize("body", [b'{"entries": %b, "entries": %b}', b'{"debug": {"of": %b}, "entries": %b}'])
def test_entries_with_halves_of_characters_are_those_of_the_list_whatever_reads_alike(body: bytes) -> None:
    beside, odd = b'{"id": "\\ud800"}', b'{"id": "\\udfff"}'

    assert [bytes(entry) for entry in parse_list(body % (b"[%b]" % beside, b"[%b]" % odd)).entries] == [odd]


def test_a_single_entry_with_half_a_character_is_handed_on_as_received() -> None:
    odd = b'{"id": "\\ud800"}'

    for body in (odd, b'{"error": false, "data": ' + odd + b"}"):
        assert bytes(parse_entry(body)) == odd
