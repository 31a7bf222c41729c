"""How far a clip is from what a bundle knows: the error with which the bundle's autoencoder gives it back.

Motion unlike all that was learned (lying, breakdance) comes back as something else, and so do changes made to it. The error
says so before anybody looks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.features import heading_free_rotation
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import forward_kinematics, world_to_local_rotation

FAR = 6.0
"""From so many times the usual error on, a clip is far from what the bundle knows. Clips of the styles with little motion, and
of other rigs, have 2 to 5 times it; dances and clips with damaged limbs more."""


@dataclass(frozen=True, eq=False)
class Fit:
    """How well a bundle's autoencoder gives one clip back.

    name: the clip's
    error_cm: (T30,) mean distance of the joints from where they were, hips held in place
    usual_cm: the same on motion like what the bundle learned from, None where the bundle does not say
    """

    name: str
    error_cm: Array
    usual_cm: float | None

    @property
    def times_usual(self) -> Array:
        """(T30,) the error as a multiple of the usual one; not a number where that is not known."""
        return self.error_cm / (self.usual_cm or np.nan)

    @property
    def is_far(self) -> bool:
        """Whether the clip as a whole is far from what the bundle knows."""
        return bool(self.times_usual.mean() > FAR)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What to tell a user: nothing, unless the clip is far."""
        if not self.is_far:
            return ()
        error = f"{self.error_cm.mean():.1f} cm, {self.times_usual.mean():.0f} times its usual error"
        found = f"{self.name} is unlike what the model learned from (given back to {error})"
        return (f"{found}; look at the result, a lower strength may be better",)


def measure_fit(name: str, features: Array, decoded: Array, usual_cm: float | None) -> Fit:
    """name: the clip's, features, decoded: (T30, 260), the clip and what the autoencoder made of it."""
    apart = _joint_position(decoded) - _joint_position(features)
    return Fit(name, 100.0 * np.linalg.norm(apart, axis=-1).mean(axis=-1), usual_cm)


def _joint_position(features: Array) -> Array:
    """(T, 260) -> (T, 21, 3) metres from the hips, from rotations: errors add up along a limb, as they do for the user."""
    local_rotation = world_to_local_rotation(CANONICAL, heading_free_rotation(features))
    return forward_kinematics(CANONICAL, CANONICAL.offsets, local_rotation)[0]
