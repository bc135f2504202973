"""An archive of four signed and stamped bundles, and what an auditor was given by another way."""

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import rfc8785

from exporter.evidence.authority import Authority
from exporter.evidence.bag import TAG_FILES, manifest_text, payload_paths
from exporter.evidence.keys import load_signing_key
from exporter.evidence.signers import parse_signers
from exporter.export import Published, export
from exporter.facts import Check, Result
from exporter.files import sha256_file
from exporter.verify.bundle import Trust
from tests.evidence.authorities import Chain, chain, served
from tests.evidence.test_signature import make_key
from tests.world import NOW, World

MONTHS = [datetime(2026, month, 1, tzinfo=UTC) for month in (5, 6, 7, 8, 9)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sealer:
    """Whoever seals bundles: a key, an authority, a platform."""

    world: World
    key: Path
    authority: Chain
    tsa: str

    @property
    def signers(self) -> str:
        """The line that an auditor is given."""
        return f"seal@acme {self.key.with_suffix('.pub').read_text()}"

    @property
    def trust(self) -> Trust:
        """What an auditor trusts who was given everything."""
        return Trust(
            signers=parse_signers(self.signers, name="allowed_signers"),
            identity="seal@acme",
            roots=[self.authority.root.certificate],
            now=NOW,
        )

    def seal(self, output: Path, month: int, **changes: Any) -> Published:
        """Export a month of 2026, counted from May, into a signed and stamped bundle."""
        given = {
            "since": MONTHS[month],
            "until": MONTHS[month + 1],
            "signing_key": load_signing_key(self.key, None),
            "authority": Authority(url=self.tsa),
        }
        request = self.world.request(output, **{**given, **changes})
        return export(request, now=lambda: NOW, progress=lambda *_: None)


@pytest.fixture(scope="session")
def sealer(_shared_world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealer]:
    authority = chain()
    with served(authority.respond()) as tsa:
        key = make_key(tmp_path_factory.mktemp("key") / "seal")
        yield Sealer(world=_shared_world, key=key, authority=authority, tsa=tsa)


@pytest.fixture(scope="session")
def four(sealer: Sealer, tmp_path_factory: pytest.TempPathFactory) -> list[Published]:
    """May to August, sealed one after the other; not to be changed."""
    output = tmp_path_factory.mktemp("four")
    return [sealer.seal(output, month) for month in range(4)]


@pytest.fixture
def archive(four: list[Published], tmp_path: Path) -> Path:
    """Return a copy of the archive, to do with as a test pleases."""
    source = four[0].bundle.parent
    return Path(shutil.copytree(source, tmp_path / source.name))


@pytest.fixture
def signed(four: list[Published], tmp_path: Path) -> Path:
    """Return a copy of the first of the four bundles, to do with as a test pleases."""
    return Path(shutil.copytree(four[0].bundle, tmp_path / "signed"))


def result_of(checks: list[Check], id_: str) -> Result:
    (check,) = (check for check in checks if check.id == id_)
    return check.result


def found_by(checks: list[Check], id_: str) -> str:
    (check,) = (check for check in checks if check.id == id_)
    return check.found


def relist(bundle: Path) -> dict[str, str]:
    """Write the payload manifest anew over what is there now; returns the digests by path."""
    digests = {path.relative_to(bundle).as_posix(): sha256_file(path) for path in payload_paths(bundle)}
    (bundle / "manifest-sha256.txt").write_text(manifest_text(digests))
    return digests


def list_again(bundle: Path) -> None:
    """Write all manifests anew over what is there now."""
    digests = relist(bundle)
    statement = json.loads((bundle / "manifest.json").read_bytes())
    statement["subject"] = [{"name": path, "digest": {"sha256": digest}} for path, digest in digests.items()]
    statement["predicate"]["run"] = {"sha256": digests["data/run.json"]}
    (bundle / "manifest.json").write_bytes(rfc8785.dumps(statement))
    describe_again(bundle)
    seal_tags_again(bundle)


def seal_tags_again(bundle: Path) -> None:
    tags = {name: sha256_file(bundle / name) for name in TAG_FILES if (bundle / name).exists()}
    (bundle / "tagmanifest-sha256.txt").write_text(manifest_text(tags))


def describe_again(bundle: Path) -> None:
    """Write the size of what is there now into the bag's description."""
    sizes = [path.stat().st_size for path in payload_paths(bundle)]
    size = sum(sizes)
    readable = f"{size / 2**20:,.1f} MiB" if size >= 2**20 else f"{size / 2**10:,.1f} KiB"
    text = (bundle / "bag-info.txt").read_text()
    text = re.sub(r"(?m)^(Payload-Oxum): .*", rf"\1: {size}.{len(sizes)}", text)
    text = re.sub(r"(?m)^(Bag-Size): .*", rf"\1: {readable}", text)
    (bundle / "bag-info.txt").write_text(text)
