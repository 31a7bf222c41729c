"""Ablations beside the paper's: signs, budgets, and what is not done yet."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from kinestyle.bundle import Bundle
from kinestyle.evaluate.ablations import (
    REPORTED,
    Progress,
    as_sign_table,
    as_table,
    budget_text,
    reported,
    setting_of,
    signs,
)

ROOT = Path(__file__).resolve().parents[1]
CELLS = [f"walk/style_{i // 2}" for i in range(40)]


def row(name: str, style: Sequence[Any], content: Sequence[Any], mode: str = "label") -> Any:
    """As `report.compare` makes it, as far as it is read here."""
    of = [[cell, f"clip_{i}", "old", 0] for i, cell in enumerate(CELLS)]
    figure = {"value": 0.5, "interval": 0.1}
    return {
        "bundle": name,
        "mode": mode,
        "outputs": len(of),
        "judges": {"network": {"style": figure, "content": figure}},
        "truth": {"ratio": figure},
        "geometry": None,
        "budget": BUDGET,
        "cases": {"of": of, "style": {"network": style}, "content": {"network": content}},
    }


BUDGET: Mapping[str, Any] = {
    "autoencoder": {
        "steps": 10000,
        "samples": 320000,
        "seconds": {"cpu": 900.0},
        "processes": 1,
        "stopped": "all steps",
    },
    "global_motion": {"steps": 1, "samples": 1, "seconds": {}, "processes": 1, "stopped": "x"},
    "stylizer": {
        "steps": 12400,
        "samples": 297600,
        "seconds": {"cpu": 7200.0, "NVIDIA H100": 60.0},
        "processes": 1,
        "stopped": "validation stalled",
    },
}
RIGHT, WRONG = [1.0] * 40, [0.0] * 40
MOSTLY = [float(i % 4 != 0) for i in range(40)]


def test_a_sign_is_that_of_the_differences_case_by_case() -> None:
    rows = [row("paper-small", MOSTLY, RIGHT), row("no-alignment", RIGHT, MOSTLY)]
    (sign,) = signs(rows)
    assert (sign.ablation, sign.reported.figure, sign.mode, sign.judge) == (
        *("no-alignment", "content", "label"),
        "network",
    )
    assert sign.difference.value == pytest.approx(-25.0)
    assert sign.verdict == "agrees"
    # the paper says that poses cost style
    (other,) = signs([rows[0], row("poses", RIGHT, RIGHT)])
    assert (other.difference.value, other.verdict) == (pytest.approx(25.0), "**differs**")


def test_what_the_interval_holds_has_no_sign() -> None:
    once = [*WRONG[1:], 1.0]
    (sign,) = signs([row("paper-small", WRONG, RIGHT), row("deterministic", once, RIGHT)])
    assert sign.difference.value == pytest.approx(2.5)
    assert sign.difference.interval > 2.5
    assert sign.verdict == "within the interval"
    (equal,) = signs([row("paper-small", MOSTLY, RIGHT), row("deterministic", MOSTLY, RIGHT)])
    assert (equal.difference.value, equal.verdict) == (0.0, "within the interval")


def test_the_same_cases_make_the_interval_narrow() -> None:
    """Both are right in half of the cells, the same ones but for one."""
    base = [float(i < 20) for i in range(40)]
    other = [float(i < 18) for i in range(40)]
    (sign,) = signs([row("paper-small", base, RIGHT), row("poses", other, RIGHT)])
    assert sign.difference.value == pytest.approx(-5.0)
    assert sign.difference.interval < 11.0  # of either figure by itself it is 22


def test_each_setting_has_its_own_base_and_what_a_judge_cannot_tell_does_not_count() -> None:
    content = [None, *RIGHT[1:]]
    rows = [
        row("paper-small", RIGHT, WRONG, "reference"),
        row("paper-small-unsupervised", RIGHT, RIGHT, "reference"),
        row("unsupervised-no-alignment", RIGHT, content, "reference"),
        row("unsupervised-vae", RIGHT, RIGHT, "label"),  # there is no base in that mode
        row("paper", RIGHT, RIGHT, "reference"),
    ]
    (sign,) = signs(rows)
    assert sign.ablation == "unsupervised-no-alignment"
    assert sign.difference.value == 0.0


def test_rows_of_other_cases_are_not_compared() -> None:
    other = row("poses", RIGHT, RIGHT)
    other["cases"]["of"][0][1] = "another clip"
    with pytest.raises(AssertionError, match="judged in the same cases"):
        signs([row("paper-small", RIGHT, RIGHT), other])


def test_an_ablation_that_the_paper_is_silent_on_has_no_verdict() -> None:
    found = signs([row("paper-small", RIGHT, RIGHT), row("no-cycle", WRONG, RIGHT)])
    assert [(s.reported.figure, s.verdict) for s in found] == [("style", "–"), ("content", "–")]
    assert reported("unsupervised-poses") == REPORTED["poses"]
    assert reported("unsupervised-no-alignment") != reported("no-alignment")
    assert setting_of("unsupervised-vae") == ("unsupervised-", "vae")


def test_reasons_that_somebody_wrote_stay() -> None:
    found = signs([row("paper-small", MOSTLY, RIGHT), row("poses", RIGHT, RIGHT)])
    lines = as_sign_table(found)
    assert lines[2].startswith("| poses | style | label | network | - 1.3 points | 25.0 ± ")
    assert lines[2].endswith(" | **differs** |  |")
    written = "\n".join(lines).replace("**differs** |  |", "**differs** | two frames at once |")
    changed = signs([row("paper-small", MOSTLY, RIGHT), row("poses", WRONG, RIGHT)])
    (again,) = as_sign_table(changed, f"# Before\n\n{written}\nand after")[2:3]
    assert again.endswith(" | agrees | two frames at once |")


def test_a_table_says_what_each_row_has_cost_and_what_is_not_done() -> None:
    table = as_table([row("vae", RIGHT, RIGHT)], {"poses": "not begun"})
    assert table[0] == (
        "| preset | mode | outputs | style, network | content, network | truth | jerk | budget |"
    )
    assert table[2].endswith(
        " | – | autoencoder 10,000 steps, 320,000 samples, 15.0 min cpu, all steps; stylizer "
        "12,400 steps, 297,600 samples, 2.0 h cpu, 1.0 min NVIDIA H100, validation stalled |"
    )
    assert table[3] == "| poses | – | – | – | – | – | – | not begun |"
    assert as_table([], {"poses": "not begun"})[2] == "| poses | – | – | – | – | not begun |"
    assert budget_text({}) == "not stated"


def test_how_far_a_training_is_stands_in_its_logs(tmp_path: Path) -> None:
    assert Progress.of(tmp_path).text == "not begun"
    for stage, rows in (("autoencoder", (50, 100)), ("stylizer", (1250,))):
        (tmp_path / stage).mkdir()
        lines = [json.dumps({"step": step, "seconds": 2.4 * step}) for step in rows]
        (tmp_path / stage / "log.jsonl").write_text("\n".join([*lines, '{"step": 12']))
        assert Progress.of(tmp_path).steps == rows[-1]
    assert Progress.of(tmp_path).text == "not done: stylizer, 1,250 steps so far, 50.0 min"


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("bash") is None, reason="the script needs bash")
def test_the_whole_way_in_miniature_cut_and_given_again(tmp_path: Path) -> None:
    pytest.importorskip("torch")
    from test_pipeline import made_data

    made_data(tmp_path / "data")

    def run(*options: object) -> str:
        done = subprocess.run(
            [ROOT / "runs" / "ablations", tmp_path / "data", tmp_path / "run", *map(str, options)],
            env={**os.environ, "KINESTYLE_PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    small = ("--presets", "paper-small poses", "--device", "cpu")
    run(*small, "--steps", "3", "--budget", "0.00001", "--train")
    table = run(*small, "--table")
    assert table.count("| not begun |") == 2, "the shared autoencoder is not done"
    run(*small, "--steps", "3", "--train")
    table = run(*small, "--table")
    assert table.count("| done, not judged yet |") == 2
    assert (tmp_path / "run" / "poses" / "poses.kinestyle").exists()
    assert "| not begun |" in run("--presets", "vae", "--table")

    # as on a machine that is lent: no motion files, a small file instead, and parts that come back
    there = ("--packed", tmp_path / "packed", "--back", tmp_path / "back", "--steps", "2")
    run("--pack", tmp_path / "packed")
    shutil.rmtree(tmp_path / "data")
    (tmp_path / "run").rename(tmp_path / "here")
    run(*small, *there)
    parts = sorted((tmp_path / "back").iterdir())
    assert [part.name for part in parts][:1] == ["back.00"]
    archive = b"".join(part.read_bytes() for part in parts)
    subprocess.run(["tar", "-x", "-C", tmp_path / "here"], input=archive, check=True)
    steps = Bundle.open(tmp_path / "here/poses/poses.kinestyle").manifest.training["budget"]
    assert steps["stylizer"]["steps"] == 2
