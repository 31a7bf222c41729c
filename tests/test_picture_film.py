"""Films: the clock, the panels, the camera that follows, and files that open with the right
pictures in them.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("PIL", reason="films need the pictures extra")
from PIL import Image

from kinestyle.errors import ClipError, MissingExtraError, MotionFileError
from kinestyle.motion.resampling import resample
from kinestyle.picture.camera import follow_path
from kinestyle.picture.figure import Figure, figure_of
from kinestyle.picture.film import Shot, plan_film
from kinestyle.picture.video import CONTAINERS, write_film
from made_rigs import as_rig, turned, walk

SMALL = Shot(size_px=(96, 80), frame_rate=10.0)


@pytest.fixture(scope="module")
def figure() -> Figure:
    return figure_of(as_rig(walk(2.0).clip), "walk")


def ink(picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: what is much darker than floor and paper."""
    return picture.astype(int).min(axis=-1) < 140


def durations(path: Path) -> list[int]:
    with Image.open(path) as film:
        found = []
        for frame in range(film.n_frames):
            film.seek(frame)
            film.load()
            found.append(film.info["duration"])
        return found


@pytest.mark.parametrize(("kind", "tolerance_ms"), [("gif", 10), ("webp", 1)])
def test_a_gif_and_a_webp_open_with_all_their_pictures_and_last_as_long_as_the_clip(
    tmp_path, figure, kind, tolerance_ms
):
    film = plan_film([figure], replace(SMALL, frame_rate=12.0))
    write_film(film, tmp_path / f"film.{kind}")
    with Image.open(tmp_path / f"film.{kind}") as opened:
        assert (opened.format, opened.size, opened.n_frames) == (
            kind.upper(),
            (96, 80),
            film.frame_count,
        )
        assert opened.info["loop"] == 0
        shown = np.asarray(opened.convert("RGB")).astype(int)
    assert film.frame_count == 25
    assert (
        abs(sum(durations(tmp_path / f"film.{kind}")) - 1000.0 * film.duration_seconds)
        <= tolerance_ms
    )
    assert np.abs(shown - film.picture(0)).mean() < 6.0
    assert [path.name for path in tmp_path.iterdir()] == [f"film.{kind}"]


def test_an_mp4_opens_with_all_its_pictures_and_lasts_as_long_as_the_clip(tmp_path, figure):
    av = pytest.importorskip("av")
    film = plan_film([figure], replace(SMALL, size_px=(97, 81), frame_rate=12.5))
    write_film(film, tmp_path / "film.mp4")
    with av.open(str(tmp_path / "film.mp4")) as opened:
        (stream,) = opened.streams.video
        pictures = [frame.to_ndarray(format="rgb24") for frame in opened.decode(stream)]
        assert float(stream.average_rate) == pytest.approx(12.5)
        assert float(stream.duration * stream.time_base) == pytest.approx(
            film.duration_seconds, abs=0.001
        )
    assert len(pictures) == film.frame_count == 26
    # colours are stored for pairs of pixels, so that an odd size grows by one
    assert pictures[0].shape == (82, 98, 3)
    assert np.abs(pictures[-1][:81, :97].astype(int) - film.picture(25)).mean() < 6.0


def test_without_pyav_it_says_what_to_install(tmp_path, figure, monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'kinestyle\[video\]'"):
        write_film(plan_film([figure], SMALL), tmp_path / "film.mp4")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["film.avi", "film"])
