"""The tables of what no judge can judge: robustness, unknown actions, styles never learned."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from kinestyle.evaluate.events import LEAST_RANGE_M, POP_M, WITHIN_SECONDS
from kinestyle.evaluate.measures import FLIP_RADIANS, OFF_PLANE_DEGREES, OVEREXTENDED_DEGREES
from kinestyle.evaluate.tables import estimate_text, number_text, prose, table


def robustness_tables(found: Mapping[str, Any]) -> list[str]:
    """P4."""
    head = [
        "mode",
        "outputs",
        "jerk, mean",
        "worst",
        "feet, mean",
        "worst",
        "flips",
        "jerk ≤ 1.3",
        "feet ≤ 1.2",
        "no flip",
        "all three",
    ]
    body = [
        [
            row["mode"],
            str(row["outputs"]),
            f"{estimate_text(row['jerk'], 2)} ×",
            f"{number_text(row['jerk_worst'], 2)} ×",
            f"{estimate_text(row['planted_speed'], 2)} ×",
            f"{number_text(row['planted_speed_worst'], 2)} ×",
            str(row["flips"]),
            *(
                number_text(row[key]["value"])
                for key in ("within_jerk", "within_planted_speed", "within_flips", "within")
            ),
        ]
        for row in found["rows"]
    ]
    lines = [
        "## P4",
        "",
        prose(
            f"{found['clips']} clips of no labelled set, each in two styles; ratios to the "
            f"input's, every result counts the same."
        ),
    ]
    lines += ["", *table(head, body)]
    for row in found["rows"]:
        if row["mode"] != "statistics":
            worst = [
                [
                    f"`{w['clip']}`",
                    w["style"],
                    number_text(w["jerk"], 2),
                    number_text(w["planted_speed"], 2),
                    number_text(w["planted_m_s"], 1, 100.0),
                    str(w["flips"]),
                ]
                for w in row["worst"]
            ]
            lines += [
                f"The furthest out, {row['mode']}:",
                "",
                *table(["clip", "style", "jerk", "feet", "feet, cm/s", "flips"], worst),
            ]
    return [*lines, *_refusals(found)]


def action_tables(found: Mapping[str, Any]) -> list[str]:
    """P5."""
    said = (
        f"{found['clips']} clips of actions that no style was learned with, each in "
        f"{_count(found)} of {found['styles']} styles, by {found['mode']}. An event is the "
        f"highest, lowest or farthest point of a hand or foot that ranges over at least "
        f"{100 * LEAST_RANGE_M:.0f} cm; it is kept if the result's own extreme, within "
        f"{WITHIN_SECONDS:g} s, is within a quarter of the range. Correlation is that of the "
        f"curves of hands and feet with the input's, jump height the share of it that is kept. In "
        f"a pop the longest step of hands and feet is {100 * POP_M:.0f} cm longer than the "
        f"input's. Bent back are results in which a knee or elbow bends backwards by "
        f"{OVEREXTENDED_DEGREES:g}° where the input's does not, bent aside is the share of frames "
        f"in which one is more than {OFF_PLANE_DEGREES:g}° out of the plane of its hinge, and "
        f"further than the input's. Twists are results in which a "
        f"joint turns by {np.degrees(FLIP_RADIANS):.0f}° more within a thirtieth of a second than "
        f"the input's. Jerk is a multiple of the input's. Hands in body is the share of frames, "
        f"beyond the input's. Style left is how "
        f"much of the change is made, where no gate stops a whole clip."
    )
    head = [
        "clips of",
        "clips",
        "outputs",
        "events",
        "events kept",
        "correlation",
        "jumps",
        "jump height",
        "pops",
        "bent back",
        "bent aside, %",
        "twists",
        "jerk",
        "hands in body, %",
        "within 1 %",
        "style left",
    ]
    body = [
        [
            row["group"],
            str(row["clips"]),
            str(row["outputs"]),
            str(row["events"]),
            estimate_text(row["kept"]),
            estimate_text(row["correlation"]),
            str(row["jumps"]),
            estimate_text(row["jump_height"]),
            str(row["pops"]),
            str(row["overextended"]),
            estimate_text(row["aside"], 2, 100.0),
            str(row["twists"]),
            f"{estimate_text(row['jerk'], 2)} ×",
            estimate_text(row["in_body"], 2, 100.0),
            number_text(row["body_within"]["value"]),
            number_text(row["style_left"]["value"]),
        ]
        for row in found["rows"]
    ]
    lines = ["## P5", "", prose(said), "", *table(head, body)]
    worst = [
        [
            f"`{one['clip']}`",
            one["style"],
            f"{number_text(one['kept'], 2)} of {one['events']:.0f}",
            number_text(one["correlation"], 2),
            number_text(one["step_m"], 1, 100.0),
        ]
        for one in found["rows"][0]["worst"]
    ]
    head = ["clip", "style", "events kept", "correlation", "longest step, cm more"]
    lines += ["Of which the fewest events are kept:", "", *table(head, worst)]
    return [*lines, *_refusals(found)]


def _count(found: Mapping[str, Any]) -> int:
    whole = found["rows"][0]
    return round(whole["outputs"] / whole["clips"])


def hearing_tables(found: Mapping[str, Any]) -> list[str]:
    """P6."""
    said = (
        "A neutral clip restyled after a styled one, of the same action or of another. The real "
        "styled clip of that action says where it should go: the way is the share of that step "
        "that is gone, the cosine how far the change points there, both in standardised means and "
        "standard deviations of joint positions. *statistics* copies the reference's own. The "
        "last columns are the share of results in which a judge, among all styles, sees the right "
        "one."
    )
    judges = list(dict.fromkeys(name for row in found["rows"] for name in row["seen"]))
    head = [
        "styles of",
        "reference",
        "mode",
        "styles",
        "of which learned",
        "outputs",
        "cosine",
        "way",
        *judges,
    ]
    body = [
        [
            row["set_name"],
            row["kind"],
            row["mode"],
            str(row["styles"]),
            str(row["learned"]),
            str(row["outputs"]),
            estimate_text(row["cosine"], 2),
            estimate_text(row["way"], 2),
            *(number_text(row["seen"].get(name), 2) for name in judges),
        ]
        for row in found["rows"]
    ]
    return ["## P6", "", prose(said), "", *table(head, body), *_refusals(found)]


def _refusals(found: Mapping[str, Sequence[str]]) -> list[str]:
    lines = [f"- refused: {reason}" for reason in found["refused"]]
    return [*lines, ""] if lines else []
