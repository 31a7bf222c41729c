"""HumanML3D arrays, the output of text-to-motion models: `read_npy`, reading only.

22 joints at 20 frames a second, as positions or as 263 features. Joints and their order are SMPL's
without the hands; metres, Y up. `reader` takes positions from an array, `pose_fitting` finds the
rotations that they leave open.
"""

from kinestyle.formats.humanml3d.reader import features_to_positions, parse_npy, read_npy

__all__ = ["features_to_positions", "parse_npy", "read_npy"]
