"""How thick a body is: one table for placeholder characters, pictures and the studio."""

from __future__ import annotations

RADIUS_M = {
    "hips": 0.095,
    "thigh": 0.075,
    "shin": 0.052,
    "foot": 0.038,
    "toe": 0.030,
    "spine": 0.100,
    "chest": 0.105,
    "neck": 0.050,
    "head": 0.085,
    "clavicle": 0.055,
    "upper_arm": 0.045,
    "forearm": 0.036,
    "hand": 0.030,
}
"""Metres, at the joint that plays a role: a slim adult as tall as the canonical skeleton. Sides are
alike, so that roles go by their part, see `kinestyle.motion.canonical.part_of`.
"""
