"""Where a style comes from: `Cue`, named styles, reference clips, both mixed, or none at all.

Like `kinestyle.runtime.settings`, this module loads neither numpy nor onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kinestyle.errors import StyleError, wrong_type
from kinestyle.runtime.curve import Curve
from kinestyle.runtime.part_names import split_style

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig

STYLE_FILE = ".style"
"""How the name of a file ends that holds a style of one's own."""

Reference = TypeVar("Reference", covariant=True)
Other = TypeVar("Other")


@dataclass(frozen=True)
class Cue(Generic[Reference]):
    """The style that is asked for. Checked when it is made; `Cue.of` takes shorter forms.

    style: names or labels of styles that the bundle knows, or `.style` files, each for all of the
        body, or with the parts that it is for, as "old@spine,head"
    like: references whose style is taken: clips for a `Stylizer`; files, ids or keys at its edges
    weights: the share of each style, then of each reference, of any sum; None: equal shares; a
        `Curve`: shares that change over the clip
    random: a style drawn without any cue
    like_rig: the rig of every reference; None: it is found in each

    Raises StyleError.
    """

    style: tuple[str, ...] = ()
    like: tuple[Reference, ...] = ()
    weights: tuple[float, ...] | Curve | None = None
    random: bool = False
    like_rig: Rig | str | Path | None = None

    def __post_init__(self) -> None:
        count = len(self.parts)
        if self.random:
            if count or self.weights is not None:
                raise StyleError(
                    "random draws a style without any cue; leave out style, like and their "
                    "weights, or random"
                )
            return
        if not count:
            raise StyleError(
                "neither style nor like nor random is given; name a style, a reference clip to "
                "be like, or ask for a random one"
            )
        if isinstance(self.weights, Curve):
            _check_curve(self.weights, count, any(self.parts))
            if self.weights.constant is not None:
                object.__setattr__(self, "weights", self.weights.constant)
        elif self.weights is not None:
            _check_weights(self.weights, count)
        if self.weights is not None and count == 1:
            raise StyleError(
                "weights are given to mix by, and there is one style only to take; name several, "
                "or say with strength how much of it there is to be"
            )

    @property
    def style_names(self) -> tuple[str, ...]:
        """The styles without their parts."""
        return tuple(split_style(name)[0] for name in self.style)

    @property
    def parts(self) -> tuple[str | None, ...]:
        """The parts of the body that each style, then each reference, is for; None: all of it.
        Raises StyleError.
        """
        return (*(split_style(name)[1] for name in self.style), *(None for _ in self.like))

    @staticmethod
    def of(
        style: str | Iterable[str] | Mapping[str, float] | None = None,
        *,
        like: Other | Sequence[Other] | None = None,
        weights: Iterable[float] | Curve | str | None = None,
        random: bool = False,
        like_rig: Rig | str | Path | None = None,
    ) -> Cue[Other]:
        """A cue of one style or several, one reference or several.

        style: also names with their shares
        weights: also as the command line has them, "0:1,0;4:0,1"

        Raises StyleError, and WrongTypeError.
        """
        if isinstance(style, Mapping):
            if weights is not None or like is not None:
                raise StyleError(
                    "shares are given with the styles, and weights or references beside them; give "
                    "names, references and one weight for each"
                )
            weights, style = tuple(style.values()), tuple(style)
        if style is not None and not isinstance(style, Iterable):
            raise wrong_type("style", style, _STYLES)
        styles, references = (
            (style,) if isinstance(style, str) else tuple(style or ()),
            _several(like),
        )
        for name in styles:
            if not isinstance(name, str):
                raise wrong_type("style", name, _STYLES)
        if weights is not None and not isinstance(weights, Iterable | Curve):
            raise wrong_type("weights", weights, "a number for each style, then each reference")
        if isinstance(weights, str):
            weights = Curve.parse(weights, len(styles) + len(references))
        if weights is not None and not isinstance(weights, Curve):
            weights = tuple(map(float, weights))
        return Cue(styles, references, weights, random, like_rig)

    def map(self, found: Callable[[Reference], Other]) -> Cue[Other]:
        """The same cue with other references: clips for files, say."""
        like = tuple(map(found, self.like))
        return Cue(self.style, like, self.weights, self.random, self.like_rig)

    def as_options(self, file: Callable[[Any], str] = str) -> list[str]:
        """The words of the command line that ask for the same. file: what a reference's file is
        called
        """
        words = [] if self.like_rig is None else ["--like-rig", str(self.like_rig)]
        for name in self.style:
            words += ["--style", name]
        for reference in self.like:
            words += ["--like", file(reference)]
        if self.weights is not None:
            words += ["--mix", self._weights_text]
        return [*words, "--random"] if self.random else words

    @property
    def _weights_text(self) -> str:
        if self.weights is None or isinstance(self.weights, Curve):
            return str(self.weights)
        return ",".join(f"{weight:.10g}" for weight in self.weights)

    def as_dict(self) -> dict[str, Any]:
        """As JSON, where references are; without their rig, which belongs to them."""
        return {
            "style": list(self.style),
            "like": list(self.like),
            "weights": self._weights_text
            if isinstance(self.weights, Curve)
            else self.weights and list(self.weights),
            "random": self.random,
        }


_STYLES = 'the name of a style such as "old", or several, or names with shares'


def _several(like: Any) -> tuple[Any, ...]:
    if like is None:
        return ()
    return tuple(like) if isinstance(like, Sequence) and not isinstance(like, str) else (like,)


MOST_KEYS = 16
"""Different shares in a curve of weights: each is a style of its own to compute."""


def _check_curve(weights: Curve, count: int, parts: bool) -> None:
    if parts:
        raise StyleError(
            "shares that change over the clip are given to styles for parts of the body; give one "
            "of the two"
        )
    if len(set(weights.values)) > MOST_KEYS:
        raise StyleError(
            f"{len(set(weights.values))} different shares are given over the clip, at most "
            f"{MOST_KEYS} are computed; between keys they change smoothly"
        )
    for values in weights.values:
        _check_weights(values, count)


def _check_weights(weights: tuple[float, ...], count: int) -> None:
    if len(weights) != count:
        raise StyleError(
            f"{len(weights)} weights given for {count} styles to mix, expected one for each"
        )
    if not (all(isfinite(weight) and weight >= 0.0 for weight in weights) and any(weights)):
        listed = ", ".join(f"{weight:g}" for weight in weights)
        raise StyleError(
            f"the weights to mix by are {listed}; they must be 0 or greater, and not all of them 0"
        )
