"""Bundles: what is written is what is opened, damage and other versions are refused, styles are
found by their names.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kinestyle.bundle import (
    FORMAT,
    GRAPHS,
    Bundle,
    Manifest,
    Style,
    released_path,
    shipped,
    write_bundle,
)
from kinestyle.errors import BundleError, KinestyleError, MotionFileError, StyleError
from kinestyle.motion.canonical import CANONICAL
from kinestyle.retarget.features import LAYOUT

STYLES = tuple(
    Style(name, seconds, np.float32(mean), np.float32(std))
    for name, seconds, mean, std in (
        ("one/calm", 30.0, [0.5, -1.25], [0.1, 0.2]),
        ("two/calm", 90.0, [1.0, 2.0], [0.3, 0.4]),
        ("one/proud", 200.0, [3.0, 4.0], [0.5, 0.6]),
        ("two/Not-Tired", 5.0, [5.0, 6.0], [0.7, 0.8]),
    )
)
MANIFEST = Manifest("made", "free to use", "by nobody", STYLES)


@pytest.fixture
def graphs() -> dict[str, bytes]:
    """Bytes that stand for graphs: what is in them is none of the bundle's business."""
    random = np.random.default_rng(0)
    return {
        name: random.integers(0, 256, 200, dtype=np.uint8).tobytes() + b"the same again " * 20
        for name in GRAPHS
    }


@pytest.fixture
def bundle_file(tmp_path: Path, graphs: dict[str, bytes]) -> Path:
    path = tmp_path / "made.kinestyle"
    write_bundle(path, MANIFEST, graphs)
    return path


