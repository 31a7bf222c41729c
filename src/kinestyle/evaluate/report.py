"""The benchmark as a whole: which parts it has, run on a bundle, as data and as a table."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from kinestyle.bundle import Bundle
from kinestyle.evaluate.judge import Judge
from kinestyle.evaluate.protocol import MODES, TestClip, draw_cases, judge_real, run_cases, summarize

PARTS = (("bandai2", "bandai2"), ("bandai1", "bandai1"), ("bandai2", "bandai1"))
"""Contents of a set into styles of a set. The last is the hard one: styles with less than a minute of motion each."""


def benchmark(
    clips: Sequence[TestClip],
    bundle: Path | None = None,
    judge_path: Path | None = None,
    targets: int | None = 2,
    seed: int = 0,
    strength: float = 1.0,
    progress: Callable[[str], None] = lambda line: None,
) -> dict[str, Any]:
    """Run every part on a bundle (None: the one that ships), `targets` styles for each clip. Returns what `as_markdown` takes."""
    opened, judge = Bundle.open(bundle), Judge(judge_path)
    real = {name: judge_real([clip for clip in clips if clip.set_name == name], judge) for name in ("bandai2", "bandai1")}
    rows = []
    for contents, styles in PARTS:
        cases = draw_cases(clips, styles, contents, targets, seed)
        progress(f"{contents} into {styles}: {len(cases)} results")
        outcomes = run_cases(cases, bundle, judge_path, strength)
        for mode in MODES:
            summary = summarize([outcome for outcome in outcomes if outcome.case.mode == mode], judge)
            rows.append(
                {
                    "contents": contents,
                    "styles": styles,
                    "mode": mode,
                    **asdict(summary),
                    "style_share": _share(summary.style, real[styles].style),
                    "content_share": _share(summary.content, real[contents].content),
                }
            )
    training = opened.manifest.get("training", {})
    return {
        "bundle": opened.path.name,
        "bundle_sha256": opened.sha256,
        "bundle_commit": training.get("commit", "unknown"),
        "judge_sha256": judge.sha256,
        "strength": strength,
        "seed": seed,
        "targets": targets,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        "real": {name: asdict(accuracy) for name, accuracy in real.items()},
        "rows": rows,
    }


def _share(reached: float, possible: float) -> float:
    return reached / possible if possible else float("nan")


def as_markdown(result: dict[str, Any]) -> str:
    """The table for README and docs/RESULTS.md."""
    lines = [
        "| contents → styles | mode | outputs | style acc. | of the judge's own "
        "| content acc. | of the judge's own | planted foot speed | jerk |",
        "|---|---|---|---|---|---|---|---|---|",
    ]
    for name, accuracy in result["real"].items():
        lines.append(
            f"| {name}, real test clips | – | {accuracy['clips']} | {accuracy['style']:.3f} | 1 "
            f"| {accuracy['content']:.3f} | 1 | 1 | 1 |"
        )
    for row in result["rows"]:
        lines.append(
            f"| {row['contents']} → {row['styles']} | {row['mode']} | {row['outputs']} "
            f"| {row['style']:.3f} ± {row['style_interval']:.3f} | {row['style_share']:.3f} "
            f"| {row['content']:.3f} ± {row['content_interval']:.3f} | {row['content_share']:.3f} "
            f"| {row['planted_speed_ratio']:.2f} × | {row['jerk_ratio']:.2f} × |"
        )
    lines.append("")
    lines.append(
        f"Bundle `{result['bundle']}` sha256 `{result['bundle_sha256'][:16]}` (exported at `{result['bundle_commit']}`), judge "
        f"`{result['judge_sha256'][:16]}`, strength {result['strength']:g}, seed {result['seed']}, {result['machine']}."
    )
    return "\n".join(lines)
