"""Clips that show themselves: what is packed, that nothing is loaded, and that a notebook and a
browser really play it.
"""

from __future__ import annotations

import base64
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import kinestyle
from kinestyle.errors import ClipError
from kinestyle.motion.clip import Clip
from kinestyle.motion.resampling import resample
from kinestyle.picture import notebook
from kinestyle.picture.figure import figure_of
from kinestyle.picture.notebook import frame_html, pack, page_html, write_page
from made_rigs import as_rig, walk

MEGABYTE = 1_000_000


def packed(clip: dict[str, Any]) -> np.ndarray:
    """(T, P, 3) metres"""
    whole = np.frombuffer(base64.b64decode(clip["position"]), dtype="<i2")
    return whole.reshape(clip["frames"], -1, 3) * clip["unit_m"]


def long_clip(seconds: float, frame_rate: float = 30.0) -> Clip:
    """The made walk, played to and fro."""
    clip = as_rig(walk(2.0, frame_rate=frame_rate).clip)
    order = np.abs((np.arange(round(seconds * frame_rate) + 1) + 60) % 120 - 60) % clip.frame_count
    return clip.with_motion(clip.local_position[order], clip.local_rotation[order])


def test_positions_are_packed_to_a_millimetre(walk_clip):
    figure = figure_of(walk_clip)
    (clip,) = pack([figure])["clips"]
    assert clip["frames"] == walk_clip.frame_count
    assert np.abs(packed(clip) - figure.position).max() < 0.001
    assert len(clip["path"]) == walk_clip.frame_count
    contact = np.frombuffer(base64.b64decode(clip["contact"]), dtype=np.uint8).reshape(
        clip["frames"], len(clip["feet"])
    )
    assert (contact == (figure.contact > 0.5)).all()


@pytest.mark.parametrize("frame_rate", [30.0, 120.0])
def test_ten_seconds_of_a_clip_are_less_than_a_megabyte(walk_clip, frame_rate):
    for clip in (
        long_clip(10.0, frame_rate),
        resample(walk_clip, frame_rate),
    ):
        html = clip._repr_html_()
        assert len(html) < 0.6 * MEGABYTE
        assert len(page_html([clip, clip])) < MEGABYTE


def test_a_long_clip_is_shown_with_fewer_frames_rather_than_more_bytes():
    clip = long_clip(180.0)
    data = pack([figure_of(clip)])
    assert data["seconds"] == pytest.approx(180.0)
    assert data["clips"][0]["frame_seconds"] > 1 / 30
    assert data["clips"][0]["frames"] * data["clips"][0]["frame_seconds"] == pytest.approx(
        180.0, abs=0.3
    )
    assert len(page_html([clip])) < 1.3 * MEGABYTE


def test_the_page_needs_nothing_from_elsewhere(walk_clip):
    page = page_html([walk_clip])
    assert not re.search(r"(src|href)\s*=|@import|url\(|fetch\(|XMLHttpRequest|import\(", page)
    assert "http" not in re.sub(r'"(position|contact)":"[^"]*"', "", page)


def test_two_clips_of_one_name_are_told_apart_and_labels_name_them(walk_clip):
    assert [c["label"] for c in packed_clips(page_html([walk_clip, walk_clip]))] == [
        "walk (1)",
        "walk (2)",
    ]
    assert [
        c["label"] for c in packed_clips(page_html([walk_clip, walk_clip], ["as it was", "old"]))
    ] == ["as it was", "old"]


def packed_clips(page: str) -> list[dict[str, Any]]:
    import json

    (data,) = re.findall(r"^play\((\{.*\}), document", page, re.MULTILINE)
    return json.loads(data)["clips"]


def test_a_name_cannot_end_the_script_or_the_frame_that_it_stands_in(walk_clip):
    name = "</script><b>\"'&"
    page = page_html([walk_clip], [name])
    assert page.count("</script>") == 1
    assert packed_clips(page)[0]["label"] == name
    assert frame_html([walk_clip], [name]).count("</iframe>") == 1
    assert frame_html([walk_clip], [name]).count("<b>") == 0


def test_a_written_page_is_the_page(walk_clip, tmp_path):
    write_page([figure_of(walk_clip, "walk")], tmp_path / "page.html")
    assert (tmp_path / "page.html").read_text(encoding="utf-8") == page_html([walk_clip])


def test_what_cannot_be_shown_is_a_sentence_in_the_cell(walk_clip):
    empty = walk_clip.with_motion(walk_clip.local_position[:0], walk_clip.local_rotation[:0])
    assert (
        empty._repr_html_()
        == "<p>The clip &#x27;walk&#x27; has no frames, so there is nothing to draw.</p>"
    )
    with pytest.raises(ClipError, match="0 clips were given"):
        page_html([])
    with pytest.raises(ClipError, match="1 labels were given for 2 clips"):
        page_html([walk_clip, walk_clip], ["one"])


