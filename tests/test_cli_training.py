"""`kinestyle train` and `evaluate`."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from command_line import PROGRAM, contents, done_noisily, kinestyle, refused, run
from kinestyle.bundle import Bundle
from kinestyle.cli.learning import UNFINISHED
from kinestyle.formats.table import FORMATS

pytestmark = pytest.mark.usefixtures("here")


def test_train_without_data_is_refused_with_a_sentence() -> None:
    pytest.importorskip("torch")
    Path("data").mkdir()
    result = kinestyle("train", "--data", "data", "--run", "run", "--steps", "1")
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "reading motion under data",
        f"kinestyle: data holds no motion file; expected files of these kinds, in any folders: "
        f"{', '.join(FORMATS)}",
    ]
    assert contents() == {}
    sentence = refused("train", "--data", "data", "--run", "run", "--stage", "dreaming")
    assert sentence.startswith(
        "no stage is called 'dreaming'; the stages are corpus, autoencoder, "
    )


def test_made_styles_for_a_preset_that_learns_from_no_pairs_are_refused() -> None:
    pytest.importorskip("torch")
    Path("data").mkdir()
    options = ("--data", "data", "--run", "run", "--preset", "paper", "--made-styles", "3")
    assert refused("train", *options).startswith("made styles are learned from in pairs, and the ")
    assert contents() == {}


def test_a_budget_that_is_spent_leaves_what_goes_on_the_next_time(own_data: Path) -> None:
    pytest.importorskip("torch")
    options = ("--data", own_data, "--run", "run", "--stage", "autoencoder", "--budget", "0.00001")
    for steps in (1, 2):
        result = kinestyle("train", *options)
        assert (result.exit_code, result.stdout) == (UNFINISHED, "")
        assert re.search(
            rf"run/autoencoder: {steps} steps so far, in \d+ s, and not done yet; the same command "
            r"goes on\n$",
            result.stderr,
        )
    assert not Path("run/autoencoder/trained.pt").exists()


def test_evaluate_without_data_is_refused_with_a_sentence() -> None:
    Path("data").mkdir()
    sentence = (
        "no clip of the test split is under data/bandai; unpack the Bandai-Namco archives there"
    )
    assert refused("evaluate", "--data", "data") == sentence


def _choose(data_dir: Path, *names: str) -> None:
    """Lay the last clip of each name into the folder `data`."""
    for name in names:
        found = max((data_dir / "bandai").glob(f"*/data/{name}*.bvh"))
        place = Path("data") / "bandai" / name.split("_")[0] / "data"
        place.mkdir(parents=True, exist_ok=True)
        (place / found.name).symlink_to(found)


def test_evaluate_examines_real_test_clips(data_dir: Path) -> None:
    pytest.importorskip("matplotlib", reason="the page's figures need the train extra")
    _choose(
        data_dir,
        "dataset-1_walk_old_002",
        "dataset-1_walk_giant_002",
        "dataset-2_walk_elderly_",
        "dataset-2_walk_active_",
    )
    (Path("data") / "wild").mkdir()
    (Path("data") / "wild" / "zombie.bvh").symlink_to(data_dir / "wild" / "zombie.bvh")
    options = ["--quick", "--part", "p1", "--part", "p2", "--part", "p4", "--processes", "1"]
    result = done_noisily(
        "evaluate", "--data", "data", *options, "--json", "figures.json", "--results", "page.md"
    )
    figures = json.loads(Path("figures.json").read_text())
    assert [
        {name: real["clips"] for name, real in judge["real"].items()} for judge in figures["judges"]
    ] == 2 * [{"bandai1": 2, "bandai2": 2}]
    assert [(found["contents"], found["styles"]) for found in figures["protocols"]] == [
        ("bandai2", "bandai2"),
        ("bandai2", "bandai1"),
        ("bandai1", "bandai1"),
    ]
    assert all(row["outputs"] == 2 for found in figures["protocols"] for row in found["rows"])
    assert figures["about"]["bundle"]["sha256"] == Bundle.open().sha256
    page = Path("page.md").read_text()
    assert (
        "`kinestyle evaluate --data DATA --json figures.json --results page.md --part p1 --part "
        "p2 --part p4 --quick" in page
    )
    assert result.stdout.strip() in page


def test_evaluate_writes_a_page_of_one_part(data_dir: Path) -> None:
    pytest.importorskip("matplotlib", reason="the page's figures need the train extra")
    _choose(data_dir, "dataset-2_walk_elderly_", "dataset-2_walk_active_")
    options = ["--part", "judges", "--processes", "1", "--results", "page.md"]
    tables = done_noisily("evaluate", "--data", "data", *options).stdout
    assert tables.strip() in Path("page.md").read_text()
    assert sorted(path.name for path in Path().iterdir()) == ["data", "page.md"], "no figures"


def test_evaluate_compares_bundles_on_the_same_clips(data_dir: Path) -> None:
    _choose(data_dir, "dataset-2_walk_elderly_", "dataset-2_walk_active_")
    shutil.copy(Bundle.open().path, "other.kinestyle")
    table = done_noisily(
        "evaluate", "--data", "data", "--against", "other.kinestyle", "--processes", "1"
    ).stdout.splitlines()
    assert [line.split(" | ")[:3] for line in table[2:6]] == [
        [f"| {bundle}", mode, "2"]
        for bundle in ("the one that ships", "other")
        for mode in ("label", "reference")
    ]
    assert [line.split(" | ")[3:] for line in table[2:4]] == [
        line.split(" | ")[3:] for line in table[4:6]
    ]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--part", "p3"), "p3 needs a bundle that never saw set 1; name it with --zero-shot"),
        (
            ("--json", "nowhere/out.json"),
            "out.json cannot be written: there is no folder nowhere; create it first",
        ),
        (
            ("--against", "x", "--results", "x.md"),
            "a comparison (--against) makes no page of results; leave out --results",
        ),
    ],
)
def test_evaluate_refuses_what_cannot_be(
    data_dir: Path, options: tuple[str, ...], sentence: str
) -> None:
    assert refused("evaluate", "--data", data_dir, *options) == sentence


def test_train_without_torch_says_what_to_install() -> None:
    without = f"import sys; sys.modules['torch'] = None; {PROGRAM}"
    failed = run("train", "--data", "data", "--run", "run", program=without)
    assert failed.returncode == 1
    assert failed.stderr.startswith("kinestyle: training needs ")
    assert failed.stderr.endswith(" which is not installed; pip install 'kinestyle[train]'\n")
