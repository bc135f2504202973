"""The libraries that draw the report: which versions are here, and what to do where one is missing."""

import ctypes
import ctypes.util
import unicodedata
import zlib
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

from exporter.errors import OutputError

_KEPT = ("/opt/homebrew/lib", "/usr/local/lib", "/opt/local/lib")
"""Where the package managers of macOS keep libraries: Homebrew's two places, and that of MacPorts."""

REMEDY = (
    "Install it: `apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0` on Debian "
    "and Ubuntu, `brew install pango` on macOS; or leave the report out with `--report none`."
)


def versions() -> dict[str, str]:
    """Name the versions of what the bytes of the report depend on, archives and engine aside.

    Cheap, so that a run can ask before it fetches anything. Raises ``OutputError`` that says what to
    install where a library is missing.
    """
    pango = _library("pango-1.0", "libpango-1.0.so.0", "libpango-1.0-0.dll")
    harfbuzz = _library("harfbuzz", "libharfbuzz.so.0", "libharfbuzz-0.dll")
    _library("pangoft2-1.0", "libpangoft2-1.0.so.0", "libpangoft2-1.0-0.dll")
    _library("harfbuzz-subset", "libharfbuzz-subset.so.0", "libharfbuzz-subset-0.dll")
    return {
        "weasyprint": metadata.version("weasyprint"),
        "pydyf": metadata.version("pydyf"),
        "vl-convert": metadata.version("vl-convert-python"),
        "pango": _text(pango.pango_version_string),
        "harfbuzz": _text(harfbuzz.hb_version_string),
        "zlib": zlib.ZLIB_RUNTIME_VERSION,
        "unicode": unicodedata.unidata_version,
    }


def find(name: str, search: Callable[[str], str | None]) -> str | None:
    """Return where a library is: by the system's ``search``, else where package managers of macOS keep it.

    Only a Python that comes from such a manager looks there by itself.
    """
    kept = (Path(folder, f"lib{name}.dylib") for folder in _KEPT)
    return search(name) or next((str(path) for path in kept if path.exists()), None)


def _library(name: str, *files: str) -> ctypes.CDLL:
    """Load a system library by its file's name, else by asking the system where it keeps it."""
    for file in files:
        try:
            return ctypes.CDLL(file)
        except OSError:
            continue
    if found := find(name, ctypes.util.find_library):
        try:
            return ctypes.CDLL(found)
        except OSError as error:  # made for another processor, such as
            raise OutputError(f"The report's library {found} cannot be loaded ({error}).", REMEDY) from error
    raise OutputError(f"The report needs the system library {name}, which is not installed.", REMEDY)


def _text(function: Callable[[], bytes]) -> str:
    function.restype = ctypes.c_char_p  # type: ignore[attr-defined]  # ctypes sets it
    return function().decode()