def test_a_clip_says_in_a_line_what_it_is(walk_clip):
    assert repr(walk_clip) == "<Clip walk: 151 frames at 30 a second, 53 joints>"


def test_outside_of_a_notebook_the_page_opens_in_the_browser(walk_clip, monkeypatch, tmp_path):
    opened = []
    monkeypatch.setattr(notebook.webbrowser, "open", opened.append)
    monkeypatch.setattr(notebook.tempfile, "tempdir", str(tmp_path))
    walk_clip.show(walk_clip, labels=["a", "b"])
    (page,) = tmp_path.iterdir()
    assert opened == [page.as_uri()]
    assert page.read_text(encoding="utf-8") == page_html([walk_clip, walk_clip], ["a", "b"])


def test_show_is_at_hand_at_the_top(walk_clip, monkeypatch):
    shown = []
    monkeypatch.setattr(notebook, "show", lambda *clips, labels=None: shown.append((clips, labels)))
    kinestyle.show(walk_clip, walk_clip, labels=["a", "b"])
    assert shown == [((walk_clip, walk_clip), ["a", "b"])]


def test_importing_kinestyle_draws_nothing_and_imports_no_picture():
    script = (
        "import sys, kinestyle.motion.clip; print(*({'PIL', 'IPython', 'kinestyle.picture'} "
        "& sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == []


def test_a_real_notebook_plays_a_clip_that_ends_a_cell_and_one_that_is_shown(walk_file):
    nbclient = pytest.importorskip(
        "nbclient", reason="notebooks are run with nbclient, which the dev extra brings"
    )
    nbformat = pytest.importorskip("nbformat")
    cells = [
        f"from kinestyle import read_motion, show\nclip = read_motion({str(walk_file)!r})\nclip",
        "for _ in range(2):\n    clip.show()",
        "show(clip, clip, labels=['one', 'two'])",
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    try:
        nbclient.NotebookClient(book, timeout=300, kernel_name="python3").execute()
    except nbclient.exceptions.CellExecutionError as error:
        pytest.fail(str(error))
    outputs = [
        [output["data"]["text/html"] for output in cell["outputs"]] for cell in book["cells"]
    ]
    assert [len(each) for each in outputs] == [1, 2, 1]
    assert all(html.startswith("<iframe srcdoc=") for each in outputs for html in each)
    assert (
        book["cells"][0]["outputs"][0]["data"]["text/plain"]
        == "<Clip walk: 151 frames at 30 a second, 53 joints>"
    )
    assert len(nbformat.writes(book)) < 4 * MEGABYTE


@pytest.mark.slow
def test_a_real_browser_plays_scrubs_and_turns(walk_clip, tmp_path: Path, pillow: Any):
    pytest.importorskip(
        "playwright", reason="the page is driven with playwright, which the dev extra brings"
    )
    from studio_browser import browsing, find_chromium

    if find_chromium() is None:
        pytest.skip(
            "no Chromium here: apt-get install chromium, or name one with KINESTYLE_CHROMIUM"
        )
    outer = (
        f"<!doctype html><body "
        f"style='margin:0'>{frame_html([walk_clip, walk_clip], ['one', 'two'])}"
    )
    with browsing(little_motion=True) as browser:
        page = browser.new_page(viewport={"width": 560, "height": 440}, reduced_motion="null")
        page.set_default_timeout(180_000)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda message: troubles.append(message.text))
        page.on(
            "request",
            lambda request: (
                troubles.append(request.url) if request.url.startswith("http") else None
            ),
        )
        page.set_content(outer)
        player = page.frame_locator("iframe").locator("#player")
        player.wait_for()

        def picture(name: str) -> np.ndarray:
            page.screenshot(path=str(tmp_path / name))
            return np.asarray(pillow.open(tmp_path / name).convert("RGB")).astype(int)[30:380]

        # who asked for little motion is asked before anything moves
        assert player.get_attribute("data-time") == "0.000"
        first = picture("first.png")
        slate, coral = (
            (first[:, :275].min(axis=-1) < 130).mean(),
            (first[:, 285:, 0] - first[:, 285:, 2] > 60).mean(),
        )
        assert slate > 0.02
        assert coral > 0.02
        page.frame_locator("iframe").locator("input").fill("2.5")
        assert player.get_attribute("data-time") == "2.500"
        scrubbed = picture("scrubbed.png")
        assert np.abs(scrubbed - first).mean() > 1.0
        page.mouse.move(140, 200)
        page.mouse.down()
        page.mouse.move(260, 200, steps=2)
        page.mouse.up()
        assert np.abs(picture("turned.png") - scrubbed).mean() > 1.0
        page.frame_locator("iframe").locator("button").click()
        page.wait_for_timeout(500)
        page.frame_locator("iframe").locator("button").click()
        assert float(player.get_attribute("data-time") or 0) > 2.5
    assert troubles == []
