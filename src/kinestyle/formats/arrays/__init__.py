"""Arrays of text-to-motion and video-pose models, `.npy` and `.npz`: `read_arrays`,
`write_arrays`.

Data flow: `numpy_files` are bytes to arrays, `positions` and `body_poses` find what is in them
(`joint_sets`, `rotations`), `features` and `kimodo` are two more layouts; `pose_fitting` finds the
rotations that positions leave open. `source` puts changed motion back.
"""

from kinestyle.formats.arrays.features import features_to_positions
from kinestyle.formats.arrays.reader import parse_npy, parse_npz, read_arrays
from kinestyle.formats.arrays.writer import format_arrays, write_arrays

__all__ = [
    "features_to_positions",
    "format_arrays",
    "parse_npy",
    "parse_npz",
    "read_arrays",
    "write_arrays",
]
