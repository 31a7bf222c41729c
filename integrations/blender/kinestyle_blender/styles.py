# SPDX-FileCopyrightText: The Kinestyle authors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bundles inside the extension, their styles, and the stills that show them."""

from __future__ import annotations

import zlib
from functools import cache
from pathlib import Path
from typing import Any

import bpy.utils.previews

from kinestyle import Stylizer
from kinestyle.bundle import Bundle, named_bundles
from kinestyle.bundle.style_words import read_style_words, sentence_of

ICONS = Path(__file__).parent / "icons"
"""Stills, `BUNDLE/STYLE.png`, which scripts/blender_extension draws."""

_previews: Any = None


def bundle_names() -> list[str]:
    """Those with styles by name."""
    return [name for name in named_bundles() if Bundle.open(name).styles]


@cache
def stylizer_of(bundle: str) -> Stylizer:
    """Kept: to open one takes half of a second. Raises BundleError."""
    return Stylizer.load(bundle)


@cache
def bundle_items() -> list[tuple[str, str, str, int]]:
    """Items of an enum, kept, as Blender asks for it."""
    names = bundle_names()
    return [
        (name, name.capitalize(), Bundle.open(name).manifest.licence or "", _number(name, names))
        for name in names
    ]


@cache
def style_items(bundle: str) -> list[tuple[str, str, str, int, int]]:
    """Items of an enum: one for each label of a bundle, with its still."""
    opened = Bundle.open(bundle)
    labels = list(dict.fromkeys(style.label for style in opened.styles))
    words = read_style_words(opened.path)
    said = {
        label: sentence_of(opened.style(label), words.get(opened.style(label).name))
        for label in labels
    }
    return [
        (label, label, said[label], icon_of(bundle, label), _number(label, labels))
        for label in sorted(labels)
    ]


def still_of(bundle: str, label: str) -> Any:
    """The picture of a style; None where there is none."""
    path = ICONS / bundle / f"{label.replace('/', '_')}.png"
    if _previews is None or not path.is_file():
        return None
    key = f"{bundle}/{label}"
    return _previews[key] if key in _previews else _previews.load(key, str(path), "IMAGE")


def icon_of(bundle: str, label: str) -> int:
    """The number of a still; 0 where there is none."""
    still = still_of(bundle, label)
    return 0 if still is None else int(still.icon_id)


def _number(name: str, names: list[str]) -> int:
    """What a .blend file keeps of a choice: the same whatever is added behind the first, which is
    what Blender takes before anything is chosen, 0.
    """
    return 0 if name == names[0] else zlib.crc32(name.encode()) & 0x7FFFFFFF


def open_previews() -> None:
    global _previews
    _previews = bpy.utils.previews.new()


def close_previews() -> None:
    global _previews
    if _previews is not None:
        bpy.utils.previews.remove(_previews)
    _previews = None
    for kept in (stylizer_of, bundle_items, style_items):
        kept.cache_clear()
