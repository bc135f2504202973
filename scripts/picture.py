#!/usr/bin/env python3
"""Draws pages of a report side by side. Usage: picture.py REPORT.pdf PICTURE.png. Needs Poppler's tools."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from PIL import Image

HEADINGS = ("When the entries were made", "Role changes")
DOTS_PER_INCH = "72"
GAP = 16
COLOURS = 128
GROUND = (225, 228, 232)


def pages_to_show(report: Path) -> Iterator[int]:
    """Yield the numbers of the cover and of the first page with each of the headings."""
    command = ["pdftotext", "-layout", str(report), "-"]
    text = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603 - as given
    pages = text.split("\f")
    yield 1
    for heading in HEADINGS:
        pattern = re.compile(rf"^\s*(?:[\d.]+ )?{heading}$", re.MULTILINE)
        yield next(number for number, page in enumerate(pages, 1) if pattern.search(page))


def draw_page(report: Path, number: int, folder: Path) -> Image.Image:
    """Draw one page, by its number."""
    page = str(number)
    options = ["-f", page, "-l", page, "-singlefile", "-png", "-r", DOTS_PER_INCH]
    command = ["pdftoppm", *options, str(report), str(folder / page)]
    subprocess.run(command, check=True)  # noqa: S603 - as given
    return Image.open(folder / f"{page}.png").convert("RGB")


def side_by_side(pages: list[Image.Image]) -> Image.Image:
    """Put the pages next to each other, with a margin around each."""
    width = sum(page.width + GAP for page in pages) + GAP
    height = max(page.height for page in pages) + 2 * GAP
    picture = Image.new("RGB", (width, height), GROUND)
    left = GAP
    for page in pages:
        picture.paste(page, (left, GAP))
        left += page.width + GAP
    return picture.quantize(COLOURS, dither=Image.Dither.NONE)


if __name__ == "__main__":
    report, target = map(Path, sys.argv[1:])
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        pages = [draw_page(report, number, Path(folder)) for number in pages_to_show(report)]
        side_by_side(pages).save(target, optimize=True)
