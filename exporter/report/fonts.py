"""The report's own typefaces, and how the renderer finds them and no others."""

from collections.abc import Iterable
from enum import StrEnum
from html import escape
from pathlib import Path

from exporter.report import assets


class Face(StrEnum):
    """A typeface of the report, by its family name."""

    SANS = "IBM Plex Sans"
    MONO = "IBM Plex Mono"
    ARABIC = "IBM Plex Sans Arabic"
    HEBREW = "IBM Plex Sans Hebrew"
    CHINESE = "IBM Plex Sans SC"
    REST = "Unifont"


FILES = {
    Face.SANS: ("plex/IBMPlexSans-Regular.ttf", "plex/IBMPlexSans-SemiBold.ttf"),
    Face.MONO: ("plex/IBMPlexMono-Regular.ttf",),
    Face.ARABIC: ("arabic/IBMPlexSansArabic-Regular.ttf",),
    Face.HEBREW: ("hebrew/IBMPlexSansHebrew-Regular.ttf",),
    Face.CHINESE: ("chinese/IBMPlexSansSC-Regular.ttf",),
    Face.REST: ("unifont/Unifont.otf",),
}


def folder(face: Face = Face.SANS) -> Path:
    """Return the folder of a face; that of the sans has all that every report uses."""
    return (assets.root() / "fonts" / FILES[face][0]).parent


def configure(work: Path, others: Iterable[Face] = ()) -> Path:
    """Write a Fontconfig file into ``work`` that knows our fonts and no system font, and return its path.

    It knows of the faces for other scripts only ``others``: looking through a face with all of Chinese takes
    longer than drawing a page.
    """
    folders = sorted({str(folder(face)) for face in (Face.SANS, *others)})
    path = work / "fonts.conf"
    path.write_text(
        f"<fontconfig>{''.join(f'<dir>{escape(each)}</dir>' for each in folders)}"
        f"<cachedir>{escape(str(work / 'fontcache'))}</cachedir></fontconfig>\n",
        "utf-8",
    )
    return path
