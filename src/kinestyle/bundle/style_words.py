"""What a person is told of a bundle's styles: a group and a few words for each, in a file beside
the bundle, and what its manifest says of how each was learned.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from kinestyle.bundle.style import Style
from kinestyle.errors import BundleError
from kinestyle.json_object import JsonObject

SUFFIX = ".styles.json"
"""In place of the bundle's own."""

WELL_LEARNED_SECONDS = 300.0
"""A style that was learned from so much motion was seen in many actions and persons: the sets that
teach one have either about half a minute or more than a quarter of an hour of it."""


class StyleWords(NamedTuple):
    """group: what it stands under; says: what one sees, a few words; place: in the file"""

    group: str
    says: str
    place: int


def read_style_words(bundle: Path) -> dict[str, StyleWords]:
    """By the whole names of styles; empty where there is no file beside the bundle. Raises
    BundleError for one that is not as it should be.
    """
    path = bundle.with_suffix(SUFFIX)
    try:
        content = path.read_bytes()
    except OSError:
        return {}
    root = JsonObject.parse(content, path.name, BundleError, "the words of a bundle's styles")
    found: dict[str, StyleWords] = {}
    for group in root.parts("groups"):
        for row in group.parts("styles"):
            found[row.line("name")] = StyleWords(group.line("name"), row.line("says"), len(found))
    return found


def is_well_learned(style: Style) -> bool:
    """Whether there was much to learn it from; what is made up is known exactly."""
    return style.made is not None or style.seconds >= WELL_LEARNED_SECONDS


def sentence_of(style: Style, words: StyleWords | None) -> str:
    """All of it, without the style's name: "stoops, short steps; learned from 41 s"."""
    learned = f"learned from {_spoken(style.seconds)}"
    return learned if words is None else f"{words.says}; {learned}"


def _spoken(seconds: float) -> str:
    return f"{seconds / 60.0:.0f} min" if seconds >= 100.0 else f"{seconds:.0f} s"
