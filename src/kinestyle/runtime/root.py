"""The ways in which a restyled clip may travel. Apart from the rest, so that naming them loads
nothing.
"""

from __future__ import annotations

from typing import Literal, get_args

Root = Literal["planted", "predicted", "copied", "keep"]
"""Where the hips' path over the ground, and their height, come from:

planted: as far as planted feet carry them; where no foot is planted, as the global motion predictor
says (the default) predicted: the global motion predictor alone, as in Guo et al.; pace follows the
style, feet are planted afterwards
copied: the input's velocity over the ground; height follows the style
keep: the rig's own numbers, height included: a clip that has to meet a prop or another character
"""

ROOTS: tuple[Root, ...] = get_args(Root)
