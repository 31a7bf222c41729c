"""Which animation of an FBX scene is read, and over which span."""

from __future__ import annotations

import numpy as np

from kinestyle.formats.animations import (
    animation_names,
    choice_note,
    default_animation,
    find_animation,
    is_surely_default,
    movement,
    why_default,
)
from kinestyle.formats.fbx.loading import Node, Scene
from kinestyle.formats.text_files import quoted
from kinestyle.motion.clip import Animation

_PROBES = 24
"""Times within an animation at which its nodes are sampled, to see how much they move."""
_MAX_SAMPLES = 2**21
"""Of all animations together, each about a millionth of a second: where there are more, each has
fewer probes.
"""


def choose_stack(scene: Scene, wanted: str | None) -> tuple[tuple[Animation, ...], list[str]]:
    """Let the scene be sampled in the animation that is asked for, or else in the active one or the
    one that moves most -> all animations, and what there is to say. Raises MotionFileError.

    Of a single animation it is not known here whether it moves.
    """
    stacks = scene.stacks
    names = animation_names([stack.name for stack in stacks])
    read = None if wanted is None else find_animation(names, wanted, scene.file)
    if len(stacks) < 2:
        return tuple(Animation(name, 0.0, True) for name in names), []
    moves = [_movement(scene, number) for number in range(len(stacks))]
    animations = tuple(
        Animation(name, stack.span_seconds[1] - stack.span_seconds[0], amount > 0)
        for name, stack, amount in zip(names, stacks, moves, strict=True)
    )
    # of several with the active one's name, the one that moves most is meant
    active = max(
        (i for i, stack in enumerate(stacks) if stack.name == scene.active),
        key=lambda i: moves[i],
        default=None,
    )
    scene.stack = default_animation(moves, active) if read is None else read
    scene.is_default = is_surely_default(moves, scene.stack, active)
    if read is not None:
        return animations, []
    why = why_default(moves, scene.stack, active)
    return animations, [choice_note(scene.file, animations, scene.stack, why)]


def _movement(scene: Scene, number: int) -> float:
    """How much the joints move in an animation."""
    scene.stack = number
    movers = _movers(scene)
    affordable = _MAX_SAMPLES // max(1, len(movers) * len(scene.stacks))
    probes = min(_PROBES, max(2, affordable))
    sampled = scene.probe(movers, np.linspace(*scene.span_seconds, probes))
    return movement(sampled.position, sampled.rotation)


def _movers(scene: Scene) -> list[Node]:
    """The nodes that may be joints."""
    bones = [node for node in scene.nodes if node.is_bone or node.index in scene.skinned]
    return bones or [node for node in scene.nodes if node.index not in scene.shaped]


def span_notes(scene: Scene) -> list[str]:
    """What there is to say of the span of the animation that is sampled."""
    if not scene.stacks:
        return [f"{scene.file} holds no animation; its pose was read as one frame"]
    stack = scene.stacks[scene.stack]
    if stack.is_spanned or stack.keys is None:
        return []
    first, last = stack.keys
    stated = (
        f"states {stack.start:.3g} to {stack.end:.3g} s for {quoted(stack.name)}, which leaves out "
        f"most of its keys"
        if stack.end > stack.start
        else f"states no span for {quoted(stack.name)}"
    )
    return [f"{scene.file} {stated}; the keys of its joints decided, {first:.3g} to {last:.3g} s"]
