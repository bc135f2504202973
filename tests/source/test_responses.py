"""What is kept of a response, and what is left of a file that was cut."""

import gzip
import hashlib
import os
import stat
import subprocess
import sys
import tracemalloc
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from hashlib import shake_256
from pathlib import Path

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from warcio.archiveiterator import ArchiveIterator

from exporter.errors import AuditExportError, EchoError, SourceError, VerificationError
from exporter.sandbox.faults import Fault
from exporter.source import bodies, responses
from exporter.source import warc as reading
from exporter.source.bodies import Payload
from exporter.source.client import Client
from exporter.source.connection import Connection
from exporter.source.credentials import Key
from exporter.source.responses import ResponseFile
from exporter.source.warc import Recorded, read_response, read_responses
from tests.archive.test_formats import files_of_at_most
from tests.source.conftest import TELLTALE
from tests.source.servers import Answer, http, serving
from tests.world import NOW, World

KEY = Key(TELLTALE, origin="the test")
BODIES = [
    b"[]",
    b"",
    b'[{"id": "\xc3\xa4\r\n\r\n"}]\r\n',
    bytes(range(256)) * 20,
    b"WARC/1.1\r\n\r\n",
    b"\x1f\x8b",
]


def fetch(path: Path, *answers: Answer) -> None:
    """Keep one response for each answer of a server."""
    with (
        serving(*answers) as served,
        ResponseFile(path, key=KEY, at=NOW) as kept,
        Client(
            Connection(base_url=served.url, key=KEY, retry_for=0), now=lambda: NOW, responses=kept
        ) as client,
    ):
        for number in range(len(answers)):
            with suppress(SourceError):
                client.get("/audit", {"offset": str(number), "user": "ä b&c"}, bytes)


def response(number: int, body: bytes, *headers: tuple[str, str]) -> httpx.Response:
    request = httpx.Request("GET", f"https://api.example/audit?offset={number}")
    return httpx.Response(200, headers=list(headers), content=body, request=request)


