"""`.style` files: styles of one's own, as JSON that says where they come from.

A style file is read with the bundle that it was heard with. With another one its code says nothing,
and the style is its posture.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from kinestyle.bundle import Bundle
from kinestyle.errors import StyleError
from kinestyle.json_object import JsonObject
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.note import Note
from kinestyle.runtime.cue import STYLE_FILE
from kinestyle.runtime.own_styles import MOST_POSTURES, HeardClip, HeardPosture, OwnStyle
from kinestyle.runtime.posture import Posture
from kinestyle.storage import read_bytes, replace_bytes

FORMAT = 1
OWN = "own"
"""The set of all own styles: their whole names are "own/goblin"."""

MAX_BYTES = 2**22
_MAX_CODE, _MAX_SECONDS, _MAX_CLIPS, _MAX_MODULATION = 1e6, 1e9, 10_000, 2**16


def codes_of(bundle: Bundle) -> str:
    """What style codes depend on: a hash of the graphs that read and take them."""
    of_graphs = "".join(bundle.manifest.sha256[name] for name in ("style_encoder", "generator"))
    return hashlib.sha256(of_graphs.encode()).hexdigest()


def own_name(name: str) -> str:
    """The whole name of a style that a person calls so: "own/goblin". Raises StyleError."""
    name = name.strip()
    if not name or "/" in name or not name.isprintable():
        raise StyleError(f"a style cannot be called {name!r}; take a name without a slash")
    return f"{OWN}/{name}"


def write_style(style: OwnStyle, bundle: Bundle, path: Path) -> None:
    """Write a style that was heard with a bundle, whole or not at all. Raises MotionFileError."""
    replace_bytes(path, format_style(style, bundle))


def format_style(style: OwnStyle, bundle: Bundle) -> bytes:
    """The content of the file of a style that was heard with a bundle."""
    content = {
        "kinestyle style": FORMAT,
        "name": style.label,
        "bundle": {"name": bundle.path.stem, "codes": codes_of(bundle)},
        "seconds": style.seconds,
        "mean": style.mean.tolist(),
        "deviation": style.std.tolist(),
        "unfamiliar": style.unfamiliar,
        "apart": style.apart if np.isfinite(style.apart) else None,
        "posture": None if style.posture is None else _posture_as_json(style.posture),
        "modulation": None if style.modulation is None else style.modulation.round(6).tolist(),
        "clips": [vars(clip) for clip in style.clips],
        "heard in": [
            {
                "content": one.content.round(4).tolist(),
                "weight": one.weight,
                "posture": _posture_as_json(one.posture),
            }
            for one in style.heard_in
        ],
    }
    return (json.dumps(content, indent=1) + "\n").encode()


def _posture_as_json(posture: Posture) -> dict[str, Any]:
    return {
        "mean": posture.mean.ravel().round(9).tolist(),
        "swing": posture.swing.ravel().round(9).tolist(),
        "height": posture.height,
        "frames": posture.frames,
        "hands": posture.hands.tolist(),
        "legs": posture.legs,
        "arms": posture.arms.tolist(),
        "stepping": posture.stepping,
    }


def read_style(path: Path, bundle: Bundle) -> OwnStyle:
    """A style file, for a bundle. Raises StyleError with what is wrong in it, MotionFileError."""
    return parse_style(read_bytes(path, MAX_BYTES), path.name, bundle)


def parse_style(content: bytes, file: str, bundle: Bundle) -> OwnStyle:
    """The content of a style file; file: what messages call it. Raises StyleError."""
    root = JsonObject.parse(content, file, StyleError, "a style file of Kinestyle")
    root.integer("kinestyle style", FORMAT, FORMAT, "the version of the format")
    name = root.line("name")
    if not name or "/" in name:
        root.refuse("name", "a name without a slash")
    mean = root.numbers("mean", "numbers", -_MAX_CODE, _MAX_CODE)
    std = root.numbers("deviation", "numbers", 0.0, _MAX_CODE)
    if len(std) != len(mean) or not mean:
        root.refuse("deviation", f"as many numbers as mean has, {len(mean)}, at least one")
    of_bundle = root.part("bundle")
    style = OwnStyle(
        f"{OWN}/{name}",
        root.number("seconds", 0.0, _MAX_SECONDS),
        np.array(mean, np.float32),
        np.array(std, np.float32),
        posture=None if root.fields.get("posture") is None else _posture(root.part("posture")),
        unfamiliar=root.number("unfamiliar", 0.0, 1.0),
        clips=tuple(
            HeardClip(
                clip.line("name"),
                clip.number("seconds", 0.0, _MAX_SECONDS),
                clip.number("weight", 0.0, 1.0),
                clip.number("distance", 0.0, _MAX_CODE),
            )
            for clip in root.parts("clips")[:_MAX_CLIPS]
        ),
        modulation=_modulation(root),
        heard_in=_heard_in(root),
        apart=float("nan") if root.fields.get("apart") is None else root.number("apart", 0.0, 1e6),
    )
    if of_bundle.line("codes") == codes_of(bundle):
        return style
    heard_with = of_bundle.line("name")
    if style.posture is None:
        raise StyleError(
            f"{file} was heard with the bundle {heard_with} and has no posture, so that it "
            f"says nothing to {bundle.path.stem}; choose that bundle, or learn the style again"
        )
    size = bundle.manifest.code_size or len(mean)
    note = Note(
        f"{file} was heard with the bundle {heard_with}; here it is its posture alone",
        "style-of-another-bundle",
        "The style was learned with another model: only its posture is taken",
    )
    nothing = np.zeros(size, np.float32)
    return replace(
        style,
        mean=nothing,
        std=nothing,
        unfamiliar=1.0,
        notes=(note,),
        modulation=None,
        heard_in=(),
    )


def _heard_in(root: JsonObject) -> tuple[HeardPosture, ...]:
    found: list[HeardPosture] = []
    for one in root.parts("heard in")[:MOST_POSTURES] if "heard in" in root.fields else []:
        content = one.numbers("content", "numbers", -_MAX_CODE, _MAX_CODE)
        if not 0 < len(content) <= _MAX_MODULATION or (
            found and len(content) != len(found[0].content)
        ):
            one.refuse("content", "numbers, as many for each")
        posture = _posture(one.part("posture"))
        found.append(HeardPosture(np.array(content), posture, one.number("weight", 0.0, 1.0)))
    return tuple(found)


def _modulation(root: JsonObject) -> np.ndarray | None:
    if root.fields.get("modulation") is None:
        return None
    values = root.numbers("modulation", "numbers", -_MAX_CODE, _MAX_CODE)
    if not 0 < len(values) <= _MAX_MODULATION:
        root.refuse("modulation", f"1 to {_MAX_MODULATION} numbers")
    return np.array(values)


def _posture(found: JsonObject) -> Posture:
    joints = CANONICAL.joint_count

    def several(name: str, count: int, least: float, most: float) -> np.ndarray:
        values = found.numbers(name, f"{count} numbers", least, most)
        if len(values) != count:
            found.refuse(name, f"{count} numbers")
        return np.array(values, dtype=float)

    mean = several("mean", 4 * joints, -1.0, 1.0).reshape(joints, 4)
    if np.linalg.norm(mean, axis=1).min() < 0.5:
        found.refuse("mean", "unit quaternions")
    return Posture(
        rotation.normalize(mean),
        several("swing", 3 * joints, 0.0, 10.0).reshape(joints, 3),
        found.number("height", 0.0, 2.0),
        found.number("frames", 0.0, _MAX_SECONDS),
        several("hands", 2, -2.0, 2.0),
        found.number("legs", 0.0, 1.0),
        several("arms", 2, 0.0, 1.0) if "arms" in found.fields else np.ones(2),
        found.number("stepping", 0.0, 1.0) if "stepping" in found.fields else 1.0,
    )


def style_files(places: Iterable[Path | str]) -> list[Path]:
    """The style files that are named, and those in the folders that are, by name. Raises
    StyleError.
    """
    found: list[Path] = []
    for place in map(Path, places):
        if place.is_dir():
            found += sorted(place.glob(f"*{STYLE_FILE}"))
        elif place.suffix.lower() == STYLE_FILE:
            found.append(place)
        else:
            raise StyleError(
                f"{place} is neither a folder nor a {STYLE_FILE} file; name what "
                f"`kinestyle learn` wrote"
            )
    return found


def with_own_styles(bundle: Bundle, places: Iterable[Path | str]) -> Bundle:
    """The bundle that knows the styles of these files, and of the files in these folders, beside
    its own. Raises StyleError, MotionFileError.
    """
    own = [read_style(path, bundle) for path in style_files(places)]
    return replace(bundle, own=(*bundle.own, *own)) if own else bundle
