"""HTML into PDF: PDF/A-3a and PDF/UA-1 in one file, the same bytes on every run, nothing fetched.

``python -m exporter.report.pdf DATA`` does it in a process of its own, which gets ready to draw and waits for
the document as its input; the PDF is its output. A font configuration (``FONTCONFIG_FILE``) must be in its
environment, and by the time of the document the one that the document needs.
"""

import ctypes.util
import gc
import logging
import mimetypes
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import fromstring

from cssselect2 import ElementWrapper
from pydyf import Dictionary, Object

from exporter.errors import AuditExportError, OutputError
from exporter.report import assets, libraries, runs
from exporter.report.render import leave

_search = ctypes.util.find_library
if sys.platform == "linux":
    # WeasyPrint tries several names of each library. For every one that the loader does not know, the search
    # starts a compiler and a linker, dozens of processes in all, and finds no more than the loader does.
    ctypes.util.find_library = lambda name: None  # noqa: ARG005 - the search's own signature
else:
    ctypes.util.find_library = lambda name: libraries.find(name, _search)
from weasyprint import CSS, HTML, Attachment  # noqa: E402 - see above
from weasyprint.urls import URLFetcher  # noqa: E402 - likewise

ctypes.util.find_library = _search

VARIANT = "pdf/a-3a"
"""What WeasyPrint makes; the finishing touch below makes it PDF/UA-1 as well."""

NAMESPACE = "urn:audit-export:report#"
"""XML namespace of the one property that is ours: the run digest."""

mimetypes.add_type("application/sql", ".sql")  # else the machine's own tables decide, and the bytes vary


class Refusals(URLFetcher):  # type: ignore[misc]  # its base is untyped
    """A fetcher that fetches nothing and remembers what it was asked for."""

    def __init__(self) -> None:
        super().__init__(allowed_protocols=(), allow_redirects=False)
        self.refused: list[str] = []
        """The addresses asked for, in order."""

    def fetch(self, url: str, headers: Mapping[str, str] | None = None) -> object:
        """Refuse."""
        del headers
        self.refused.append(url)
        raise ValueError(f"nothing is fetched: {url}")


class Complaints(logging.Handler):
    """What the renderer warned of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.heard: list[str] = []
        """The warnings, in order."""

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message."""
        self.heard.append(record.getMessage())


class Report(HTML):  # type: ignore[misc]  # its base is untyped
    """The document, read as the well-formed XML that the templates make, in a tenth of the time of HTML."""

    def __init__(self, document: str, fetcher: Refusals) -> None:
        self.base_url = None
        self.media_type = "print"
        self.url_fetcher = fetcher
        self.wrapper_element = ElementWrapper.from_html_root(fromstring(document))  # noqa: S314 - our own
        self.etree_element = self.wrapper_element.etree_element


class Settled(Object):  # type: ignore[misc]  # its base is untyped
    """An object of the PDF as its bytes, which are asked for twice: to be written, and to be hashed."""

    compressible = False
    """Whether it goes into a stream of objects."""

    data = b""
    """Its bytes; none of an object that is free."""

    def __init__(self, settled: Any) -> None:  # noqa: ANN401 - pydyf is untyped
        super().__init__()
        self.number, self.generation, self.free = settled.number, settled.generation, settled.free
        self.compressible = settled.compressible
        if settled.free == "n":
            self.data = settled.data


def render(html: str, data: Path) -> bytes:
    """Draw the report of a bundle's data folder; its record and queries are attached.

    Raises ``OutputError`` where the document asks for anything outside itself, or cannot be drawn as meant.
    """
    recorded = runs.read(data / "run.json")

    def finish(_: object, pdf: Any) -> None:  # noqa: ANN401 - pydyf is untyped
        _scope_headers(pdf.objects)
        _set_furniture_apart(pdf.objects)
        metadata = _object(pdf.objects, pdf.catalog["Metadata"])
        metadata.stream = [_identify(part, recorded.digest) for part in metadata.stream]
        metadata.compress = False
        pdf.objects[:] = map(Settled, pdf.objects)

    fetcher = Refusals()
    with _listening() as complaints:
        content: bytes = lay_out(html, fetcher).write_pdf(
            finisher=finish,
            pdf_variant=VARIANT,
            pdf_identifier=bytes.fromhex(recorded.digest)[:16],
            attachments=_attachments(data, recorded.run.clocks.finished, fetcher),
        )
    if faults := [f"it asks for {url}" for url in fetcher.refused] + complaints:
        raise OutputError(
            f"The report cannot be drawn as meant: {'; '.join(faults[:3])}.",
            "This is a fault in the report's templates; please report it.",
        )
    return content


def lay_out(html: str, fetcher: Refusals) -> Any:  # noqa: ANN401 - WeasyPrint is untyped
    """Lay the document out in pages."""
    style = CSS(string=(assets.root() / "report.css").read_text("utf-8"), url_fetcher=fetcher)
    return Report(html, fetcher).render(stylesheets=[style], pdf_variant=VARIANT)


def _attachments(data: Path, made: datetime, fetcher: Refusals) -> list[Any]:
    files = [data / "run.json", *(data / "queries").glob("*.sql")]
    return [
        Attachment(
            string=path.read_bytes(),
            name=path.name,
            description="A query behind a figure" if path.suffix == ".sql" else "The record of the run",
            created=made,
            modified=made,
            relationship="Data",
            url_fetcher=fetcher,
        )
        for path in sorted(files, key=lambda path: path.name.encode())
    ]


