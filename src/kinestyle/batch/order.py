"""What a run is asked for: `Order`, and the work on each clip, as plain values that travel to other
processes.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from kinestyle.errors import MotionFileError, StyleError
from kinestyle.formats.reading import AS_IT_IS, Reading
from kinestyle.formats.table import FORMATS, writer_of
from kinestyle.formats.unique_names import unique_names
from kinestyle.runtime.cue import STYLE_FILE, Cue
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.part_names import split_style
from kinestyle.runtime.settings import Settings

_LONGEST_TAG = 60
"""Characters of a name that say the style."""
_READ_ONLY = ".bvh"
"""The format of results of clips whose own format is only read."""


@dataclass(frozen=True)
class Order:
    """What is done to every clip.

    cues: the styles, each of which gives results of its own; their references are files or styles
    settings: how clips are restyled; its seed is that of the first variation
    samples: how many variations of each style
    suffix: the format of the results, such as ".glb"; None: that of each clip
    reading, like_reading: how clips, and references, are read
    bundle, own_styles: as `Stylizer.load` takes them
    """

    cues: tuple[Cue[Any], ...]
    settings: Settings = Settings()
    samples: int = 1
    suffix: str | None = None
    reading: Reading = AS_IT_IS
    like_reading: Reading = AS_IT_IS
    bundle: str | None = None
    own_styles: tuple[str, ...] = ()

    def seeded(self, seed: int) -> Settings:
        """The settings of one variation."""
        return replace(self.settings, seed=seed)

    @property
    def variations(self) -> Iterator[tuple[int, int]]:
        """(cue, seed) of each result of a clip."""
        for cue in range(len(self.cues)):
            for i in range(self.samples):
                yield cue, self.settings.seed + i


@dataclass(frozen=True)
class FoundClip:
    """A clip to restyle.

    place: its path, or its URL; name: relative to what was searched, with slashes
    identity: of its content, as far as that can be told without reading it; size: bytes
    """

    place: str
    name: str
    identity: str
    size: int


@dataclass(frozen=True)
class Result:
    """One result that is wanted: of which cue, in which variation, and where it goes below the
    folder of results. key: a hash of all that it depends on
    """

    cue: int
    seed: int
    out: str
    key: str


@dataclass(frozen=True)
class Work:
    """A clip and what is wanted of it: it is read and analysed once."""

    clip: FoundClip
    results: tuple[Result, ...]


def cues_of(
    style: Sequence[str] = (),
    like: Sequence[Any] = (),
    weights: Sequence[float] | str | None = None,
    random: bool = False,
    like_rig: Any = None,
) -> tuple[Cue[Any], ...]:
    """A cue for each style and each reference; with weights, or at random, one. Raises
    StyleError.
    """
    if weights is not None or random or not (style or like):
        return (Cue.of(style, like=like, weights=weights, random=random, like_rig=like_rig),)
    return (
        *(Cue.of(name, like_rig=like_rig) for name in style),
        *(Cue.of(like=[reference], like_rig=like_rig) for reference in like),
    )


def tags_of(order: Order) -> tuple[str, ...]:
    """What the names of the results of each cue say of it, no two alike."""
    return unique_names([_tag(cue) for cue in order.cues], "-")[0]


def _tag(cue: Cue[Any]) -> str:
    if cue.random:
        return "random"
    words = []
    for style in cue.style:
        name, parts = split_style(style)
        name = Path(name).stem if name.lower().endswith(STYLE_FILE) else name
        words.append(name if parts is None else f"{name}@{parts.replace(',', '+')}")
    for reference in cue.like:
        words.append(f"like-{getattr(reference, 'label', None) or PurePosixPath(reference).stem}")
    shares = cue.weights
    if isinstance(shares, Curve):
        words.append(_short_hash(str(shares)))
    elif shares is not None:
        words = [f"{word}{share:g}" for word, share in zip(words, shares, strict=True)]
    tag = re.sub(r"[^\w.@+=-]+", "-", "+".join(words)).strip(".-") or "style"
    return tag if len(tag) <= _LONGEST_TAG else f"{tag[:_LONGEST_TAG]}-{_short_hash(tag)}"


def strength_tag(strength: Any) -> str:
    return f"{strength:g}" if isinstance(strength, float | int) else _short_hash(str(strength))


def _short_hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:6]


def plan(order: Order, clips: Sequence[FoundClip], fingerprints: Sequence[str]) -> list[Work]:
    """The work on each clip. fingerprints: of what the results of each cue depend on beside it

    A result is called CLIP_STYLE_sSTRENGTH_vVARIATION, in the folder that the clip has below what
    was searched. Clips that would go to one place keep their own format in the name.
    """
    if order.suffix is not None:
        writer_of(Path("any").with_suffix(order.suffix))
    tags, strength = tags_of(order), strength_tag(order.settings.strength)
    stems = _stems(order, clips)
    works = []
    for clip, (stem, suffix) in zip(clips, stems, strict=True):
        results = []
        for cue, seed in order.variations:
            out = f"{stem}_{tags[cue]}_s{strength}_v{seed}{suffix}"
            known = "\n".join((fingerprints[cue], clip.name, clip.identity, out))
            key = hashlib.sha256(known.encode("utf-8", "surrogateescape")).hexdigest()
            results.append(Result(cue, seed, out, key[:24]))
        works.append(Work(clip, tuple(results)))
    return works


def _stems(order: Order, clips: Sequence[FoundClip]) -> list[tuple[str, str]]:
    """The beginning of the names of each clip's results, no two alike, and their suffix."""
    pairs = []
    for clip in clips:
        path = PurePosixPath(clip.name)
        suffix = order.suffix or _written_as(path.suffix)
        pairs.append((str(path.with_suffix("")), suffix, path.suffix.lstrip(".")))
    counts: dict[tuple[str, str], int] = {}
    for stem, suffix, _ in pairs:
        counts[stem, suffix] = counts.get((stem, suffix), 0) + 1
    kept = [stem if counts[stem, suffix] == 1 else f"{stem}-{own}" for stem, suffix, own in pairs]
    unique = unique_names(kept, "-")[0] if len(set(kept)) < len(kept) else kept
    return [(stem, suffix) for stem, (_, suffix, _) in zip(unique, pairs, strict=True)]


def _written_as(suffix: str) -> str:
    row = FORMATS.get(suffix.lower())
    return _READ_ONLY if row is None or row.write is None else suffix


def shard_of(text: str) -> tuple[int, int]:
    """ "2/8" -> (2, 8), the part and how many there are. Raises StyleError."""
    found = re.fullmatch(r"\s*(\d{1,7})\s*/\s*(\d{1,7})\s*", text)
    part, count = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= part <= count:
        raise StyleError(
            f"shard is {text!r}, expected the part and how many there are, from 1/N to N/N, such "
            f"as 2/8"
        )
    return part, count


def require_folder(place: str) -> None:
    """Raises MotionFileError for a place of results that can only be a file."""
    out = Path(place)
    if out.suffix.lower() in FORMATS and not out.is_dir():
        raise MotionFileError(
            f"{out} is the name of one file, and there may be many results; name a folder, such "
            f"as {out.with_suffix('')}/"
        )
