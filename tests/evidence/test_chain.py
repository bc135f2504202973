import hashlib
import json
from pathlib import Path

import pytest

from exporter.errors import OutputError, UsageError
from exporter.evidence.bag import TAG_FILES, manifest_text
from exporter.evidence.chain import Link, Predecessor, next_link, parse_predecessor, refuse_other
from exporter.evidence.coverage import sealed_bundles
from exporter.export import Published

STATEMENT = (
    '{"predicate": {"chain": "acme/5e", "sequence": %d, "previous": null, "verdict": "COMPLETE",'
    ' "window": {"since": "2026-01-01T00:00:00Z", "until": "2026-02-01T00:00:00Z"}}}'
)

NAME = "{:06}_20260101T000000Z_20260201T000000Z"


def sealed(archive: Path, sequence: int, statement: str | None = None) -> bytes:
    """Lay down what the chain reads of a bundle; returns its tag manifest."""
    folder = archive / NAME.format(sequence)
    folder.mkdir(parents=True)
    texts = dict.fromkeys(TAG_FILES, "") | {"manifest.json": statement or STATEMENT % sequence}
    for name, text in texts.items():
        (folder / name).write_text(text)
    digests = {name: hashlib.sha256(text.encode()).hexdigest() for name, text in texts.items()}
    root = manifest_text(digests).encode()
    (folder / "tagmanifest-sha256.txt").write_bytes(root)
    return root


def test_the_first_bundle_begins_a_chain(tmp_path: Path) -> None:
    link = next_link(sealed_bundles(tmp_path / "not yet there"), organization="acme", random_part="5e")

    assert link == Link(chain="acme/5e", sequence=1, previous=None)


def test_the_next_bundle_names_the_newest_whatever_lies_beside_it(tmp_path: Path) -> None:
    sealed(tmp_path, 2)
    root = sealed(tmp_path, 10)
    sealed(tmp_path, 9)
    for name in (".partial-x", "extracts", "notes.txt", "999999_of_another_kind", "1000000_later"):
        (tmp_path / name).mkdir()
    (tmp_path / f"{NAME.format(11)}-notes").mkdir()

    link = next_link(sealed_bundles(tmp_path), organization="renamed", random_part="ff")

    assert link == Link(chain="acme/5e", sequence=11, previous=hashlib.sha256(root).hexdigest())


@pytest.mark.parametrize(
    "statement",
    [
        *("", "{}", "[]", '{"predicate": {"chain": 5, "sequence": "x"}}', "\x00"),
        (STATEMENT % 2).replace("2026-01-01", "2027-01-01"),
    ],
)
def test_nothing_is_chained_to_a_bundle_that_cannot_be_read(tmp_path: Path, statement: str) -> None:
    sealed(tmp_path, 1)
    sealed(tmp_path, 2, statement or " ")

    with pytest.raises(OutputError, match="cannot be read, so nothing can be chained to it"):
        next_link(sealed_bundles(tmp_path), organization="acme", random_part="5e")


def test_nothing_is_chained_to_a_bundle_that_is_not_text(tmp_path: Path) -> None:
    sealed(tmp_path, 1)
    (tmp_path / "000001_20260101T000000Z_20260201T000000Z" / "manifest.json").write_bytes(
        b'{"predicate": {"chain": "\xff", "sequence": 1}}'
    )

    with pytest.raises(OutputError, match="cannot be read"):
        next_link(sealed_bundles(tmp_path), organization="acme", random_part="5e")


def test_nothing_is_chained_to_a_bundle_without_its_root(tmp_path: Path) -> None:
    sealed(tmp_path, 1)
    (tmp_path / "000001_20260101T000000Z_20260201T000000Z" / "tagmanifest-sha256.txt").unlink()

    with pytest.raises(OutputError, match="cannot be read"):
        next_link(sealed_bundles(tmp_path), organization="acme", random_part="5e")


