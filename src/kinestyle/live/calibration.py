"""What has to be known of a performer's rig before a frame can be restyled.

Of a whole clip, the correspondence to the canonical skeleton, the heights at which feet stand and
the motion's own style are read from all of its frames. A stream has none yet. So they are read once
from some seconds of the same rig, and kept: a clip of it, or the first seconds of the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from kinestyle.errors import ClipError
from kinestyle.live.habits import Settled
from kinestyle.motion.canonical import SIDES
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.retarget.contacts import (
    lowest_stand,
    measure_contacts,
    standing_heights,
)
from kinestyle.retarget.correspondence import Correspondence, correspond, to_canonical
from kinestyle.retarget.features import (
    LAYOUT,
    at_feature_rate,
    clip_to_features,
    heading_free_rotation,
    pad_last,
)
from kinestyle.retarget.footsteps import floor_of
from kinestyle.retarget.legs import leg_trajectories
from kinestyle.rig.mapping import map_joints
from kinestyle.rig.presets import as_rig
from kinestyle.rig.rig_file import Rig
from kinestyle.runtime.graphs import Graphs
from kinestyle.runtime.sequences import padded_count

LEAST_SECONDS = 1.0
"""Of motion, for a rig to show how it stands and which of its joints is which."""


@dataclass(frozen=True, eq=False)
class Calibration:
    """A rig, and how its performer stands and moves.

    pose: one frame of the rig, with its file's layout, units and axes
    correspondence: of the rig; floors: for the left and the right leg, heights of ankle and pivot
        when they stand, in the rig's units
    standing: (2,) metres, what `standing_heights` finds; stand: metres, what `lowest_stand` finds
    habits: the last seconds of motion, which say what the performer's own style is
    rig: what was said of which joint is which, as in `Settings`
    """

    pose: Clip
    correspondence: Correspondence
    floors: tuple[tuple[float, float], ...]
    standing: Array
    stand: float
    habits: Settled
    rig: Rig | str | Path | None = None

    @property
    def frame_time_seconds(self) -> float:
        return self.pose.frame_time_seconds


def calibrate(graphs: Graphs, clip: Clip, rig: Rig | str | Path | None = None) -> Calibration:
    """Look at some seconds of a rig's motion: standing and walking show most.

    rig: as in `Settings`

    Raises RigError where no humanoid is found; ClipError for less than a second, and for motion
    that is not finite.
    """
    if not clip.is_finite:
        raise ClipError(f"{clip.name} has positions or rotations that are not finite numbers")
    # as many frames as last so long, and the last of them has no step behind it
    if clip.duration_seconds < LEAST_SECONDS - 1.5 * clip.frame_time_seconds:
        raise ClipError(
            f"{clip.name} lasts {clip.duration_seconds:.2f} s, too short to show how its rig "
            f"moves; {LEAST_SECONDS:g} s or more are needed"
        )
    c = correspond(clip, map_joints(clip, as_rig(rig)))
    joints, legs = c.legs
    above_rest, _ = measure_contacts(to_canonical(clip, c))
    both = leg_trajectories(clip.window(0, clip.frame_count, joints), legs)
    ankles = np.stack([leg.foot[:, 1] for leg in both], axis=1) * c.scale_to_canonical
    canonical = at_feature_rate(to_canonical(clip, c))
    features = clip_to_features(canonical)
    features = pad_last(features, padded_count(len(features)))
    latent = graphs.encode(features)
    habits = Settled(
        latent,
        graphs.content(latent),
        heading_free_rotation(features),
        features[:, LAYOUT["root_height"]][:, 0],
    )
    pose = clip.window(0, 1)
    return Calibration(
        pose,
        c,
        tuple(
            (floor_of(both[k].foot[:, 1]), floor_of(both[k].pivot[:, 1])) for k in range(len(SIDES))
        ),
        standing_heights(above_rest),
        lowest_stand(ankles),
        habits.last(),
        rig,
    )
