"""What the generator misses of a clip that counts as its style."""

from __future__ import annotations

import numpy as np

from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time

STYLE_RESIDUAL_STEPS = 1.0
"""Time constant in steps of the latent, 7.5 a second. What the generator misses of a clip, asked
for it in its own style, counts as style where it is as slow as this, because a style lasts. So a
style that was never learned goes as well when another comes."""

STYLE_RESIDUAL_GATE = (0.6, 1.2)
"""How much may be missed slowly, in root mean squares of the latent, for all of it to count as
style, and from where on none does: that much is an action that was never learned, and stays. Clips
of the learned styles miss .1 to .3, of others .6."""

RESIDUAL_REACH = int(np.ceil(3.0 * STYLE_RESIDUAL_STEPS))
"""How many steps before and after a step decide what is slow in it."""


def style_residual(
    missed: np.ndarray, gate: tuple[float, float] = STYLE_RESIDUAL_GATE
) -> np.ndarray:
    """missed: (Z, T/4) of a whole clip's latent by the generator -> what of it is style."""
    slow = slow_part(missed)
    return (style_share(float(np.mean(slow**2)), gate) * slow).astype(np.float32)


def slow_part(missed: np.ndarray) -> Array:
    """missed: (Z, N) -> (Z, N), what of it lasts."""
    return smooth_in_time(missed.T, STYLE_RESIDUAL_STEPS).T


def style_share(mean_squared: float, gate: tuple[float, float] = STYLE_RESIDUAL_GATE) -> float:
    """mean_squared: of a whole clip's slow part -> 0 to 1, how much of it counts as style.

    gate: as `STYLE_RESIDUAL_GATE`; a bundle states its own where it was trained with another
    """
    opens, closes = gate
    return float(1.0 - np.clip((np.sqrt(mean_squared) - opens) / (closes - opens), 0.0, 1.0))
