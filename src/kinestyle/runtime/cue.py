"""Where a style comes from: `Cue`, named styles, reference clips, both mixed, or none at all.

Like `kinestyle.runtime.settings`, this module loads neither numpy nor onnxruntime.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from kinestyle.errors import StyleError

if TYPE_CHECKING:
    from kinestyle.rig.rig_file import Rig

Reference = TypeVar("Reference", covariant=True)
Other = TypeVar("Other")


@dataclass(frozen=True)
class Cue(Generic[Reference]):
    """The style that is asked for. Checked when it is made; `Cue.of` takes shorter forms.

    style: names or labels of styles that the bundle knows
    like: references whose style is taken: clips for a `Stylizer`; files, ids or keys at its edges
    weights: the share of each style, then of each reference, of any sum; None: equal shares
    random: a style drawn without any cue
    like_rig: the rig of every reference; None: it is found in each

    Raises StyleError.
    """

    style: tuple[str, ...] = ()
    like: tuple[Reference, ...] = ()
    weights: tuple[float, ...] | None = None
    random: bool = False
    like_rig: Rig | str | Path | None = None

    def __post_init__(self) -> None:
        count = len(self.style) + len(self.like)
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
        if self.weights is not None:
            _check_weights(self.weights, count)

    @staticmethod
    def of(
        style: str | Iterable[str] | None = None,
        *,
        like: Other | Sequence[Other] | None = None,
        weights: Iterable[float] | None = None,
        random: bool = False,
        like_rig: Rig | str | Path | None = None,
    ) -> Cue[Other]:
        """A cue of one style or several, one reference or several."""
        return Cue(
            (style,) if isinstance(style, str) else tuple(style or ()),
            _several(like),
            None if weights is None else tuple(map(float, weights)),
            random,
            like_rig,
        )

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
            words += ["--mix", ",".join(f"{weight:.10g}" for weight in self.weights)]
        return [*words, "--random"] if self.random else words

    def as_dict(self) -> dict[str, Any]:
        """As JSON, where references are; without their rig, which belongs to them."""
        return {
            "style": list(self.style),
            "like": list(self.like),
            "weights": None if self.weights is None else list(self.weights),
            "random": self.random,
        }


def _several(like: Any) -> tuple[Any, ...]:
    if like is None:
        return ()
    return tuple(like) if isinstance(like, Sequence) and not isinstance(like, str) else (like,)


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
