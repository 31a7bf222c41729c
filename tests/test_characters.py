"""Files with several characters: each can be asked for, and the others stay as they are."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from kinestyle.cli import main
from kinestyle.errors import MotionFileError, RigError
from kinestyle.formats.bvh import format_bvh, parse_bvh
from kinestyle.formats.table import read_motion
from kinestyle.motion.clip import Clip
from kinestyle.rig.mapping import map_joints
from made_rigs import as_rig, walk


def two_persons() -> tuple[str, Clip, Clip]:
    """A BVH file with two roots, whose joints have the same names, and both persons."""
    first = as_rig(walk(2.0).clip, metres_per_unit=0.01)
    second = as_rig(walk(2.0, start_heading=2.0).clip, metres_per_unit=0.01)
    texts = [format_bvh(clip, "one.bvh")[0].decode() for clip in (first, second)]
    hierarchies = [text.partition("MOTION")[0] for text in texts]
    head = texts[0].partition("MOTION")[2].split("\n", 3)[:3]
    both = [text.partition("MOTION")[2].split("\n")[3:] for text in texts]
    rows = [f"{a} {b}" for a, b in zip(*both, strict=True) if a]
    text = hierarchies[0] + hierarchies[1].replace("HIERARCHY\n", "")
    text += "MOTION" + "\n".join([*head, *rows]) + "\n"
    # in the order in which files name the joints
    return text, *(parse_bvh(one.encode(), "one.bvh") for one in texts)


def test_either_person_of_a_bvh_file_is_read_and_written(released) -> None:
    text, first, second = two_persons()
    for number, person in ((1, first), (2, second)):
        clip = parse_bvh(text.encode(), "two.bvh", character=number)
        assert clip.skeleton.names == person.skeleton.names
        assert (clip.characters, clip.character) == (("Hips", "Hips"), number)
        assert np.abs(clip.world_position - person.world_position).max() < 1e-3
        assert format_bvh(clip, "two.bvh")[0] == text.encode()
        result = released.stylize(clip, style="old")
        written = format_bvh(result, "two.bvh")[0]
        back, other = (parse_bvh(written, "two.bvh", character=one) for one in (number, 3 - number))
        assert np.abs(back.world_position - result.world_position).max() < 1e-3
        before = parse_bvh(text.encode(), "two.bvh", character=3 - number)
        np.testing.assert_array_equal(other.local_rotation, before.local_rotation)
        np.testing.assert_array_equal(other.local_position, before.local_position)
    note = parse_bvh(text.encode(), "two.bvh").warnings[-1]
    assert "holds 2 characters ('Hips', 'Hips'); number 1 was read, --character" in note
    with pytest.raises(MotionFileError, match=r"found 3 as the one to read"):
        parse_bvh(text.encode(), "two.bvh", character=3)


def test_the_command_line_asks_for_one(tmp_path: Path) -> None:
    path = tmp_path / "two.bvh"
    path.write_text(two_persons()[0])
    ran = CliRunner().invoke(main, ["inspect", str(path), "--character", "2", "--json"])
    found = json.loads(ran.stdout)
    assert (found["characters"], found["character"]) == (["Hips", "Hips"], 2)
    out = tmp_path / "out.bvh"
    words = ["stylize", str(path), "--style", "old", "--character", "2", "-o", str(out)]
    assert CliRunner().invoke(main, words).exit_code == 0
    first = [read_motion(one, character=1).local_rotation for one in (path, out)]
    np.testing.assert_array_equal(*first)


def test_where_there_is_one_no_other_can_be_asked_for(walk_file: Path) -> None:
    assert read_motion(walk_file, character=1).characters == ()
    with pytest.raises(MotionFileError, match=r"holds 1 character \('.*'\), found 2"):
        read_motion(walk_file, character=2)


def test_a_body_that_is_not_found_may_be_another_character() -> None:
    clip = as_rig(walk(1.0).clip)
    legs = [j for j, name in enumerate(clip.skeleton.names) if "Leg" not in name]
    legs = [j for j in legs if not any(w in clip.skeleton.names[j] for w in ("Foot", "Toe"))]
    part = replace(clip.window(0, 30, legs), characters=("Trunk", "Legs"))
    with pytest.raises(RigError, match="holds 2 skeletons, Trunk, Legs, of which number 1 was"):
        map_joints(part)
