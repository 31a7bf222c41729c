"""Timing: a clip as fast as a style moves.

A bundle says what each number of a style code does to the log of tempo, how often a movement comes
a second, of bodies that stand and of those that walk. The clip's own code has a tempo too, so that
their difference says by how much the clip is to be hurried or slowed, moment by moment. That is
done before anything else: the clip is sampled at other moments, all of its joints alike, and what
comes out is analysed and restyled as any clip. A foot that stands still does so at any moment, and
so it does in the result.
"""

from __future__ import annotations

import numpy as np

from kinestyle.bundle import Bundle
from kinestyle.errors import BundleError, StyleError
from kinestyle.motion.canonical import joints_from_hips
from kinestyle.motion.rotation import Array
from kinestyle.motion.smoothing import smooth_in_time, smootherstep
from kinestyle.motion.window import Motion
from kinestyle.note import Note
from kinestyle.retarget.features import FRAME_RATE
from kinestyle.runtime.reference import StyleCode
from kinestyle.runtime.settings import Timing

MOST = float(np.log(2.0))
"""Of the log of tempo that is ever taken over: twice as fast, or half."""

LEAST = float(np.log(1.02))
"""Below this nobody sees a difference, and a clip keeps its frames."""

INNER = 1.0
"""The share of a change of tempo that is given to movements and taken from pauses, or the other way
round, where the number of frames stays. Of 120 restylings of validation clips, the judges find the
style in .917 without, .938 with this, .942 with 1.2; the other way round, with -.5, in .896. Where
the number of frames changes, all moments get the same: to give movements .4 more, or less, makes a
difference in one or two of 240 answers.
"""

WALKING_M_S = 0.2, 0.6
"""From which speed on a body walks, and from which on it does nothing else. In set 2 the log of
tempo of gestures is 1.3 to 1.6 times what all contents have in the mean, of walks .28, of runs
0.02."""

_MOVEMENT_SMOOTHING_FRAMES, _WALKING_SMOOTHING_FRAMES = 4.0, 15.0
"""At 30 a second, of the joints' mean speed and of the hips': time should not stumble."""


def tempo_change(bundle: Bundle, code: np.ndarray, own: np.ndarray, walking: Array) -> Array:
    """code, own: (K,), walking: (T30,) as `walking_share` returns it -> (T30,) the log of how many
    times as fast a clip of the style `own` moves in the style `code` at each moment. Raises
    StyleError for a bundle that does not say, BundleError. Made styles say it themselves.
    """
    if isinstance(code, StyleCode) and code.made is not None:
        by_itself = np.full(len(walking), np.log(code.made.tempo))
        if code.made_share == 1.0:
            return by_itself
        rest = tempo_change(bundle, code.view(np.ndarray), own, walking)
        return code.made_share * by_itself + (1.0 - code.made_share) * rest
    tempo = bundle.manifest.tempo
    if tempo is None:
        raise StyleError(
            f"the bundle {bundle.path.name} does not say how fast its styles move, which timing "
            f"needs; take timing keep, or train the bundle again with this version"
        )
    if len(tempo.standing) != len(code):
        raise BundleError(
            f"the manifest of {bundle.path} gives the tempo of {len(tempo.standing)} numbers, "
            f"expected as many as a style code has, {len(code)}; export the bundle again"
        )
    apart = np.asarray(code, dtype=float) - np.asarray(own, dtype=float)
    return np.asarray(
        (1.0 - walking) * (np.array(tempo.standing) @ apart)
        + walking * (np.array(tempo.walking) @ apart)
    )


def walking_share(velocity: Array) -> Array:
    """velocity: (T30, 2) metres a frame, of the hips over the ground -> (T30,) 0 to 1, how much a
    body goes somewhere at each moment: cadence changes less with style than gestures do.
    """
    speed = FRAME_RATE * np.linalg.norm(velocity, axis=-1)
    begins, whole = WALKING_M_S
    return smootherstep(
        (smooth_in_time(speed, _WALKING_SMOOTHING_FRAMES) - begins) / (whole - begins)
    )


def movement(rotation: Array) -> Array:
    """rotation: (T30, 21, 4) world rotations with the heading removed -> (T30,) from -1, where a
    clip moves least, to 1, where it moves most.
    """
    position = joints_from_hips(rotation)
    if len(position) < 3:
        return np.zeros(len(position))
    speed = np.linalg.norm(np.gradient(position, axis=0), axis=-1).mean(axis=-1)
    smooth = smooth_in_time(speed, _MOVEMENT_SMOOTHING_FRAMES)
    rank = np.argsort(np.argsort(smooth, kind="stable"), kind="stable")
    return smooth_in_time(2.0 * rank / (len(rank) - 1) - 1.0, _MOVEMENT_SMOOTHING_FRAMES)


def find_moments(
    timing: Timing, change: Array, moved: Array, frame_count: int, frame_time_seconds: float
) -> Array | None:
    """Where in a clip of `frame_count` frames the frames of the result are: (M,) ascending
    fractional frame numbers from its first to its last. None where the clip is to stay as it is.

    change: (T30,) log of tempo at each moment; moved: (T30,) of `movement`
    """
    change = np.clip(change, -MOST, MOST)
    if timing == "keep" or frame_count < 3 or np.abs(change).max() < LEAST:
        return None
    speed = change if timing == "style" else INNER * change * moved
    at_30 = (np.arange(frame_count - 1) + 0.5) * frame_time_seconds * FRAME_RATE
    taken = np.exp(-np.interp(at_30, np.arange(len(speed)), speed))  # by each step, in frames
    time = np.concatenate([[0.0], np.cumsum(taken)])
    count = frame_count if timing == "fit" else max(2, round(time[-1]) + 1)
    moments = np.interp(
        np.linspace(0.0, time[-1], count), time, np.arange(frame_count, dtype=float)
    )
    moments[-1] = frame_count - 1.0
    return None if count == frame_count and timing == "style" else np.asarray(moments)


def timing_note(motion: Motion, after: int, moments: Array) -> str:
    """What to tell a user of a motion that has `after` frames now, because those of its frames that
    move are at other moments (M,).
    """
    before, speed = motion.frame_count, np.diff(moments)
    if before == after:
        return Note(
            f"the tempo inside {motion.name} changed, from {speed.min():.2f} to "
            f"{speed.max():.2f} times what it was; it still has {before} frames",
            "tempo",
            f"Moves {speed.min():.2f} to {speed.max():.2f} times as fast in {before} frames",
        )
    return Note(
        f"{motion.name} has {after} frames instead of {before}: it moves {speed.mean():.2f} times "
        f"as fast, as the style does (timing keep leaves its frames)",
        "tempo",
        f"Moves {speed.mean():.2f} times as fast: {after} frames instead of {before}",
        times_as_fast=round(float(speed.mean()), 3),
    )
