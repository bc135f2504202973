"""Scripts and their letters: which letters pose as those of another, and which run from right to left.

After UTS #39, Unicode Security Mechanisms: a word whose letters come from several scripts that share shapes,
and a word made of look-alikes only, are shown for what they are. Look-alikes within one script, such as
``l`` and ``I``, are left to the typeface.
"""

import re
import unicodedata
from collections import Counter

from fontTools.unicodedata import script

LATIN = "Latn"

ALIKE = frozenset({LATIN, "Cyrl", "Grek", "Armn", "Cher", "Copt", "Lisu"})
"""Scripts with letters of the same shapes. Chinese, Japanese and Korean mix with Latin every day."""

POSING = frozenset("АВСЕНІЈКМОРЅТХҮԌԚԜЅѴаԁеһіјоԛрѕѵԝхусӏҽΑΒΕΖΗΙΚΜΝΟΡΤΥΧαινορκυχγϲϳՍՏՕսոօհցզ")
"""Letters that a reader takes for those of the Latin alphabet."""

WORD = re.compile(r"[^\W\d_]+")


def disguised(value: str) -> frozenset[int]:
    """Return the positions of letters that look like what they are not.

    In a word that mixes scripts these are the letters of the rarer ones. A word of look-alikes alone counts
    where nothing else in the value shows that its script is meant.
    """
    if value.isascii():
        return frozenset()
    meant = {script(letter) for letter in value if letter.isalpha() and letter not in POSING}
    found: set[int] = set()
    for word in WORD.finditer(value):
        scripts = [script(letter) for letter in word[0]]
        counted = Counter(each for each in scripts if each in ALIKE)
        if len(counted) > 1:
            home = max(counted, key=lambda each: (counted[each], each == LATIN))
            strange = {each for each in counted if each != home}
        elif counted and POSING.issuperset(word[0]):
            strange = counted.keys() - meant
        else:
            continue
        found.update(word.start() + at for at, each in enumerate(scripts) if each in strange)
    return frozenset(found)


def begins_leftward(character: str) -> bool:
    """Whether a character is written from right to left."""
    return unicodedata.bidirectional(character) in {"R", "AL"}


def continues_leftward(character: str) -> bool:
    """Whether a character after one from right to left stays with it: such as a mark, or a space between."""
    return character == " " or unicodedata.bidirectional(character) in {"R", "AL", "AN", "NSM"}
