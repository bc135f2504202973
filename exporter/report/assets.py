"""Where the templates are: inside the installed package, or at the top of the checkout."""

from functools import cache
from pathlib import Path

import exporter
from exporter.errors import OutputError


@cache
def root() -> Path:
    """Find the folder of templates: beside the modules (a wheel), else one level up (a checkout).

    Raises ``OutputError`` where there is neither.
    """
    package = Path(exporter.__file__).resolve().parent
    for folder in (package / "templates", package.parent / "templates"):
        if folder.is_dir():
            return folder
    raise OutputError(
        f"The report's templates are missing from {package}.",
        "Install audit-export again; its wheel carries them.",
    )
