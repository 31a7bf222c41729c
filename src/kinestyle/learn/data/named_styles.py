"""Made styles that have a name: each is a few plain things that an animator would say of a body.

The other made styles are drawn, and teach breadth. These are what a bundle that learned from no
labelled motion knows by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from kinestyle.bundle.made_style import PLAIN, MadeStyle
from kinestyle.motion.canonical import CANONICAL, SIDES
from kinestyle.motion.rotation import Array

_PAIRED = ("clavicle", "upper_arm", "hand")


def _held(**degrees: tuple[float, float, float]) -> Array:
    """(21, 3) radians; of each part, how far it is turned about its parent's left, up and front
    axes. Of what there are two, the left one is given.
    """
    offsets = np.zeros((CANONICAL.joint_count, 3))
    for part, about in degrees.items():
        turned = np.radians(about)
        if part in _PAIRED:
            for side, mirror in zip(SIDES, ([1.0, 1.0, 1.0], [1.0, -1.0, -1.0]), strict=True):
                offsets[CANONICAL.index(f"{side}_{part}")] = turned * mirror
        else:
            offsets[CANONICAL.index(part)] = turned
    return offsets


def _elbows(degrees: float) -> Array:
    return np.full(2, np.radians(degrees))


NAMED_STYLES: Mapping[str, MadeStyle] = {
    "stooped": replace(
        PLAIN,
        offsets=_held(
            spine=(22, 0, 0),
            chest=(18, 0, 0),
            neck=(-6, 0, 0),
            head=(-8, 0, 0),
            upper_arm=(-34, 0, 0),
        ),
        elbow_flexion=_elbows(12.0),
        hip_height_m=-0.04,
        stride=0.85,
    ),
    "upright": replace(
        PLAIN,
        offsets=_held(spine=(-6, 0, 0), chest=(-12, 0, 0), head=(-6, 0, 0), clavicle=(0, -10, -4)),
        amplitude=(1.15, 0.8),
        hip_height_m=0.015,
        stride=1.08,
    ),
    "crouching": replace(
        PLAIN,
        offsets=_held(spine=(16, 0, 0), chest=(10, 0, 0), head=(-16, 0, 0), upper_arm=(-26, 0, 0)),
        elbow_flexion=_elbows(25.0),
        hip_height_m=-0.18,
        hip_pitch=0.12,
        lift=0.8,
    ),
    "stiff": replace(
        PLAIN,
        amplitude=(0.45, 0.4),
        elbow_flexion=_elbows(-30.0),
        bounce=0.5,
        twist=0.4,
        smoothing_seconds=0.1,
    ),
    "loose": replace(
        PLAIN,
        amplitude=(1.5, 1.5),
        lag_seconds=0.11,
        smoothing_seconds=0.08,
        elbow_flexion=_elbows(8.0),
        bounce=1.4,
        twist=1.6,
        sway_m=0.02,
    ),
    "swaggering": replace(
        PLAIN,
        offsets=_held(chest=(-8, 0, 0), upper_arm=(0, 0, 14), clavicle=(0, -6, 4)),
        amplitude=(1.3, 1.8),
        elbow_flexion=_elbows(15.0),
        sway_m=0.05,
        step_width_m=0.05,
        toe_out=0.2,
        twist=1.8,
    ),
    "arms-wide": replace(
        PLAIN,
        offsets=_held(upper_arm=(0, 0, 32), clavicle=(0, 0, 6)),
        elbow_flexion=_elbows(12.0),
        step_width_m=0.03,
    ),
    "heavy": replace(
        PLAIN,
        offsets=_held(spine=(8, 0, 0), upper_arm=(0, 0, 10)),
        amplitude=(0.8, 1.2),
        smoothing_seconds=0.15,
        elbow_flexion=_elbows(12.0),
        hip_height_m=-0.06,
        sway_m=0.055,
        step_width_m=0.08,
        toe_out=0.25,
        bounce=1.5,
        tempo=0.85,
    ),
    "trembling": replace(
        PLAIN,
        offsets=_held(spine=(8, 0, 0), clavicle=(0, 4, 10), head=(6, 0, 0)),
        elbow_flexion=_elbows(20.0),
        amplitude=(0.7, 0.8),
        tremble=0.055,
        tremble_hz=6.0,
        stride=0.9,
    ),
    "shrinking": replace(
        PLAIN,
        offsets=_held(
            spine=(10, 0, 0), head=(16, 0, 0), clavicle=(0, 12, 16), upper_arm=(0, 0, -8)
        ),
        elbow_flexion=_elbows(30.0),
        amplitude=(0.5, 0.7),
        step_width_m=-0.04,
        toe_out=-0.12,
        stride=0.8,
    ),
    "limping": replace(
        PLAIN,
        offsets=_held(spine=(6, 0, 0)),
        limp=0.9,
        hip_height_m=-0.07,
        sway_m=0.04,
        stride=0.85,
    ),
    "springy": replace(
        PLAIN,
        offsets=_held(chest=(-4, 0, 0), head=(-4, 0, 0)),
        amplitude=(1.6, 1.2),
        smoothing_seconds=-0.05,
        elbow_flexion=_elbows(18.0),
        bounce=2.2,
        lift=1.5,
        stride=1.08,
        tempo=1.12,
    ),
    "dragging": replace(
        PLAIN,
        offsets=_held(
            spine=(14, 0, 0),
            chest=(6, 0, 0),
            head=(20, 0, 0),
            clavicle=(0, 6, -8),
            upper_arm=(-20, 0, 0),
        ),
        amplitude=(0.5, 0.8),
        lag_seconds=0.08,
        smoothing_seconds=0.12,
        elbow_flexion=_elbows(-20.0),
        hip_height_m=-0.04,
        lift=0.6,
        stride=0.8,
        tempo=0.8,
    ),
}
"""Names that no recorded set uses for something else."""
