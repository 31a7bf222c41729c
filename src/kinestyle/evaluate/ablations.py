"""The paper's ablations beside its own: what each training has cost, what it gives, and whether it
moves the figures the way the paper says.

Rows are those of `report.compare`. A training that is not done has none; it is listed with its
steps so far.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from kinestyle.evaluate.statistics import Estimate, estimate
from kinestyle.evaluate.tables import estimate_text, table

UNSUPERVISED = "unsupervised-"
"""What names of ablations begin with in the setting without labels."""
BASES = {"": "paper-small", UNSUPERVISED: "paper-small-unsupervised"}
"""What the ablations of a setting change one thing of, by the beginning of their names."""


@dataclass(frozen=True)
class Reported:
    """What the paper says of an ablation: a figure goes up or down, by how many points of accuracy
    where it says so. None: it says nothing of the figure.
    """

    figure: Literal["style", "content"]
    up: bool | None
    text: str


SILENT = Reported("style", None, "–"), Reported("content", None, "–")
REPORTED: Mapping[str, tuple[Reported, ...]] = {
    "poses": (Reported("style", False, "- 1.3 points"),),
    "deterministic": (Reported("style", False, "- 3.2 points"),),
    "end-to-end": (Reported("style", False, "falls to about 15 %"),),
    "no-alignment": (Reported("content", False, "- 13 points"),),
    f"{UNSUPERVISED}no-alignment": (Reported("content", False, "- 6 points"),),
    "vae": (Reported("style", True, "more, zero-shot"), Reported("content", False, "less")),
}
"""By ablation (Guo et al. 2024). Where it reports an ablation in one setting, the other is held
against the same sign.
"""


@dataclass(frozen=True)
class Sign:
    """How one figure of an ablation differs from its base's, in points of accuracy, in one mode and
    by one judge, beside what the paper says.
    """

    ablation: str
    reported: Reported
    mode: str
    judge: str
    difference: Estimate

    @property
    def verdict(self) -> str:
        """agrees, differs, or neither, where the interval holds both signs; – where the paper says
        nothing.
        """
        if self.reported.up is None:
            return "–"
        value, interval = self.difference.value, self.difference.interval
        if not math.isfinite(value) or not abs(value) > interval:
            return "within the interval"
        return "agrees" if (value > 0) == self.reported.up else "**differs**"


def setting_of(preset: str) -> tuple[str, str]:
    """The beginning of an ablation's name that says its setting, and the rest of it."""
    prefix = UNSUPERVISED if preset.startswith(UNSUPERVISED) else ""
    return prefix, preset.removeprefix(prefix)


def reported(preset: str) -> tuple[Reported, ...]:
    """What the paper says of an ablation."""
    return REPORTED.get(preset) or REPORTED.get(setting_of(preset)[1], SILENT)


def signs(rows: Sequence[Mapping[str, Any]]) -> list[Sign]:
    """Of every ablation that was judged in the same cases as its base, in all modes, by all judges.
    The interval is that of the differences, case by case, which is narrower than those of the two
    figures: what makes a case hard makes it hard for both.
    """
    by_name = {(row["bundle"], row["mode"]): row for row in rows}
    found = []
    for (name, mode), row in by_name.items():
        base = by_name.get((BASES[setting_of(name)[0]], mode))
        if name in BASES.values() or name.startswith("paper") or base is None:
            continue
        for claim in reported(name):
            for judge, difference in _differences(row["cases"], base["cases"], claim.figure):
                found.append(Sign(name, claim, mode, judge, difference))
    return found


def _differences(
    cases: Mapping[str, Any], base: Mapping[str, Any], figure: str
) -> list[tuple[str, Estimate]]:
    assert cases["of"] == base["of"], "ablations are judged in the same cases as their base"
    groups = [cell for cell, *_ in map(tuple, cases["of"])]
    return [
        (judge, _points(right, base[figure][judge], groups))
        for judge, right in cases[figure].items()
    ]


