"""What there is to know of a result is said wherever it is made: by the command, in Python for one
clip and for many, and over HTTP.
"""

from __future__ import annotations

import shlex
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="the studio needs the studio extra")

from fastapi.testclient import TestClient

from command_line import done_noisily
from kinestyle.errors import KinestyleWarning
from kinestyle.formats.table import read_motion, write_motion
from kinestyle.motion.clip import Clip
from kinestyle.runtime.stylizer import Stylizer
from long_motion import EXAMPLES

pytestmark = pytest.mark.usefixtures("here")


def short(clip: Clip) -> Clip:
    return clip.window(0, 9)


def still(clip: Clip) -> Clip:
    frames = np.zeros(60, dtype=int)
    return clip.with_motion(clip.local_position[frames], clip.local_rotation[frames])


def of_unknown_motion(clip: Clip) -> Clip:
    """Limbs that turn as no body's do."""
    turned = clip.local_rotation.copy()
    at = [clip.skeleton.index(name) for name in ("LeftArm", "RightArm", "LeftUpLeg", "RightUpLeg")]
    turned[:, at] = np.roll(turned[:, at], 1, axis=-1)
    return clip.with_motion(clip.local_position, turned)


@pytest.mark.parametrize(
    ("change", "options", "found"),
    [
        (short, "", "too short to show a style well"),
        (still, "", "nothing moves in"),
        (of_unknown_motion, "", "is unlike what the model learned from"),
        (lambda clip: clip, "--timing style", "frames instead of"),
    ],
)
def test_the_same_is_said_everywhere(
    client: TestClient, change: Any, options: str, found: str
) -> None:
    path = Path("clip.bvh")
    write_motion(change(read_motion(EXAMPLES / "wave.bvh")), path)
    words = shlex.split(options)
    settings = {words[0].removeprefix("--"): words[1]} if words else {}

    said = done_noisily("stylize", str(path), "--style", "elderly", *words, "-o", "out.bvh").stderr
    by_command = {line.removeprefix("kinestyle: note: ") for line in said.splitlines()}
    assert any(found in note for note in by_command), by_command

    stylizer, clip = Stylizer.load(), read_motion(path)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        one = stylizer.stylize(clip, "elderly", **settings)
        first = [str(each.message) for each in caught]
        (many,) = stylizer.stylize_many([clip], ["elderly"], **settings)
        second = [str(each.message) for each in caught[len(first) :]]
    assert many.result is not None
    assert first == second == list(one.warnings) == list(many.result.warnings)
    assert all(each.category is KinestyleWarning for each in caught)
    assert {each.filename for each in caught} == {__file__}
    assert by_command == set(first)

    kept = client.post(f"/api/clips?name={path}", content=path.read_bytes()).json()
    request = {"style": "elderly", **settings}
    result = client.post(f"/api/clips/{kept['id']}/stylize", json=request).json()
    assert by_command <= set(result["warnings"])


def test_shares_that_would_be_ignored_are_refused(client: TestClient) -> None:
    clip = client.post("/api/examples/walk").json()
    request = {"style": "old", "weights": [0.5]}
    answer = client.post(f"/api/clips/{clip['id']}/stylize", json=request)
    assert answer.status_code == 422
    assert "there is one style only to take" in answer.json()["error"]["message"]
