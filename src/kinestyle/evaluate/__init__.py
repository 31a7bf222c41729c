"""Measuring restyled motion: judges that were trained on real motion, and measures of feet, jerk
and path.
"""