@contextmanager
def _listening() -> Iterator[list[str]]:
    """Gather what the renderer warns of meanwhile: a glyph without a font, a rule it does not know."""
    complaints = Complaints()
    log = logging.getLogger("weasyprint")
    log.addHandler(complaints)
    try:
        yield complaints.heard
    finally:
        log.removeHandler(complaints)


def _scope_headers(objects: list[Any]) -> None:
    """Say of each header cell what it heads: PDF/UA asks for it, WeasyPrint leaves it out."""
    elements = _elements(objects)
    for element in elements.values():
        if element["S"] == "/TH" and "A" in element:
            row = elements[element["P"]]
            heads_column = elements[row["P"]]["S"] == "/THead"
            element["A"]["Scope"] = "/Column" if heads_column else "/Row"


def _set_furniture_apart(objects: list[Any]) -> None:
    """Mark what stands in the margins as furniture, so that it is not read aloud on every page.

    WeasyPrint numbers it like content, and makes structure elements that no other leads to.
    """
    elements = _elements(objects)
    (document,) = (reference for reference, each in elements.items() if each["S"] == "/Document")
    apart = elements.keys() - _below(document, elements)
    (root,) = (each for each in _dictionaries(objects) if each.get("Type") == "/StructTreeRoot")
    owners = _object(objects, root["ParentTree"])["Nums"]
    pages = [each for each in _dictionaries(objects) if each.get("Type") == "/Page"]
    for number, page in enumerate(pages):
        content = _object(objects, page["Contents"]).stream
        marks = owners[2 * number + 1]
        for at, part in enumerate(content):
            if isinstance(part, Dictionary) and "MCID" in part and marks[part["MCID"]] in apart:
                marks[part["MCID"]] = "null"
                content[at - 1 : at + 1] = "/Artifact", Dictionary({"Type": "/Pagination"})
    for reference in apart:
        elements[reference].clear()


def _elements(objects: list[Any]) -> dict[bytes, Any]:
    """Return the elements of the document's structure, by reference."""
    return {each.reference: each for each in _dictionaries(objects) if each.get("Type") == "/StructElem"}


def _below(top: bytes, elements: Mapping[bytes, Any]) -> set[bytes]:
    """Return an element and all that it leads to."""
    found: set[bytes] = set()
    ahead = [top]
    while ahead:
        found.add(reference := ahead.pop())
        ahead.extend(kid for kid in elements[reference]["K"] if kid in elements)
    return found


def _dictionaries(objects: list[Any]) -> Iterator[Any]:
    return (each for each in objects if isinstance(each, Dictionary))


def _object(objects: list[Any], reference: bytes) -> Any:  # noqa: ANN401 - pydyf is untyped
    return objects[int(reference.split()[0])]


def _identify(xmp: bytes, digest: str) -> bytes:
    """Add that the file is PDF/UA-1, and the run digest, with the schemas that declare both."""
    return xmp.replace(
        b"</rdf:RDF>", _IDENTITY.format(namespace=NAMESPACE, digest=digest).encode() + b"</rdf:RDF>"
    )


_IDENTITY = """\
<rdf:Description rdf:about="" xmlns:pdfuaid="http://www.aiim.org/pdfua/ns/id/" pdfuaid:part="1"/>
<rdf:Description rdf:about="" xmlns:run="{namespace}" run:digest="{digest}"/>
<rdf:Description rdf:about=""
    xmlns:pdfaExtension="http://www.aiim.org/pdfa/ns/extension/"
    xmlns:pdfaSchema="http://www.aiim.org/pdfa/ns/schema#"
    xmlns:pdfaProperty="http://www.aiim.org/pdfa/ns/property#">
  <pdfaExtension:schemas><rdf:Bag>
    <rdf:li rdf:parseType="Resource">
      <pdfaSchema:schema>PDF/UA identification</pdfaSchema:schema>
      <pdfaSchema:namespaceURI>http://www.aiim.org/pdfua/ns/id/</pdfaSchema:namespaceURI>
      <pdfaSchema:prefix>pdfuaid</pdfaSchema:prefix>
      <pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
        <pdfaProperty:name>part</pdfaProperty:name>
        <pdfaProperty:valueType>Integer</pdfaProperty:valueType>
        <pdfaProperty:category>internal</pdfaProperty:category>
        <pdfaProperty:description>Part of ISO 14289 that the file follows</pdfaProperty:description>
      </rdf:li></rdf:Seq></pdfaSchema:property>
    </rdf:li>
    <rdf:li rdf:parseType="Resource">
      <pdfaSchema:schema>Record of the run</pdfaSchema:schema>
      <pdfaSchema:namespaceURI>{namespace}</pdfaSchema:namespaceURI>
      <pdfaSchema:prefix>run</pdfaSchema:prefix>
      <pdfaSchema:property><rdf:Seq><rdf:li rdf:parseType="Resource">
        <pdfaProperty:name>digest</pdfaProperty:name>
        <pdfaProperty:valueType>Text</pdfaProperty:valueType>
        <pdfaProperty:category>external</pdfaProperty:category>
        <pdfaProperty:description>SHA-256 of data/run.json in the bundle</pdfaProperty:description>
      </rdf:li></rdf:Seq></pdfaSchema:property>
    </rdf:li>
  </rdf:Bag></pdfaExtension:schemas>
</rdf:Description>
"""


if __name__ == "__main__":
    gc.disable()  # a tenth of the time goes into looking for garbage, of which there are a few megabytes
    try:
        sys.stdout.buffer.write(render(sys.stdin.buffer.read().decode(), Path(sys.argv[1])))
    except AuditExportError as error:
        leave(error)