@pytest.fixture(scope="module")
def warc(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("warc") / "responses.warc.gz"
    fetch(path, *(http(body) for body in BODIES))
    return path


def members(content: bytes) -> list[bytes]:
    """Split a file into its gzip members, each compressed as it stands."""
    found = []
    while content:
        member = zlib.decompressobj(zlib.MAX_WBITS | 16)
        member.decompress(content)
        assert member.eof
        found.append(content[: len(content) - len(member.unused_data)])
        content = member.unused_data
    return found


def test_what_was_read_back_is_what_was_received_byte_for_byte(warc: Path) -> None:
    recorded = list(read_responses(warc))
    assert [response.body for response in recorded] == BODIES
    assert {(response.status, response.coding) for response in recorded} == {(200, "")}
    assert recorded[3].url.endswith("/v1/cli/audit?offset=3&user=%C3%A4+b%26c")


def test_each_record_is_a_gzip_member_and_each_response_has_its_request(warc: Path) -> None:
    records = [gzip.decompress(member) for member in members(warc.read_bytes())]

    assert all(record.startswith(b"WARC/1.1\r\n") for record in records)
    assert b"WARC-Type: warcinfo\r\n" in records[0]
    assert len(records) == 1 + 2 * len(BODIES)
    for answer, asked, body in zip(records[1::2], records[2::2], BODIES, strict=True):
        assert b"WARC-Type: response\r\n" in answer
        assert answer.endswith(b"\r\n\r\n" + body + b"\r\n\r\n")
        assert f"WARC-Payload-Digest: sha256:{hashlib.sha256(body).hexdigest()}\r\n".encode() in answer
        assert b"WARC-Date: 2026-11-23T12:00:00Z\r\n" in answer
        assert b"WARC-Type: request\r\n" in asked
        assert b"\r\n\r\nGET /v1/cli/audit?offset=" in asked
        assert b"x-satusky-api-key: [redacted]\r\n" in asked
        (own,) = (line for line in answer.split(b"\r\n") if line.startswith(b"WARC-Record-ID: "))
        assert own.replace(b"Record-ID", b"Concurrent-To") in asked


def test_the_lines_of_request_and_status_are_as_they_were_sent(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    fetch(path, http(b"", status="503 Gone Fishing"))

    _, answer, asked = (gzip.decompress(member) for member in members(path.read_bytes()))

    assert b"\r\n\r\nHTTP/1.1 503 Gone Fishing\r\n" in answer
    assert b"\r\n\r\nGET /v1/cli/audit?offset=0&user=%C3%A4+b%26c HTTP/1.1\r\n" in asked


def test_another_reader_finds_nothing_wrong_with_the_file(warc: Path) -> None:
    check = [sys.executable, "-m", "warcio.cli", "check", "-v", str(warc)]
    checked = subprocess.run(check, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    assert checked.stdout.count("digest pass") == 1 + 2 * len(BODIES)
    with warc.open("rb") as file:
        answers = [
            record
            for record in ArchiveIterator(file, check_digests="raise")
            if record.content_stream().read()
        ]
    assert answers


def test_only_the_owner_can_read_the_file_and_a_link_is_not_followed(warc: Path, tmp_path: Path) -> None:
    assert stat.S_IMODE(warc.stat().st_mode) == 0o600
    (tmp_path / "link").symlink_to(warc)
    with pytest.raises(OSError, match="symbolic links"):
        ResponseFile(tmp_path / "link", key=KEY, at=NOW)


@pytest.mark.parametrize("left", [b"", b"\x1f\x8b", b"\0" * 500, b"half a record"])
def test_a_file_that_a_broken_off_run_left_is_cut_after_its_last_whole_record(
    warc: Path, left: bytes
) -> None:
    whole = warc.read_bytes()
    warc.write_bytes(whole + left)

    ResponseFile(warc, key=KEY, at=NOW).close()

    assert warc.read_bytes() == whole


def test_a_response_is_found_again_by_where_its_record_begins(warc: Path) -> None:
    responses = list(read_responses(warc))

    assert [read_response(warc, response.at) for response in responses] == responses
    with pytest.raises(VerificationError):
        read_response(warc, responses[0].at + 1)


def test_cookies_are_replaced_and_other_headers_stand_as_received(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    fetch(
        path,
        http(b"[]", "Set-Cookie: session=s3cr3t", "X-Request-Id: Req-1", "Content-Type: application/json"),
    )

    written = gzip.decompress(path.read_bytes())
    assert b"s3cr3t" not in written
    assert b"\r\nset-cookie: [redacted]\r\n" in written.lower()
    for line in (b"HTTP/1.1 200 OK", b"x-request-id: req-1", b"content-length: 2"):
        assert b"\r\n" + line.lower() + b"\r\n" in written.lower()
    assert TELLTALE.encode() not in written


def test_a_cookie_that_goes_back_to_the_platform_is_replaced_too(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    fetch(path, http(b"[]", "Set-Cookie: session=s3cr3t"), http(b"[]"))

    written = gzip.decompress(path.read_bytes())
    assert b"s3cr3t" not in written
    assert b"\r\ncookie: [redacted]\r\n" in written.lower()


def test_a_transfer_coding_is_removed(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    fetch(path, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n[\r\n1\r\n]\r\n0\r\n\r\n")

    assert [recorded.body for recorded in read_responses(path)] == [b"[]"]
    assert b"transfer-encoding" not in gzip.decompress(path.read_bytes()).lower()


def test_a_content_coding_is_kept_and_undone_for_those_who_read(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    packed = gzip.compress(b"[{}]")
    fetch(path, http(packed, "Content-Encoding: gzip"), http(b"[]", "Content-Encoding: gzip"))

    good, bad = read_responses(path)
    assert (good.body, good.content) == (packed, b"[{}]")
    assert bad.body == b"[]"
    with pytest.raises(SourceError, match="cannot be decompressed"):
        _ = bad.content
    check = [sys.executable, "-m", "warcio.cli", "check", str(path)]
    assert subprocess.run(check, check=False).returncode == 0


@pytest.mark.parametrize(
    ("headers", "coded"),
    [
        (["Content-Encoding: deflate", "Content-Encoding: gzip"], gzip.compress(zlib.compress(b"[{}]"))),
        (["Content-Encoding: identity", "Content-Encoding: gzip"], gzip.compress(b"[{}]")),
    ],
    ids=["two codings", "none and one"],
)
def test_codings_that_stand_on_lines_of_their_own_are_undone_as_they_were_for_the_run(
    tmp_path: Path, headers: list[str], coded: bytes
) -> None:
    path = tmp_path / "r.warc.gz"
    fetch(path, http(coded, *headers))

    assert [recorded.content for recorded in read_responses(path)] == [b"[{}]"]


def test_failures_are_kept_as_well(world: World, tmp_path: Path) -> None:
    world.behave(script=(Fault.UNAVAILABLE, Fault.RATE_LIMITED, Fault.HTML, Fault.REDIRECT, Fault.CUT_OFF))
    path = tmp_path / "r.warc.gz"
    with ResponseFile(path, key=world.key, at=NOW) as kept:
        for _ in range(6):
            with Client(world.connection(retry_for=0), now=lambda: NOW, responses=kept) as client:
                try:
                    client.get("/audit", {"limit": "1"}, _no_html)
                except SourceError:
                    continue
    assert [recorded.status for recorded in read_responses(path)] == [503, 429, 200, 307, 200]


def _no_html(body: bytes) -> bytes:
    if body.startswith(b"<"):
        raise SourceError("HTML.", "Try again.")
    return body


@pytest.mark.parametrize(
    ("body", "header"),
    [
        (b'[{"id": "%s"}]' % TELLTALE.encode(), "X: 1"),
        (gzip.compress(b'[{"id": "%s"}]' % TELLTALE.encode(), mtime=0), "Content-Encoding: gzip"),
        (TELLTALE.encode(), "Content-Encoding: gzip"),
        (b'[{"id": "%s"}]' % TELLTALE.replace("/", "\\/").encode(), "X: 1"),
        (b"[]", f"X-Debug: Key {TELLTALE}."),
        (b"[]", f"Set-Cookie: {TELLTALE}"),
    ],
)
def test_an_answer_that_echoes_the_key_is_not_written(tmp_path: Path, body: bytes, header: str) -> None:
    path = tmp_path / "r.warc.gz"
    with ResponseFile(path, key=KEY, at=NOW) as kept:
        kept.append(response(0, b"[]"), Payload.of(b"[]"), at=NOW)
        before = path.read_bytes()
        name, _, value = header.partition(": ")
        with pytest.raises(EchoError, match="contains the API key, so it was not stored") as refused:
            kept.append(response(1, b"", (name, value)), Payload.of(body), at=NOW)
        assert path.read_bytes() == before
    assert refused.value.exit_code == 6


def test_threads_may_append_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    bodies = [bytes([number]) * (10_000 * number) for number in range(40)]
    with ResponseFile(path, key=KEY, at=NOW) as kept, ThreadPoolExecutor(8) as pool:
        list(
            pool.map(
                lambda number: kept.append(response(number, b""), Payload.of(bodies[number]), at=NOW),
                range(40),
            )
        )

    recorded = {answer.url.rpartition("=")[2]: answer.body for answer in read_responses(path)}
    assert recorded == {str(number): body for number, body in enumerate(bodies)}
    kinds = [
        gzip.decompress(member).split(b"WARC-Type: ")[1].split(b"\r\n")[0]
        for member in members(path.read_bytes())
    ]
    assert kinds[1:] == [b"response", b"request"] * 40


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_file_cut_at_any_byte_is_read_up_to_its_last_whole_record(
    warc: Path, tmp_path: Path, data: st.DataObject
) -> None:
    content = warc.read_bytes()
    cut = data.draw(st.integers(0, len(content)))
    (tmp_path / "cut").write_bytes(content[:cut])

    whole, end = [], 0
    for record, member in enumerate(members(content)):
        end += len(member)
        if end <= cut and record % 2:
            whole.append(BODIES[record // 2])
    assert [recorded.body for recorded in read_responses(tmp_path / "cut")] == whole


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_in_the_middle_is_an_error_of_ours(warc: Path, tmp_path: Path, data: st.DataObject) -> None:
    content = bytearray(warc.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    (tmp_path / "damaged").write_bytes(content)

    read: list[Recorded] = []
    try:
        read.extend(read_responses(tmp_path / "damaged"))
    except AuditExportError as error:
        assert isinstance(error, VerificationError)  # noqa: PT017 - some bytes of a gzip header mean nothing
    assert {recorded.body for recorded in read} <= set(BODIES)


@pytest.mark.parametrize("place", range(4))
def test_no_member_with_another_beginning_is_taken_for_the_end_of_the_file(
    warc: Path, tmp_path: Path, place: int
) -> None:
    first, *rest = members(warc.read_bytes())
    for value in set(range(256)) - {first[place]}:
        altered = first[:place] + bytes([value]) + first[place + 1 :]
        (tmp_path / "altered").write_bytes(b"".join((altered, *rest)))
        with pytest.raises(VerificationError, match="is damaged in the record at byte 0"):
            list(read_responses(tmp_path / "altered"))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_record_that_is_nonsense_inside_is_an_error_of_ours(
    warc: Path, tmp_path: Path, data: st.DataObject
) -> None:
    parts = members(warc.read_bytes())
    number = data.draw(st.integers(0, len(parts) - 1))
    record = bytearray(gzip.decompress(parts[number]))
    start = data.draw(st.integers(0, min(len(record), 600)))
    record[start : start + data.draw(st.integers(0, 40))] = data.draw(st.binary(max_size=40))
    parts[number] = gzip.compress(record)
    (tmp_path / "nonsense").write_bytes(b"".join(parts))

    try:
        list(read_responses(tmp_path / "nonsense"))
    except AuditExportError as error:
        assert isinstance(error, VerificationError)  # noqa: PT017 - some nonsense is as good as what it replaces


@pytest.mark.parametrize(
    "content", [b"WARC/1.1\r\n", b"no warc", gzip.compress(b"no warc", mtime=0), b"\x1f\x8b" + bytes(20)]
)
def test_what_is_no_warc_file_is_said_to_be_damaged(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "r.warc.gz"
    path.write_bytes(content)
    with pytest.raises(VerificationError, match=r"r\.warc\.gz is damaged in the record at byte 0"):
        list(read_responses(path))


def test_nothing_is_printed_about_a_damaged_file(
    warc: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    parts = members(warc.read_bytes())
    parts[1] = gzip.compress(gzip.decompress(parts[1]) + b"more")
    (tmp_path / "longer").write_bytes(b"".join(parts))

    with pytest.raises(VerificationError, match="is not as long as it says"):
        list(read_responses(tmp_path / "longer"))
    assert capfd.readouterr() == ("", "")


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have bodies of kilobytes lie in files, and be compressed and read, as those of megabytes are."""
    monkeypatch.setattr(bodies, "SMALL", 1_000)
    monkeypatch.setattr(responses, "SMALL", 1_000)
    monkeypatch.setattr(reading, "SMALL", 1_000)
    monkeypatch.setattr(reading, "_CHUNK", 700)
    monkeypatch.setattr(reading, "_AT_ONCE", 300)


@pytest.mark.usefixtures("_small_pieces")
def test_a_response_of_any_size_is_a_member_of_its_own_and_comes_back(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    sent = [shake_256(b"").digest(size) for size in (0, 299, 300, 301, 999, 1_000, 1_001, 9_000, 5)]
    with ResponseFile(path, key=KEY, at=NOW) as kept:
        for number, body in enumerate(sent):
            payload = Payload(tmp_path)
            payload.write(body)
            kept.append(response(number, b""), payload, at=NOW)
            payload.close()
        assert kept.held == len(sent)
    content = path.read_bytes()

    parts = members(content)
    found = list(read_responses(path))

    assert [recorded.body for recorded in found] == sent
    assert len(parts) == 1 + 2 * len(sent)
    starts = [sum(map(len, parts[:number])) for number in range(len(parts))]
    kinds = [gzip.decompress(part).split(b"WARC-Type: ")[1].split(b"\r\n")[0] for part in parts]
    assert [recorded.at for recorded in found] == [
        at for at, kind in zip(starts, kinds, strict=True) if kind == b"response"
    ]
    assert [read_response(path, recorded.at).body for recorded in found] == sent
    for cut in (starts[-3], len(content) - 1):
        path.write_bytes(content[:cut])
        with ResponseFile(path, key=KEY, at=NOW + timedelta(hours=1)) as kept:
            assert (kept.left, kept.begun) == (max(start for start in starts if start <= cut), NOW)


def test_a_file_is_on_the_disk_when_it_is_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "r.warc.gz"
    brought: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda _: brought.append(path.stat().st_size))
    with ResponseFile(path, key=KEY, at=NOW) as kept:
        kept.append(response(0, b""), Payload.of(b"[]"), at=NOW)
        assert brought == []
    kept.close()

    assert brought == [path.stat().st_size]


def test_only_a_response_is_read_as_one(warc: Path) -> None:
    for at in (0, len(warc.read_bytes())):
        with pytest.raises(VerificationError, match=rf"at byte {at:,} .there is no response"):
            read_response(warc, at)


def test_what_the_disk_takes_a_part_of_is_an_error_and_is_cut_off_by_the_next_run(tmp_path: Path) -> None:
    path = tmp_path / "r.warc.gz"
    with ResponseFile(path, key=KEY, at=NOW) as kept:
        kept.append(response(0, b""), Payload.of(b"[]"), at=NOW)
        whole = path.stat().st_size
        with files_of_at_most(whole + 1_000), pytest.raises(OSError, match="File too large"):
            kept.append(response(1, b""), Payload.of(shake_256(b"").digest(5_000)), at=NOW)
        assert (path.stat().st_size, kept.held) == (whole + 1_000, 1)

    with ResponseFile(path, key=KEY, at=NOW) as kept:
        assert (kept.left, kept.held) == (whole, 1)
        kept.append(response(2, b""), Payload.of(b"[2]"), at=NOW)
    assert [recorded.body for recorded in read_responses(path)] == [b"[]", b"[2]"]


def record(*lines: bytes, length: bytes = b"19", url: bytes = b"https://x") -> bytes:
    """Write a response as a gzip member, with more lines in its own head than it needs."""
    needed = (b"WARC/1.1", b"WARC-Type: response", b"WARC-Target-URI: " + url, b"Content-Length: " + length)
    return gzip.compress(b"\r\n".join([*needed, *lines, b"", b"HTTP/1.1 200 OK", b"", b"", b"", b""]))


@pytest.mark.parametrize(
    "odd",
    [
        record(length=b"9" * 30),
        record(b"X: y", b" folded"),
        record(*[b"X:"] * 300_000),
        record(b"X: " + b"y" * (1 << 20)),
    ],
    ids=["of a body without end", "folded", "of many lines", "long"],
)
def test_a_head_such_as_is_never_written_is_damage(tmp_path: Path, odd: bytes) -> None:
    """To join folded lines can take hours, and of many lines more is made than memory holds."""
    path = tmp_path / "headed.warc.gz"
    path.write_bytes(record() + odd)

    with pytest.raises(VerificationError, match=rf"is damaged in the record at byte {len(record())}"):
        list(read_responses(path))


def test_a_body_that_is_not_of_the_digest_that_its_record_states_is_damage(warc: Path) -> None:
    first, second, *rest = members(warc.read_bytes())
    body = gzip.decompress(second)
    altered = body[:-5] + bytes([body[-5] ^ 1]) + body[-4:]
    warc.write_bytes(b"".join([first, gzip.compress(altered), *rest]))

    with pytest.raises(VerificationError, match=rf"at byte {len(first)} .a body has another digest than"):
        list(read_responses(warc))


def test_what_a_library_says_of_a_file_is_not_logged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """It would quote the file, which may hold what drives a terminal."""
    path = tmp_path / "odd.warc.gz"
    path.write_bytes(record(url=b"https://x \x1b[2J"))

    assert [recorded.status for recorded in read_responses(path)] == [200]
    assert caplog.records == []


def test_a_record_that_grows_out_of_all_proportion_is_refused_before_it_fills_memory(tmp_path: Path) -> None:
    """A hundred kilobytes that would become a hundred megabytes, as one member."""
    path = tmp_path / "bomb.warc.gz"
    path.write_bytes(gzip.compress(b"WARC/1.1\r\n" + bytes(100 << 20)))

    tracemalloc.start()
    try:
        with pytest.raises(VerificationError, match="grows to more than 200 times its size"):
            list(read_responses(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 90 << 20


def test_a_body_that_grows_out_of_all_proportion_is_refused() -> None:
    recorded = Recorded(
        url="https://api.example",
        status=200,
        payload=Payload.of(gzip.compress(bytes(100 << 20))),
        coding="gzip",
    )

    with pytest.raises(SourceError, match="grows to more than 200 times its size"):
        _ = recorded.content