@pytest.mark.parametrize(
    ("name", "before", "after"),
    [
        ("manifest.json", b'"until": "2026-02', b'"until": "2026-12'),
        ("manifest.json", b'"sequence": 1', b'"sequence": 9'),
        ("tagmanifest-sha256.txt", b"0", b"1"),
        ("tagmanifest-sha256.txt", b"bag-info", b"bag-into"),
        ("tagmanifest-sha256.txt", b"\n", b"\r\n"),
    ],
)
def test_nothing_is_chained_to_a_bundle_that_is_not_what_was_sealed(
    tmp_path: Path, name: str, before: bytes, after: bytes
) -> None:
    """Its window would end elsewhere, or the next bundle name a head that none has once it is restored."""
    sealed(tmp_path, 1)
    path = tmp_path / "000001_20260101T000000Z_20260201T000000Z" / name
    assert before in path.read_bytes()
    path.write_bytes(path.read_bytes().replace(before, after, 1))

    with pytest.raises(OutputError, match="cannot be read, so nothing can be chained to it"):
        next_link(sealed_bundles(tmp_path), organization="acme", random_part="5e")


def test_where_earlier_bundles_are_kept_elsewhere_the_caller_gives_the_link() -> None:
    link = next_link([], organization="acme", random_part="5e", previous=Predecessor(root="c" * 64))

    assert link == Link(chain="acme/5e", sequence=1, previous="c" * 64)


def test_a_chain_that_is_kept_elsewhere_goes_on_where_the_caller_says_its_place() -> None:
    before = Predecessor(root="c" * 64, chain="acme/ff", sequence=12)

    link = next_link([], organization="acme", random_part="5e", previous=before)

    assert link == Link(chain="acme/ff", sequence=13, previous="c" * 64)
    assert link.place == "acme/ff/000013"


def test_a_link_that_the_newest_bundle_contradicts_is_refused(tmp_path: Path) -> None:
    older, root = (hashlib.sha256(sealed(tmp_path, sequence)).hexdigest() for sequence in (1, 2))
    bundles = sealed_bundles(tmp_path)

    refuse_other(bundles, None)
    refuse_other(bundles, Predecessor(root=root))
    refuse_other([], Predecessor(root="c" * 64))
    for other in ("c" * 64, older):
        with pytest.raises(UsageError, match=f"another head than that of the newest bundle, {root}"):
            refuse_other(bundles, Predecessor(root=other))


@pytest.mark.parametrize("head", ["c" * 64, f"sha256:{'c' * 64}"])
def test_a_head_is_read_in_either_form_alone_or_with_its_place(head: str) -> None:
    assert parse_predecessor(head) == Predecessor(root="c" * 64)
    assert parse_predecessor(f"acme/5e/000012@{head}") == Predecessor(
        root="c" * 64, chain="acme/5e", sequence=12
    )


@pytest.mark.parametrize(
    "head",
    [
        *("", "c" * 63, "c" * 65, "C" * 64, f"sha512:{'c' * 64}", f"{'c' * 64}\n", f"{'c' * 64} "),
        *(f"{place}@{'c' * 64}" for place in ("", "acme", "acme/12", "/000012", "acme/00001\u0662")),
    ],
)
def test_what_is_no_head_is_refused(head: str) -> None:
    with pytest.raises(UsageError, match=r"--previous .* is no head"):
        parse_predecessor(head)


def test_of_two_bundles_the_second_names_the_root_of_the_first(both: tuple[Published, Published]) -> None:
    first, second = (
        json.loads((published.bundle / "manifest.json").read_bytes())["predicate"] for published in both
    )

    assert (first["sequence"], first["previous"]) == (1, None)
    assert (second["sequence"], second["previous"]) == (2, {"sha256": both[0].root})
    assert first["chain"] == second["chain"]
    root = (both[0].bundle / "tagmanifest-sha256.txt").read_bytes()
    assert both[0].root == hashlib.sha256(root).hexdigest()
