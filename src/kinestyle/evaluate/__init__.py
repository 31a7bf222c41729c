"""The benchmark of restyled motion: judges that were trained on real motion, measures of feet,
jerk, limits and trajectory, and the distance to real clips.
"""
