"""FBX: a stated span against the keys of the joints."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

pytest.importorskip("ufbx", reason="reading FBX needs the fbx extra")

from kinestyle.formats.fbx import format_fbx, parse_fbx
from kinestyle.formats.fbx.curves import curve_node_record, curve_record
from kinestyle.formats.fbx.records import Document, parse, record, serialize
from kinestyle.formats.fbx.ticks import TICKS_A_SECOND, frame_ticks
from kinestyle.motion.clip import StatedWorld
from made_rigs import walk

WALK = replace(walk(1.5).clip, world=StatedWorld(1.0, (0.0, 1.0, 0.0)), name="walk")
SECONDS = WALK.duration_seconds


def made(start: float | None, stop: float | None) -> Document:
    """The walk, in a file that states this span or none."""
    document = parse(format_fbx(WALK, "walk.fbx")[0], "walk.fbx")
    if start is None:
        # where a span may be stated once more
        document.records = [item for item in document.records if item.name != "Takes"]
    (stack,) = document.find("Objects").all("AnimationStack")
    properties = stack.find("Properties70")
    assert properties is not None
    for item in list(properties.children):
        seconds = start if "Start" in str(item.decoded()[0]) else stop
        if seconds is None:
            properties.children.remove(item)
        else:
            item.replace_value(4, np.int64(round(seconds * TICKS_A_SECOND)))
    return document


@pytest.mark.parametrize(
    ("start", "stop", "says"),
    [
        (None, None, "states no span for 'walk'"),
        (0.0, 0.0, "states no span for 'walk'"),
        (0.1, 0.4, "states 0.1 to 0.4 s for 'walk', which leaves out most of its keys"),
        (2.0, 4.0, "which leaves out most of its keys"),
        (-2.0, -1.0, "which leaves out most of its keys"),
    ],
)
def test_the_keys_decide(start: float | None, stop: float | None, says: str) -> None:
    """Where no span is stated, as Cinema 4D and Unreal write it, or the time slider's, as Maya."""
    clip = parse_fbx(serialize(made(start, stop)), "walk.fbx")
    assert clip.frame_count == WALK.frame_count
    assert any(says in warning for warning in clip.warnings), clip.warnings
    whole = parse_fbx(format_fbx(WALK, "walk.fbx")[0], "walk.fbx")
    np.testing.assert_allclose(clip.world_position, whole.world_position, atol=1e-3)
    # what is written into the file is what is read from it
    turned = clip.with_motion(clip.local_position * 1.001, clip.local_rotation)
    data, notes = format_fbx(turned, "out.fbx")
    assert notes == ()
    back = parse_fbx(data, "out.fbx")
    np.testing.assert_allclose(back.world_position, turned.world_position, atol=1e-2)


@pytest.mark.parametrize(("start", "stop"), [(0.0, SECONDS), (0.3, 1.3), (0.0, 9.0)])
def test_a_span_of_most_keys_is_believed(start: float, stop: float) -> None:
    """A clip that was trimmed in its program, or that waits at its end."""
    clip = parse_fbx(serialize(made(start, stop)), "walk.fbx")
    assert clip.frame_count == round((stop - start) * 30.0) + 1
    assert not clip.warnings


def test_keys_of_a_camera_do_not_count() -> None:
    document = made(None, None)
    objects, links = document.find("Objects").children, document.find("Connections").children
    layer = next(item for item in objects if item.name == "AnimationLayer").decoded()[0]
    number = [np.int64(90 + i) for i in range(4)]
    ticks = frame_ticks(300, 30.0)
    objects += [
        record("Model", number[0], "Camera\x00\x01Model", "Camera", children=[]),
        record("NodeAttribute", number[1], "Camera\x00\x01NodeAttribute", "Camera", children=[]),
        curve_node_record(int(number[2]), "T", np.zeros(3)),
        curve_record(int(number[3]), ticks, np.linspace(0.0, 1.0, len(ticks))),
    ]
    links += [
        record("C", "OO", number[0], np.int64(0)),
        record("C", "OO", number[1], number[0]),
        record("C", "OO", number[2], layer),
        record("C", "OP", number[2], number[0], "Lcl Translation"),
        record("C", "OP", number[3], number[2], "d|X"),
    ]
    clip = parse_fbx(serialize(document), "walk.fbx")
    assert clip.frame_count == WALK.frame_count
