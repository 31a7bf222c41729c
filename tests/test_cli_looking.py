"""`kinestyle styles`, `inspect` and `render`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from command_line import contents, done, kinestyle, refused
from kinestyle.bundle import Bundle
from kinestyle.runtime.stylizer import Stylizer

pytestmark = pytest.mark.usefixtures("here")


def test_styles_are_listed_for_people(tiny_bundle: Path) -> None:
    lines = done("styles", "--bundle", tiny_bundle).stdout.splitlines()
    assert [line.split() for line in lines[1:-2]] == [
        ["Not-Tired", "5", "s"],
        ["calm", "90", "s"],
        ["one/calm", "30", "s"],
        ["proud", "3", "min"],
    ]
    assert lines[-1] == "tiny.kinestyle, free to use"


def test_a_bundle_without_named_styles_is_said_to_have_none(unsupervised: Stylizer) -> None:
    lines = done("styles", "--bundle", "unsupervised").stdout.splitlines()
    assert (
        lines[0]
        == "unsupervised has no named styles; it takes the style of a clip (--like) or draws one "
        "(--random)"
    )
    assert lines[-1] == "unsupervised.kinestyle, free to use"
    assert json.loads(done("styles", "--bundle", "unsupervised", "--json").stdout)["styles"] == []


def test_each_listed_name_is_a_style_of_its_own(tiny_bundle: Path) -> None:
    bundle = Bundle.open(tiny_bundle)
    names = [
        line.split()[0]
        for line in done("styles", "--bundle", tiny_bundle).stdout.splitlines()[1:-2]
    ]
    assert {bundle.style(name).name for name in names} == {style.name for style in bundle.styles}


def test_styles_are_listed_for_programs() -> None:
    found = json.loads(done("styles", "--json").stdout)
    bundle = Bundle.open()
    assert found["sha256"] == bundle.sha256
    assert [row["name"] for row in found["styles"]] == [style.name for style in bundle.styles]
    assert {row["name"] for row in found["styles"] if row["default"]} == {
        bundle.style(s.label).name for s in bundle.styles
    }
    assert all(set(row) == {"name", "label", "seconds", "default"} for row in found["styles"])


def test_inspect_for_people(clip_file: Path) -> None:
    lines = done("inspect", "walk.bvh").stdout.splitlines()
    assert lines[0] == "walk: 151 frames at 30 frames/s, 5.00 s"
    assert "53 joints" in lines[1]
    assert any(line.split()[:2] == ["left_upper_arm", "LeftArm"] for line in lines)
    assert any(line.startswith("without a role: ") and "Lantern" in line for line in lines)


def test_inspect_for_programs(clip_file: Path) -> None:
    found = json.loads(done("inspect", "--json", "walk.bvh").stdout)
    assert (found["frame_count"], found["joint_count"]) == (151, 53)
    assert found["frame_time_seconds"] == pytest.approx(1 / 30)
    assert found["joints"]["right_shin"]["joint"] == "RightLeg"
    assert found["metres_per_unit"] == pytest.approx(0.01, rel=0.1)
    assert found["missing"] == []
    assert "Lantern" in found["unmapped"]


def test_inspect_is_refused_with_a_sentence(clip_file: Path) -> None:
    assert "nowhere.bvh was not found" in refused("inspect", "nowhere.bvh")
    assert "has the suffix '.kinestyle'" in refused("inspect", Bundle.open().path)


def test_render_draws_a_picture(clip_file: Path, pillow: Any) -> None:
    assert (
        done(
            "render", "walk.bvh", "walk.bvh", "-o", "sheet.png", "--columns", "3", "--width", "400"
        ).stdout
        == "sheet.png\n"
    )
    with pillow.open("sheet.png") as picture:
        assert picture.format == "PNG"
        assert picture.width == 400


@pytest.mark.usefixtures("pillow")
def test_render_is_refused_with_a_sentence(clip_file: Path) -> None:
    assert "nowhere.bvh was not found" in refused(
        "render", "walk.bvh", "nowhere.bvh", "-o", "sheet.png"
    )
    small = ("--columns", "1", "--width", "200")
    assert "the folder nowhere does not exist" in refused(
        "render", "walk.bvh", "-o", "nowhere/sheet.png", *small
    )


@pytest.mark.usefixtures("pillow")
def test_render_does_not_overwrite_its_input(clip_file: Path) -> None:
    assert "walk.bvh" in refused(
        "render", "walk.bvh", "-o", "walk.bvh", "--columns", "1", "--width", "200"
    )


def test_render_makes_a_film(clip_file: Path, pillow: Any) -> None:
    options = (
        "--size",
        "120x96",
        "--fps",
        "5",
        "--from",
        "1",
        "--seconds",
        "2",
        "--labels",
        "one, two",
        "--overlay",
    )
    assert (
        done("render", "walk.bvh", "walk.bvh", "-o", "film.webp", *options).stdout == "film.webp\n"
    )
    with pillow.open("film.webp") as film:
        assert (film.format, film.size, film.n_frames) == ("WEBP", (120, 96), 11)


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (
            "-o film.avi",
            "film.avi has the suffix '.avi', expected .png for a contact sheet, .mp4, .gif, .webp "
            "for a film",
        ),
        ("-o film.webp --labels a,b", "--labels has 2 names for 1 clips, expected one for each"),
        ("-o film.webp --size 20x20", "20 pixels in width"),
        ("-o film.webp --from nan", "start at nan s, expected a time within the clips"),
        ("-o film.webp --to nan", "from 0 s to nan s, expected an end after its start"),
        ("-o film.webp --seconds nan", "from 0 s to nan s, expected an end after its start"),
        ("-o film.webp --size 0x0", "a film 0 pixels in width was asked for, expected 64 to 3840"),
        ("-o film.webp --size 0x100", "0 pixels in width"),
        ("-o film.webp --size 100x0", "0 pixels in height"),
        ("-o film.webp --from 9", "start at 9 s, expected a time within the clips, 0 to 5.00 s"),
        ("-o film.webp --fps 100 --size 3000x3000", "film.webp would have 501 pictures"),
        ("-o nowhere/film.webp --size 120x96", "the folder nowhere does not exist"),
    ],
)
@pytest.mark.usefixtures("pillow")
def test_a_film_is_refused_with_a_sentence(clip_file: Path, line: str, sentence: str) -> None:
    assert sentence in refused("render", "walk.bvh", *line.split())


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("-o film.webp --width 400", "--width mean nothing for a film, .webp."),
        ("-o sheet.png --fps 12 --overlay", "--fps and --overlay mean nothing for a contact sheet"),
        ("-o page.html --columns 2", "--columns mean nothing for a page, .html."),
        ("-o film.webp --size large", "'large' is no size in pixels"),
        ("-o film.webp --to 2 --seconds 1", "--seconds and --to both say where the film ends"),
    ],
)
@pytest.mark.usefixtures("pillow")
def test_options_that_cannot_be_meant_are_usage_errors(
    clip_file: Path, line: str, sentence: str
) -> None:
    result = kinestyle("render", "walk.bvh", *line.split())
    assert result.exit_code == 2
    assert sentence in result.stderr


@pytest.mark.usefixtures("pillow")
def test_what_is_no_body_is_drawn_as_bones_with_a_note() -> None:
    Path("stick.bvh").write_text(
        "HIERARCHY\nROOT base\n{\nOFFSET 0 0 0\nCHANNELS 3 Zrotation Xrotation Yrotation\nEnd "
        "Site\n{\nOFFSET 0 5 0\n}\n}\n"
        "MOTION\nFrames: 2\nFrame Time: 0.1\n0 0 0\n90 0 0\n"
    )
    result = kinestyle("render", "stick.bvh", "-o", "film.webp", "--size", "120x96")
    assert (result.exit_code, result.stdout) == (0, "film.webp\n")
    assert "stick is drawn as plain bones: " in result.stderr


def test_columns_without_room_are_no_traceback(clip_file: Path) -> None:
    before = contents()
    assert kinestyle(
        "render", "walk.bvh", "-o", "sheet.png", "--columns", "64", "--width", "200"
    ).exit_code in (1, 2)
    assert contents() == before