def rewritten(path: Path, change: Callable[[dict[str, bytes]], None]) -> Path:
    """The same archive with changed members."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    change(members)
    changed = path.with_stem("changed")
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return changed


def with_manifest(path: Path, **changes: Any) -> Path:
    def change(members: dict[str, bytes]) -> None:
        members["manifest.json"] = json.dumps(
            json.loads(members["manifest.json"]) | changes
        ).encode()

    return rewritten(path, change)


def with_styles(path: Path, styles: tuple[Style, ...]) -> Path:
    rows = json.loads(replace(MANIFEST, styles=styles).to_json())["styles"]
    return with_manifest(path, styles=rows)


def test_what_is_written_is_what_is_opened(bundle_file: Path, graphs: dict[str, bytes]) -> None:
    bundle = Bundle.open(bundle_file)
    assert {name: bundle.graph(name) for name in GRAPHS} == graphs
    assert bundle.sha256 == hashlib.sha256(bundle_file.read_bytes()).hexdigest()
    assert replace(bundle.manifest, sha256={}) == MANIFEST
    assert bundle.styles == STYLES
    assert all(style.mean.dtype == style.std.dtype == np.float32 for style in bundle.styles)
    assert bundle.styles[3].label == "Not-Tired"


def test_the_manifest_says_what_the_graphs_are_for(
    bundle_file: Path, graphs: dict[str, bytes]
) -> None:
    with zipfile.ZipFile(bundle_file) as archive:
        manifest = json.loads(archive.read("manifest.json"))
    assert manifest["format"] == FORMAT
    assert manifest["joints"] == list(CANONICAL.names)
    assert manifest["parents"] == CANONICAL.parents.tolist()
    np.testing.assert_allclose(manifest["offsets_m"], CANONICAL.offsets, atol=1e-6)
    assert sum(size for _, size in manifest["layout"]) == LAYOUT.size
    assert manifest["frame_rate"] == 30.0
    assert manifest["sha256"] == {
        name: hashlib.sha256(content).hexdigest() for name, content in graphs.items()
    }


def test_a_bundle_is_opened_by_a_path_of_either_kind(bundle_file: Path) -> None:
    assert Bundle.open(str(bundle_file)).sha256 == Bundle.open(bundle_file).sha256


def test_equal_content_gives_equal_bytes(
    tmp_path: Path, bundle_file: Path, graphs: dict[str, bytes]
) -> None:
    again = tmp_path / "again.kinestyle"
    write_bundle(again, replace(MANIFEST), dict(graphs))
    assert again.read_bytes() == bundle_file.read_bytes()
    # nor does the clock get in
    with zipfile.ZipFile(again) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    write_bundle(again, MANIFEST, graphs | {"generator": b"another"})
    assert again.read_bytes() != bundle_file.read_bytes()


@pytest.mark.parametrize("names", [[*GRAPHS][:-1], [*GRAPHS, "further"]])
def test_a_bundle_has_all_its_graphs_and_no_others(tmp_path: Path, names: list[str]) -> None:
    with pytest.raises(AssertionError, match="a bundle has the graphs"):
        write_bundle(tmp_path / "made.kinestyle", MANIFEST, dict.fromkeys(names, b""))
    assert not list(tmp_path.iterdir())


def test_a_damaged_graph_is_refused(bundle_file: Path, graphs: dict[str, bytes]) -> None:
    def change(members: dict[str, bytes]) -> None:
        members["generator.onnx"] = members["generator.onnx"][:-1] + b"?"

    bundle = Bundle.open(rewritten(bundle_file, change))
    with pytest.raises(BundleError, match=r"graph generator in .*changed.kinestyle is damaged"):
        bundle.graph("generator")
    assert bundle.graph("motion_encoder") == graphs["motion_encoder"]


def test_a_missing_graph_is_refused(bundle_file: Path) -> None:
    bundle = Bundle.open(
        rewritten(bundle_file, lambda members: members.pop("generator.onnx") and None)
    )
    with pytest.raises(BundleError, match="lacks its graph generator"):
        bundle.graph("generator")


def opened_in_full(path: Path) -> tuple[Any, list[bytes]]:
    bundle = Bundle.open(path)
    return bundle.manifest, [bundle.graph(name) for name in GRAPHS]


def test_a_byte_that_differs_is_refused_or_makes_no_difference(bundle_file: Path) -> None:
    data, expected, changed = (
        bundle_file.read_bytes(),
        opened_in_full(bundle_file),
        bundle_file.with_stem("changed"),
    )
    refused, escaped = 0, set()
    for at in range(0, len(data), 7):
        changed.write_bytes(data[:at] + bytes([data[at] ^ 0xFF]) + data[at + 1 :])
        try:
            assert opened_in_full(changed) == expected, f"byte {at} was changed and nobody noticed"
        except KinestyleError:
            refused += 1
        except Exception as error:
            escaped.add(type(error).__name__)
    assert not escaped
    assert refused > 0.5 * len(data) / 7


@pytest.mark.parametrize("share", [0.0, 0.01, 0.3, 0.99])
def test_a_bundle_that_was_cut_off_is_refused(bundle_file: Path, share: float) -> None:
    data = bundle_file.read_bytes()
    bundle_file.write_bytes(data[: int(share * len(data))])
    with pytest.raises(
        BundleError,
        match=r"made.kinestyle is not a whole Kinestyle bundle .*copy or export it again",
    ):
        Bundle.open(bundle_file)


def test_no_bundle_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match=r"nowhere.kinestyle was not found; .*bundle that ships"):
        Bundle.open(tmp_path / "nowhere.kinestyle")
    with pytest.raises(BundleError, match="is a folder, expected a file"):
        Bundle.open(tmp_path)


@pytest.mark.parametrize("manifest", ["[]", "null", "1", '"text"', "not json", "{}"])
def test_an_odd_manifest_is_refused(bundle_file: Path, manifest: str) -> None:
    changed = rewritten(
        bundle_file, lambda members: members.update({"manifest.json": manifest.encode()})
    )
    with pytest.raises(BundleError):
        Bundle.open(changed)


def test_another_format_is_refused(bundle_file: Path) -> None:
    sentence = (
        f"format: found {FORMAT + 1}, expected {FORMAT}; install the version of Kinestyle that "
        f"made the bundle"
    )
    with pytest.raises(BundleError, match=re.escape(sentence)):
        Bundle.open(with_manifest(bundle_file, format=FORMAT + 1))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("joints", ["left_hips", *CANONICAL.names[1:]]),
        ("joints", list(CANONICAL.names[:-1])),
        ("layout", [["root_yaw_velocity", 1]]),
        ("frame_rate", 60.0),
    ],
)
def test_another_skeleton_layout_or_rate_is_refused(
    bundle_file: Path, key: str, value: Any
) -> None:
    with pytest.raises(BundleError, match=rf"{key}: found .*, expected .*export it again"):
        Bundle.open(with_manifest(bundle_file, **{key: value}))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ("proud", "one/proud"),
        ("one/proud", "one/proud"),
        (" PROUD ", "one/proud"),
        ("not-tired", "two/Not-Tired"),
        ("Two/Not-Tired", "two/Not-Tired"),
        ("one/calm", "one/calm"),
        ("calm", "two/calm"),
    ],
)
def test_a_style_is_found_by_its_label_or_its_whole_name(
    bundle_file: Path, wanted: str, found: str
) -> None:
    assert Bundle.open(bundle_file).style(wanted).name == found


def test_of_two_styles_with_one_label_the_one_with_more_motion_is_taken_in_any_order(
    bundle_file: Path,
) -> None:
    bundle = Bundle.open(with_styles(bundle_file, STYLES[::-1]))
    assert bundle.style("calm").name == "two/calm"


@pytest.mark.parametrize(
    ("wanted", "meant"), [("tired", "Not-Tired"), ("three/calm", "calm"), ("", ""), ("calm/", "")]
)
def test_an_unknown_style_is_answered_with_the_known_ones(
    bundle_file: Path, wanted: str, meant: str
) -> None:
    with pytest.raises(StyleError) as caught:
        Bundle.open(bundle_file).style(wanted)
    assert str(caught.value) == (
        f"no style is called {wanted!r}; the bundle made.kinestyle knows Not-Tired, calm, proud"
        + (f"; did you mean {meant}?" if meant else "")
    )


@pytest.mark.parametrize("failure", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_a_bundle_is_never_half_written(
    monkeypatch: pytest.MonkeyPatch,
    bundle_file: Path,
    graphs: dict[str, bytes],
    failure: BaseException,
) -> None:
    before = bundle_file.read_bytes()

    def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr(Path, "replace", fail)
    expected = MotionFileError if isinstance(failure, OSError) else KeyboardInterrupt
    with pytest.raises(expected):
        write_bundle(bundle_file, replace(MANIFEST, name="newer"), graphs)
    assert bundle_file.read_bytes() == before
    assert list(bundle_file.parent.iterdir()) == [bundle_file]


def test_a_missing_folder_is_said(tmp_path: Path, graphs: dict[str, bytes]) -> None:
    with pytest.raises(
        MotionFileError, match=r"the folder .*nowhere does not exist; create it first"
    ):
        write_bundle(tmp_path / "nowhere" / "made.kinestyle", MANIFEST, graphs)


def test_a_variation_is_the_middle_or_a_draw_that_repeats(bundle_file: Path) -> None:
    style = Bundle.open(bundle_file).style("proud")
    np.testing.assert_array_equal(style.variation(0), style.mean)
    np.testing.assert_array_equal(style.variation(3), style.variation(3))
    noise = np.random.default_rng(3).standard_normal(2)
    np.testing.assert_allclose((style.variation(3) - style.mean) / style.std, noise, rtol=1e-5)


def test_a_bundle_without_styles_says_so(bundle_file: Path) -> None:
    bundle = Bundle.open(with_manifest(bundle_file, styles=[], prior="standard normal"))
    assert bundle.styles == ()
    with pytest.raises(
        StyleError,
        match=r"'old'; the bundle changed.kinestyle has no named styles, only those of clips",
    ):
        bundle.style("old")


def test_what_a_manifest_may_say_and_need_not(bundle_file: Path) -> None:
    silent = Bundle.open(bundle_file).manifest
    assert (silent.label_numbers, silent.reference_error_cm, silent.tempo) == (0, None, None)
    assert (silent.left_out, silent.commit) == ((), "")
    training = {
        "validation": {"autoencoder": {"score": 0.5, "cmu/cm": 2.0}},
        "recipe": {"left_out": ["bandai1"]},
        "commit": "abc",
    }
    said = Bundle.open(with_manifest(bundle_file, label_numbers=2, training=training)).manifest
    assert (said.label_numbers, said.reference_error_cm) == (2, 0.5)
    assert (said.left_out, said.commit) == (("bandai1",), "abc")
    size = len(STYLES[0].mean)
    tempo = {"standing": [0.25] * size, "walking": [0.0] * size}
    timed = Bundle.open(with_manifest(bundle_file, tempo=tempo)).manifest
    assert timed.tempo == ((0.25,) * size, (0.0,) * size)
    assert Manifest.parse(timed.to_json(), "again") == timed
    assert "tempo" not in json.loads(silent.to_json())


def test_bundles_that_ship_are_opened_by_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, graphs: dict[str, bytes], bundle_file: Path
) -> None:
    assert Bundle.open("bandai").path == Bundle.open(Path("bandai")).path == Bundle.open().path
    folder = tmp_path / "released"
    folder.mkdir()
    write_bundle(folder / "another.kinestyle", replace(MANIFEST, name="another"), graphs)
    (folder / "notes.txt").write_text("no bundle")
    monkeypatch.setattr("kinestyle.bundle.file._RELEASED", folder)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "another").mkdir()  # a folder of that name is not in the way
    assert list(shipped()) == ["another"]
    assert Bundle.open("another").manifest.name == "another"
    assert Bundle.open(bundle_file).manifest.name == "made"
    with pytest.raises(
        BundleError,
        match=r"third was not found; .*name a .kinestyle file, or a bundle that ships or is in "
        r"KINESTYLE_BUNDLES: another",
    ):
        Bundle.open("third")


def test_bundles_in_folders_have_names_that_take_none_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first, second = tmp_path / "first", tmp_path / "second"
    for folder, names in ((first, ("mine", "bandai")), (second, ("mine", "theirs"))):
        folder.mkdir()
        for name in names:
            shutil.copy(released_path(), folder / f"{name}.kinestyle")
    missing = tmp_path / "missing"
    monkeypatch.setenv("KINESTYLE_BUNDLES", os.pathsep.join(map(str, (first, missing, second))))
    assert Bundle.open("mine").path == first / "mine.kinestyle"
    assert Bundle.open("theirs").path == second / "theirs.kinestyle"
    assert Bundle.open("bandai").path == released_path()
    with pytest.raises(BundleError, match=r"KINESTYLE_BUNDLES: mine or theirs or bandai"):
        Bundle.open("nobody")
    monkeypatch.delenv("KINESTYLE_BUNDLES")
    with pytest.raises(BundleError):
        Bundle.open("mine")


def test_the_bundle_that_ships_is_whole() -> None:
    bundle = Bundle.open()
    assert bundle.path == released_path()
    assert all(bundle.graph(name) for name in GRAPHS)
    assert len(bundle.styles) == 22
    assert len({style.name for style in bundle.styles}) == 22
    assert {style.mean.shape for style in bundle.styles} == {
        style.std.shape for style in bundle.styles
    }
    assert all((style.std > 0).all() and style.seconds > 0 for style in bundle.styles)
    # two sets have it, and the second has much more motion of it
    assert bundle.style("normal").name == "bandai2/normal"
    assert "CC BY-NC 4.0" in bundle.manifest.licence
    assert "Bandai Namco Research" in bundle.manifest.attribution


def test_styles_are_values() -> None:
    style = STYLES[0]
    same = Style(style.name, style.seconds, style.mean.astype(float), style.std.copy())
    others = [
        replace(style, name="one/other"),
        replace(style, seconds=1.0),
        replace(style, mean=style.mean + 1.0),
        replace(style, std=style.std[:1]),
    ]
    assert style == same
    assert all(style != other for other in [*others, style.name])
    assert len({style, same, *others}) == 1 + len(others)
    assert repr(style) == "Style('one/calm', 30 s, 2 numbers)"
    assert "\n" not in repr(Bundle.open())
