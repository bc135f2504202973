"""Variables of the environment that give options: how they are called, and that no other is called so.

A variable that nothing reads would be a spelling mistake that becomes a default: a bundle would be unsigned
because of one letter. Those of every command are known, since one environment may serve several.
"""

from collections.abc import Iterable, Iterator, Mapping

import click

from exporter.errors import UsageError

PREFIX = "AUDIT_EXPORT_"
"""How their names begin."""

_SECRETS = frozenset({"key", "api-key", "apikey", "token", "api-token", "secret", "password", "passphrase"})


def variable_of(name: str) -> str:
    """Return the variable that gives the option ``--name``."""
    return PREFIX + name.removeprefix("--").replace("-", "_").upper()


def is_for_a_secret(name: str) -> bool:
    """Tell whether somebody may give a secret under a name; as options they would be shown."""
    return name.lower().replace("_", "-") in _SECRETS


def refuse_unknown(names: Iterable[str], context: click.Context) -> None:
    """Raise :class:`UsageError` where a variable is called like one that gives an option, and gives none.

    ``names`` are those of the environment: what they hold may be a key. ``context`` is that of any command.
    """
    given = sorted(name for name in names if name.startswith(PREFIX))
    if not given:
        return

    from exporter.evidence.keys import PASSPHRASE_VARIABLE

    known = {*_of_options(context), PASSPHRASE_VARIABLE}
    for name in given:
        if name not in known:
            raise UsageError(
                f"There is no option that the variable {name} would give.",
                _remedy(name, known, PASSPHRASE_VARIABLE),
            )


def refuse_bytes(environ: Mapping[str, str]) -> None:
    """Raise :class:`UsageError` where temporary files would go to a folder that the libraries cannot name."""
    folder = environ.get("TMPDIR", "")
    try:
        folder.encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            f"The variable TMPDIR has {folder!r}, which is not a name in UTF-8.", "Name another folder in it."
        ) from error


def _of_options(context: click.Context) -> Iterator[str]:
    group = context.find_root().command
    commands: list[click.Command | None] = [context.command]
    if isinstance(group, click.Group):
        commands = [group.get_command(context, name) for name in group.list_commands(context)]
    for command in filter(None, commands):
        yield from (option.envvar for option in command.params if isinstance(option.envvar, str))


def _remedy(name: str, known: set[str], passphrase: str) -> str:
    from difflib import get_close_matches

    written = name.removeprefix(PREFIX)
    if is_for_a_secret(written):
        return f"The API key comes in SATUSKY_API_KEY, a signing key's passphrase in {passphrase}."
    near = get_close_matches(written, [each.removeprefix(PREFIX) for each in sorted(known)], n=1)
    if near:
        return f"Did you mean {PREFIX}{near[0]}?"
    return f"Unset it, or give it a name that does not begin with {PREFIX}."
