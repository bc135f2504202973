r"""Halves of characters: escapes such as ``\ud800`` that stand alone.

JSON's grammar allows them (RFC 8259, section 8.2), no encoding of text can hold them, and readers of JSON
refuse them. U+FFFD, the replacement character, takes the place of each; its escape is as long, so that
everything stays where it was.
"""

import re

_HIGH, _LOW = rb"u[dD][89abAB][0-9a-fA-F]{2}", rb"u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = re.compile(rb"\\(?:%b\\%b|(%b|%b)|.)" % (_HIGH, _LOW, _HIGH, _LOW), re.DOTALL)


def without_halves(text: bytes) -> bytes:
    """Return JSON text with every half of a character replaced; the same bytes where there is none."""
    return _ESCAPES.sub(lambda escape: rb"\ufffd" if escape[1] else escape[0], text)
