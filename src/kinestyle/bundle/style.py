"""A style as a Gaussian, from which codes for the generator are taken."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.bundle.made_style import MadeStyle, as_json
from kinestyle.label import Label


@dataclass(frozen=True, eq=False, repr=False)
class Style:
    """A style that a bundle knows, or reads from a clip: a Gaussian in style space.

    name: "set/label", or the clip's; seconds: how much motion it was learned or read from; mean,
        std: (K,)
    made: what the style is, for one that is made up and needs no network

    Two styles are equal where all of that is.
    """

    name: str
    seconds: float
    mean: np.ndarray
    std: np.ndarray
    made: MadeStyle | None = None

    @property
    def label(self) -> str:
        return Label.parse(self.name).name

    def draw(self, random: np.random.Generator) -> np.ndarray:
        """(K,) one way in which the style may be shown."""
        return (self.mean + self.std * random.standard_normal(len(self.mean))).astype(np.float32)

    def variation(self, seed: int) -> np.ndarray:
        """(K,) the middle of the style (seed 0) or a draw from it, the same for the same seed."""
        assert seed >= 0, "Settings checks the seed"
        return self.mean if seed == 0 else self.draw(np.random.default_rng(seed))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Style):
            return NotImplemented
        return (
            (self.name, self.seconds) == (other.name, other.seconds)
            and np.array_equal(self.mean, other.mean)
            and np.array_equal(self.std, other.std)
            and (self.made and as_json(self.made)) == (other.made and as_json(other.made))
        )

    def __hash__(self) -> int:
        # of what cannot differ between equal styles: 0.0 and -0.0 are equal, their bytes are not
        return hash((self.name, self.seconds, len(self.mean)))

    def __repr__(self) -> str:
        return f"Style({self.name!r}, {self.seconds:g} s, {len(self.mean)} numbers)"
