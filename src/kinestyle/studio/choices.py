"""What a person chooses from: the styles of a bundle, the settings, as a form shows them, and what
can be learned here.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

from kinestyle.bundle import Bundle
from kinestyle.bundle.style_words import is_well_learned, read_style_words, sentence_of
from kinestyle.errors import MissingExtraError
from kinestyle.extras import missing_extra
from kinestyle.runtime.options import options_of
from kinestyle.runtime.settings import Settings
from kinestyle.studio import schemas

_OWN = "Your own"
"""The group of styles that are no bundle's."""
REFINING = "refining a style"
"""What needs the train extra, as messages call it."""


def style_rows(bundle: Bundle) -> schemas.Styles:
    """The styles that a bundle knows, in the order to show them."""
    words = read_style_words(bundle.path)
    rows: list[Any] = [
        {
            "name": s.name,
            "label": s.label,
            "seconds": s.seconds,
            "default": bundle.style(s.label) is s,
            "group": _OWN if s in bundle.own else words[s.name].group if s.name in words else "",
            "sentence": sentence_of(s, words.get(s.name)),
            "well_learned": is_well_learned(s),
        }
        for s in bundle.styles
    ]
    groups = [_OWN, *dict.fromkeys(word.group for word in words.values()), ""]
    place = {name: word.place for name, word in words.items()}
    rows.sort(
        key=lambda row: (
            groups.index(row["group"]),
            not row["well_learned"],
            place.get(row["name"], 0),
            row["label"],
        )
    )
    return schemas.Styles(bundle=bundle.path.name, styles=rows)


def setting_rows() -> list[schemas.Setting]:
    """Every setting that is not of one clip alone."""
    found = [option.as_dict() for option in options_of(Settings) if not option.of_clip]
    return [schemas.Setting(**one) for one in found]


def refusal_to_refine() -> MissingExtraError | None:
    """Why no style can be refined here, without loading what refines; None where one can."""
    for library in ("torch", "onnx"):
        try:
            found = find_spec(library)
        except ValueError:  # it is taken away
            found = None
        if found is None:
            return missing_extra(library, "train", REFINING)
    return None
