"""The words for a bundle's styles, in a file beside it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from kinestyle.bundle import Bundle, shipped
from kinestyle.bundle.style_words import (
    SUFFIX,
    is_well_learned,
    read_style_words,
    sentence_of,
)
from kinestyle.errors import BundleError


@pytest.mark.parametrize("name", sorted(shipped()))
def test_every_style_that_ships_has_its_words(name: str):
    bundle = Bundle.open(name)
    words = read_style_words(bundle.path)
    assert set(words) == {style.name for style in bundle.styles}
    for style in bundle.styles:
        sentence = sentence_of(style, words[style.name])
        assert len(sentence.split()) <= 15
        assert "; learned from" in sentence


def test_what_was_learned_from_much_is_marked():
    marked = {style.name for style in Bundle.open().styles if is_well_learned(style)}
    assert {name.split("/")[0] for name in marked} == {"bandai2"}
    assert all(map(is_well_learned, Bundle.open("open").styles)), "made styles are known exactly"


def test_a_bundle_without_words_has_none(tmp_path: Path):
    bundle = Path(shutil.copy(Bundle.open().path, tmp_path / "mine.kinestyle"))
    assert read_style_words(bundle) == {}
    (style, *_) = Bundle.open(bundle).styles
    assert sentence_of(style, None) == f"learned from {style.seconds:.0f} s"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[]", "words"),
        ('{"groups": [{"name": "A", "styles": [{"name": 3}]}]}', r"groups\[0\].styles\[0\].says"),
        ('{"groups": [{"styles": [{"name": "a/b", "says": "x"}]}]}', r"groups\[0\].name"),
    ],
)
def test_damaged_words_are_refused_with_their_place(tmp_path: Path, text: str, said: str):
    bundle = tmp_path / "mine.kinestyle"
    bundle.with_suffix(SUFFIX).write_text(text)
    with pytest.raises(BundleError, match=said):
        read_style_words(bundle)