def _points(right: Sequence[Any], base: Sequence[Any], groups: Sequence[str]) -> Estimate:
    """right, base: for every case 1 or 0, None where a judge cannot tell -> points of accuracy."""
    apart = [
        100.0 * (a - b) if a is not None and b is not None else float("nan")
        for a, b in zip(right, base, strict=True)
    ]
    return estimate(apart, groups)


@dataclass(frozen=True)
class Progress:
    """How far a training is, as its folder says: the stage it is at, steps and seconds so far. No
    stage: it was not begun.
    """

    stage: str = ""
    steps: int = 0
    seconds: float = 0.0

    @classmethod
    def of(cls, folder: Path) -> Progress:
        """Of the run in a folder, from the logs of its stages, the last of which counts."""
        for stage in ("stylizer", "autoencoder"):
            log = folder / stage / "log.jsonl"
            lines = log.read_text().splitlines() if log.exists() else []
            for line in reversed(lines):
                try:
                    row = json.loads(line)
                    return cls(stage, int(row["step"]), float(row["seconds"]))
                except (ValueError, KeyError):
                    continue  # half a row, which a kill leaves
        return cls()

    @property
    def text(self) -> str:
        """For a table."""
        if not self.stage:
            return "not begun"
        return f"not done: {self.stage}, {self.steps:,} steps so far, {minutes(self.seconds)}"


def minutes(seconds: float) -> str:
    """As a table shows it."""
    return f"{seconds / 60.0:.1f} min" if seconds < 6000.0 else f"{seconds / 3600.0:.1f} h"


def budget_text(budget: Mapping[str, Mapping[str, Any]]) -> str:
    """What the stages of a bundle have cost, from its manifest."""
    if not budget:
        return "not stated"
    return "; ".join(
        f"{stage} {cost['steps']:,} steps, {cost['samples']:,} samples, "
        f"{', '.join(f'{minutes(s)} {device}' for device, s in cost['seconds'].items())}, "
        f"{cost['stopped']}"
        for stage, cost in budget.items()
        if stage in ("autoencoder", "stylizer")
    )


def as_table(rows: Sequence[Mapping[str, Any]], unjudged: Mapping[str, str]) -> list[str]:
    """Of what was judged, with the budget of each. unjudged: why the others were not, by name."""
    judges = list(rows[0]["judges"]) if rows else []
    head = [
        *("preset", "mode", "outputs"),
        *(f"{what}, {judge}" for what in ("style", "content") for judge in judges),
        *("truth", "jerk", "budget"),
    ]
    body = [
        [
            *(row["bundle"], row["mode"], str(row["outputs"])),
            *(
                estimate_text(row["judges"][judge][what])
                for what in ("style", "content")
                for judge in judges
            ),
            estimate_text(row["truth"]["ratio"]),
            estimate_text((row["geometry"] or {}).get("jerk"), 2),
            budget_text(row["budget"]),
        ]
        for row in rows
    ]
    blank = ["–"] * (len(head) - 2)
    body += [[name, *blank, why] for name, why in unjudged.items()]
    return table(head, body)


KEY_COLUMNS = 4
"""Of the table of signs: what a row is about."""


def as_sign_table(found: Sequence[Sign], before: str = "") -> list[str]:
    """Whether each ablation moves the figures as the paper says. The last column is for reasons,
    written by hand where signs differ; those in `before`, a text that holds an older table, are
    kept.
    """
    kept = _reasons(before)
    head = ["ablation", "figure", "mode", "judge", "the paper", "here, points", "", "why"]
    body = []
    for sign in found:
        key = sign.ablation, sign.reported.figure, sign.mode, sign.judge
        here = estimate_text(vars(sign.difference), 1)
        body.append([*key, sign.reported.text, here, sign.verdict, kept.get(key, "")])
    return table(head, body)


def _reasons(text: str) -> dict[tuple[str, ...], str]:
    """The last column of a table of signs, by its first ones."""
    found = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if line.startswith("|") and len(cells) > KEY_COLUMNS:
            found[tuple(cells[:KEY_COLUMNS])] = cells[-1]
    return found