def test_an_unknown_suffix_is_refused_with_those_that_are_known(tmp_path, figure, name):
    with pytest.raises(MotionFileError, match=r"expected \.mp4, \.gif, \.webp for a film"):
        write_film(plan_film([figure], SMALL), tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("kind", CONTAINERS)
def test_too_many_pictures_are_refused_before_any_is_drawn(tmp_path, figure, kind, monkeypatch):
    film = plan_film(
        [figure.at(np.arange(0.0, 20.0, 0.5))],
        replace(SMALL, size_px=(3840, 2160), frame_rate=60.0),
    )
    monkeypatch.setattr(type(film), "picture", lambda *_: pytest.fail("a picture was drawn"))
    with pytest.raises(
        ClipError, match=r"would have .+ expected at most \d+; show less with --from and --to"
    ):
        write_film(film, tmp_path / f"film.{kind}")


@pytest.mark.parametrize(
    ("shot", "sentence"),
    [
        (Shot(size_px=(5000, 480)), "5000 pixels in width"),
        (Shot(size_px=(640, 10)), "10 pixels in height"),
        (Shot(frame_rate=0.0), "0 pictures a second"),
        (Shot(frame_rate=float("nan")), "nan pictures a second"),
        (Shot(frame_rate=1000.0), "1000 pictures a second"),
        (Shot(start_seconds=-1.0), "start at -1 s"),
        (Shot(start_seconds=2.5), "start at 2.5 s, expected a time within the clips, 0 to 2.00 s"),
        (Shot(start_seconds=1.5, stop_seconds=1.0), "from 1.5 s to 1 s"),
    ],
)
def test_a_shot_that_cannot_be_taken_is_refused_with_a_sentence(figure, shot, sentence):
    with pytest.raises(ClipError, match=sentence):
        plan_film([figure], shot)


def test_panels_without_room_are_refused(figure):
    with pytest.raises(ClipError, match="4 panels leave 37 x 64 pixels"):
        plan_film([figure] * 4, Shot(size_px=(160, 64), columns=4))


def test_clips_of_different_rates_and_lengths_share_one_clock():
    fast, slow = walk(2.0, frame_rate=120.0).clip, walk(1.0, frame_rate=30.0).clip
    film = plan_film(
        [figure_of(fast, "a"), figure_of(slow, "b")],
        replace(SMALL, size_px=(200, 96), frame_rate=24.0),
    )
    assert film.seconds[[0, -1]].tolist() == [0.0, 2.0]
    (((_, first),), ((_, second),)) = (panel.figures for panel in film.panels)
    assert first.frame_count == second.frame_count == film.frame_count == 49
    # the same walk, so the same position at the same time; the shorter one then stands still
    assert np.abs(first.root[:24] - second.root[:24]).max() < 0.01
    assert np.ptp(second.root[24:], axis=0).max() == 0.0


def test_a_part_of_a_clip_is_shown_as_it_is_in_the_whole(figure):
    whole, part = (
        plan_film([figure], SMALL),
        plan_film([figure], replace(SMALL, start_seconds=0.5, stop_seconds=1.2)),
    )
    assert part.seconds == pytest.approx(np.arange(5, 13) / 10)
    assert part.panels[0].figures[0][1].frame_time_seconds == pytest.approx(0.1)
    assert (
        np.abs(
            part.panels[0].figures[0][1].position - whole.panels[0].figures[0][1].position[5:13]
        ).max()
        < 1e-9
    )


def test_a_camera_that_follows_keeps_steady_travel_in_the_middle_up_to_both_ends(figure):
    steady = np.linspace(0.0, 1.0, 61)[:, None] * [3.0, 0.0, 1.0] + [0.0, 0.9, 0.0]
    going = replace(figure.at(np.arange(61) / 30.0), root=steady)
    assert np.abs(follow_path([going]) - steady * [1.0, 0.0, 1.0]).max() < 1e-9


def test_a_camera_that_follows_does_not_shake_with_the_steps(figure):
    sway = (
        0.04
        * np.sin(2.0 * np.pi * 1.7 * np.arange(figure.frame_count) / 30.0)[:, None]
        * [1.0, 0.0, 0.0]
    )
    shaken, calm = follow_path([replace(figure, root=figure.root + sway)]), follow_path([figure])
    middle = slice(20, -20)
    assert np.abs(shaken - calm)[middle].max() < 0.1 * 0.04


@pytest.mark.parametrize("camera", ["follow", "fixed"])
def test_all_motion_is_within_the_picture(figure, camera):
    film = plan_film([figure], replace(SMALL, camera=camera, labels=False))
    floor = film.camera
    for frame in range(film.frame_count):
        (_, posed), view = film.panels[0].figures[0], floor.moved_to(film.panels[0].path[frame])
        pixels, scale = view.project(posed.position[frame])
        assert (pixels[:, 0] - posed.radius * scale > 0).all()
        assert (pixels[:, 0] + posed.radius * scale < 96).all()
        assert (pixels[:, 1] - posed.radius * scale > 0).all()
        assert (pixels[:, 1] + posed.radius * scale < 80).all()


def test_a_fixed_camera_shows_travel_and_one_that_follows_takes_it_out(figure):
    def columns(camera: str) -> np.ndarray:
        film = plan_film(
            [figure], Shot(size_px=(160, 96), frame_rate=5.0, camera=camera, labels=False)
        )
        return np.array(
            [np.flatnonzero(ink(picture).any(axis=0)).mean() for picture in film.pictures()]
        )

    assert np.ptp(columns("fixed")) > 3.0 * np.ptp(columns("follow"))


def test_overlay_puts_all_into_one_panel_and_side_by_side_each_into_its_own(figure):
    over = plan_film([figure, figure], replace(SMALL, overlay=True))
    beside = plan_film([figure, figure], replace(SMALL, size_px=(200, 80)))
    assert [len(panel.figures) for panel in over.panels] == [2]
    assert [(panel.left, panel.top, len(panel.figures)) for panel in beside.panels] == [
        (0, 0, 1),
        (102, 0, 1),
    ]
    # the same clip twice: the same picture twice, in another tone
    left, right = beside.picture(3)[:, :98], beside.picture(3)[:, 102:]
    assert np.abs(ink(left[14:]).astype(int) - ink(right[14:])).mean() < 0.02
    assert np.abs(left[14:].astype(int) - right[14:]).max() > 60


def test_the_same_clip_on_another_rig_in_other_axes_units_and_rates_is_the_same_film():
    clip = walk(1.0, frame_rate=60.0).clip
    other = as_rig(turned(clip, 2.0, np.array([5.0, 0.0, 3.0])), up="Z", metres_per_unit=0.01)
    one = plan_film([figure_of(as_rig(clip), "walk")], SMALL)
    two = plan_film([figure_of(resample(other, 30.0), "walk")], SMALL)
    assert one.frame_count == two.frame_count
    for a, b in zip(one.pictures(), two.pictures(), strict=True):
        assert np.mean(np.abs(a.astype(int) - b.astype(int)).max(axis=-1) > 24) < 0.01


def test_a_loop_ends_where_it_begins():
    """The made walk's cycle is 1.2 s: at 30 pictures a second a loop of it has 36 or 72 of them."""
    straight = figure_of(as_rig(walk(3.4).clip))
    film = plan_film([straight], Shot(size_px=(96, 80), loop=True))
    assert film.frame_count % 36 in (0, 1, 35)
    posed = film.panels[0].figures[0][1]
    pose = posed.position - posed.root[:, None] * [1.0, 0.0, 1.0]
    # from the last picture to the first it goes on about as from any other to the next
    steps = np.linalg.norm(np.diff(pose, axis=0), axis=-1).mean(axis=1)
    assert np.linalg.norm(pose[0] - pose[-1], axis=-1).mean() < 3.0 * np.median(steps)


def test_labels_can_be_left_out(figure):
    with_words, without = (
        plan_film([figure], replace(SMALL, size_px=(200, 160), labels=labels))
        for labels in (True, False)
    )
    assert ink(with_words.picture(0)[:16, :60]).any()
    assert not ink(without.picture(0)[:16, :60]).any()


def test_a_write_that_fails_leaves_the_older_film(tmp_path, figure, monkeypatch):
    path = tmp_path / "film.webp"
    path.write_bytes(b"an older film")

    def fill_the_disk(self, target):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fill_the_disk)
    with pytest.raises(
        MotionFileError, match=r"film\.webp cannot be written: No space left on device"
    ):
        write_film(plan_film([figure], replace(SMALL, stop_seconds=0.2)), path)
    assert path.read_bytes() == b"an older film"
    assert [p.name for p in tmp_path.iterdir()] == ["film.webp"]


def test_a_folder_that_is_not_there_is_said_before_any_picture_is_drawn(
    tmp_path, figure, monkeypatch
):
    film = plan_film([figure], SMALL)
    monkeypatch.setattr(type(film), "picture", lambda *_: pytest.fail("a picture was drawn"))
    with pytest.raises(MotionFileError, match="does not exist; create it first"):
        write_film(film, tmp_path / "missing" / "film.webp")
