"""The targets of a released bundle: each figure of a result beside the wanted one.

Accuracies count as a share of the judge's own on real clips, by the judge for which it is lower.
"""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from kinestyle.evaluate.protocol import RETIMED
from kinestyle.evaluate.unseen_styles import KINDS

IN_DOMAIN = {"keep": 0.92, "fit": 0.92, "style": 0.97}
"""Style in P1, by `--timing`: part of a style is its tempo."""
IN_DOMAIN_CONTENT = 0.96
ELSEWHERE = {"label": (0.85, 0.90), "reference": (0.75, 0.90)}
"""Style and content in P2 and P3."""
TEMPO_STYLE, LEAST_TEMPO_STYLE = "bandai2/active", 0.85
"""The style of P1 that is least recognised without its tempo, and what it should reach with it."""
TARGET_MODES = ("label", "reference")
"""The modes that the targets are for."""
MOST_TRUTH_RATIO, MOST_SLIDING, MOST_JERK, MOST_APART = 0.45, 1.0, 1.1, 0.05

ACTIONS = (
    ("kept", "events kept", "≥", 0.95),
    ("correlation", "correlation of hands and feet with the input's", "≥", 0.95),
    ("jump_height", "height of jumps kept", "≥", 0.90),
    ("pops", "pops", "≤", 0),
    ("overextended", "results with a knee or elbow bent back", "≤", 0),
    ("twists", "results in which a joint turns over", "≤", 0),
    ("jerk", "jerk, of the input's", "≤", MOST_JERK),
    ("body_within", "results with hands in the body in at most 1 % more frames", "≥", 1.0),
    ("style_left", "style left where no gate stops a clip", "≥", 0.6),
)
"""Of P5: the name in a row, what it is, relation and bound."""
HEARINGS = {False: (0.85, 0.7), True: (0.7, 0.5)}
"""Of P6: cosine and way, with a reference of the same action and of another; of sets of made styles
and 100STYLE, and (True) of the styles of set 1.
"""


@dataclass(frozen=True)
class Target:
    """One line of the table.

    where: protocol and mode; what: the figure's name; found: the figure; wanted: relation and bound
    retimed: the same figure of real clips in the inputs' time, where there are such: a bound beyond
        it asks for more than the data gives
    """

    where: str
    what: str
    found: float
    wanted: str
    met: bool
    retimed: float | None = None


def check_targets(result: Mapping[str, Any]) -> list[Target]:
    """The targets of all parts that a result has, without those for which too little was run.

    result: as `report.benchmark` returns it
    """
    return [target for target in _all(result) if target is not None]


def _all(result: Mapping[str, Any]) -> Iterator[Target | None]:
    for protocol in result["protocols"]:
        yield from _of_protocol(protocol, result["about"]["timing"])
    for row in result.get("diversity", ()):
        if row["mode"] == "draw":
            metres = row["metres"]
            beyond = (
                None
                if metres["interval"] is None
                else 100.0 * (metres["value"] - metres["interval"])
            )
            yield _target("P1 draw", "diversity beyond its interval, cm", beyond, ">", 0.0)
            yield _target(
                "P1 draw",
                "variations that are right",
                _least(row["right"].values(), "value"),
                "≥",
                1.0,
            )
    for row in result.get("unlabelled", {}).get("rows", ()):
        if row["mode"] in TARGET_MODES:
            where = f"P4 {row['mode']}"
            yield _target(
                where, "results with at most 1.3 × the jerk", row["within_jerk"]["value"], "≥", 1.0
            )
            yield _target(
                where,
                "results with at most 1.2 × the sliding",
                row["within_planted_speed"]["value"],
                "≥",
                1.0,
            )
            yield _target(where, "bone flips", row["flips"], "≤", 0)
    if "actions" in result:
        yield from _of_actions(result["actions"]["rows"][0])
    for row in result.get("hearings", {}).get("rows", ()):
        yield from _of_hearings(row)


def _of_actions(row: Mapping[str, Any]) -> Iterator[Target | None]:
    for name, what, relation, wanted in ACTIONS:
        value = row[name]
        found = value["value"] if isinstance(value, Mapping) else value
        yield _target("P5", what, found, relation, wanted)


def _of_hearings(row: Mapping[str, Any]) -> Iterator[Target | None]:
    if row["mode"] != "reference":
        return
    wanted = HEARINGS[row["set_name"] == "bandai1"][KINDS.index(row["kind"])]
    for what in ("cosine", "way"):
        where = f"P6 {row['set_name']}, {row['kind']}"
        yield _target(where, what, row[what]["value"], "≥", wanted)


def _of_protocol(protocol: Mapping[str, Any], timing: str) -> Iterator[Target | None]:
    if protocol["splits"] != ["test"]:
        return  # a second look at the same protocol, with clips that the judges know
    of_mode = {row["mode"]: row for row in protocol["rows"]}
    of_real = (
        {what: found for what, found, *_ in _figures(protocol["part"], of_mode[RETIMED], timing)}
        if RETIMED in of_mode
        else {}
    )
    for row in (of_mode[mode] for mode in TARGET_MODES if mode in of_mode):
        where = f"{protocol['part'].upper()} {protocol['title']}, {row['mode']}"
        for what, found, relation, wanted in _figures(protocol["part"], row, timing):
            yield _target(where, what, found, relation, wanted, of_real.get(what))


def _figures(
    part: str, row: Mapping[str, Any], timing: str
) -> Iterator[tuple[str, float | None, str, float]]:
    """For each figure of a row its name, its value, the relation to its bound, and the bound."""
    bounds = (
        (IN_DOMAIN[timing], IN_DOMAIN_CONTENT)
        if part == "p1"
        else ELSEWHERE.get(row["mode"], ELSEWHERE["label"])
    )
    for what, wanted in zip(("style", "content"), bounds, strict=True):
        shares = _least((judge[what] for judge in row["judges"].values()), "share")
        yield f"{what}, share of the judge's own", shares, "≥", wanted
        yield f"{what}, judges apart", row[f"{what}_apart"], "≤", MOST_APART
    if part == "p1":
        yield (
            "distance to the truth, of the input's",
            row["truth"]["ratio"]["value"],
            "≤",
            MOST_TRUTH_RATIO,
        )
        if row["geometry"] is not None:
            yield (
                "planted foot speed, of the input's",
                row["geometry"]["planted_speed"]["value"],
                "≤",
                MOST_SLIDING,
            )
            yield "jerk, of the input's", row["geometry"]["jerk"]["value"], "≤", MOST_JERK
        if timing == "style" and TEMPO_STYLE in row["by_target"]:
            seen = [v for k, v in row["by_target"][TEMPO_STYLE].items() if k.startswith("style, ")]
            yield "*active*, accuracy", min(seen, default=None), "≥", LEAST_TEMPO_STYLE


def _least(figures: Iterable[Mapping[str, Any]], name: str) -> float | None:
    return min((figure[name] for figure in figures if figure[name] is not None), default=None)


_MEETS = {"≥": operator.ge, "≤": operator.le, ">": operator.gt}


def _target(
    where: str,
    what: str,
    found: float | None,
    relation: str,
    wanted: float,
    retimed: float | None = None,
) -> Target | None:
    if found is None:
        return None
    return Target(
        where, what, found, f"{relation} {wanted:g}", bool(_MEETS[relation](found, wanted)), retimed
    )
