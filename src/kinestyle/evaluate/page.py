"""A result as a page to read: tables, how they were measured, and what they do not say."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from kinestyle.evaluate.body_parts import LEAST_SEEN
from kinestyle.evaluate.disturbed import LEAST_KEPT
from kinestyle.evaluate.measures import SKATING_HEIGHT_M, SKATING_M_S
from kinestyle.evaluate.page_unlabelled import (
    action_tables,
    hearing_tables,
    robustness_tables,
)
from kinestyle.evaluate.tables import estimate_text, number_text, prose, table
from kinestyle.evaluate.trivial import MOST_SCALING
from kinestyle.evaluate.truth import TRUTH_RATE
from kinestyle.storage import replace_bytes

STRENGTH_PICTURE = "strength.png"
STYLE_SPACE_PICTURE = "style_space.png"
"""Beside the page."""

KEPT = "<!-- what follows is not written by `kinestyle evaluate`, which keeps it -->"

NOTES = {
    "p1": """\
Contents and styles in domain: test clips of set 2, all ordered pairs of different styles equally
often.""",
    "p2": """\
The hard one: each style of set 1 was learned from less than a minute of motion. Content is judged
among those of the set that the clip comes from, because the sets name like contents differently (a
`bye` is much like a `wave-right-hand`). The judges were trained on the same minute of each style,
so that their own accuracy is low and a share of it may be above 1: a result can be nearer to what
a judge learned than another real take is.""",
    "p3": """\
Zero-shot: the stylizer is another bundle, `{zero_shot}`, that never saw set 1. Its contents are the
30 test clips of set 1. *All its clips* are those of the training split as well, which the stylizer
did not see either, but the judges did: their contents are easy for them.""",
}

EXPLANATION = """\
- **Clips.** Splits are committed by file name (`src/kinestyle/learn/data/splits.csv`); test clips
  are in blocks of takes that no training clip comes from. Every test clip is restyled into other
  styles than its own, in every repeat with other targets, references and draws, all by seed.
- **Output.** Written as BVH, read back, brought onto the canonical skeleton, measured. Nothing is
  judged on latents.
- **Modes.** *label*: the middle of a named style (`--seed 0`). *draw*: a random variation of it.
  *reference*: a real test clip of the style, whatever its content, and the likeliest code for it.
  *reference draw*: a random code of those that the reference may stand for.
- **Retimed.** The nearest real test clip of the same content in the target style, brought to the
  time of the input: no restyling, but the bound for every method that keeps a clip's timing, as
  every mode here does. A result that a judge likes better has pleased the judge rather than come
  nearer to the truth. Clips without such a cell are left out.
- **Trivial rows.** *copy content* gives the input back, *copy style* the reference; *statistics*
  gives every joint the reference's mean rotation and scales its swings (at most {scaling:g} ×) to
  the reference's; heading and trajectory stay.
- **Other papers' names.** Style and content accuracy are the SRA and CRA of other papers, style FID
  is their FMD, *skating* their foot skating ratio: of the frames in which a foot is lower than
  {height:g} cm and quicker than {speed:g} m/s (in brackets the input's, whose swings pass low).
- **Accuracy.** Of two judges that share neither architecture nor inputs nor the clips they learned
  from; style among the styles of the target's set, content among the contents of the input's set.
  In brackets the share of what the same judge reaches on real clips. A content that a judge never
  learned is left out of its figure.
- **± ** is a 95 % interval that takes results of one cell (a content in a style, whose clips may be
  cuts of one take) as one draw; for Fréchet distances it is that of the repeats.
- **Distance to the truth.** Dynamic time warping of joint positions (heading and trajectory
  removed, {rate:g} frames a second) to the nearest real clip of the same content in the target
  style, mean per joint along the best alignment, as a ratio of sums to the input's own. For styles
  of set 2 the truth are test clips, so that nothing learned by heart is near; for those of set 1,
  with one clip a cell, those of training as well. A reference is never its own truth. The floor is
  another real clip of the cell to the nearest of the rest; test clips of one cell are often cuts of
  one take, so that it is lower than for a new take.
- **FID.** Fréchet distance of the judge's vectors: style to the real test clips of the target's
  set, content to the inputs. In each judge's own unit; read it beside the trivial rows.
- **Geodesic** is the mean angle between output's and input's joints, heading removed: how much was
  changed, not how well.
- **Feet, jerk**: speed over the ground of ankles and toes in the frames in which the input's are
  planted; mean third derivative of joint positions; both as multiples of the input's. **Path**:
  mean distance between the trajectories of the hips over the ground, and as a share of the
  trajectory's length. A style that walks slower has another trajectory, so that this is a change
  and not only an error. **Limits**: joints and frames beyond what bodies do (no knee or elbow bent
  back by more than 5° or out of its plane by more than 10°, no bone swung further than anywhere in
  the training motion), in percentage points beyond the input's."""

CAVEATS = """\
- Style is nearly separable in set 2 (means and standard deviations of a whole clip tell it, and
  performer and style may go together): a style accuracy alone proves little there. Read it with the
  content's, the distance to the truth and the trivial rows.
- The judges saw the same two data sets as the stylizer, other clips of the same performers: they
  cannot say whether people agree.
- One training run, one bundle: differences within the intervals mean nothing, and the variance
  between training runs is not in them."""


def as_page(result: Mapping[str, Any], command: str) -> str:
    """The whole page. command: as anybody would give it, with names instead of one machine's
    folders
    """
    about = result["about"]
    lines = [
        "# Results",
        "",
        *_provenance(about, command),
        "",
        *as_tables(result),
        "## How it is measured",
        "",
    ]
    lines += [
        EXPLANATION.format(
            scaling=MOST_SCALING,
            rate=TRUTH_RATE,
            height=100 * SKATING_HEIGHT_M,
            speed=SKATING_M_S,
        ),
        "",
        "## What it does not say",
        "",
        CAVEATS,
        "",
    ]
    return "\n".join(lines)


def write_page(page: str, path: Path) -> None:
    """Write the page, and after it what the file had from the line `KEPT` on."""
    before = path.read_text() if path.exists() else ""
    _, mark, kept = before.partition(KEPT)
    replace_bytes(path, (page + (f"\n{mark}{kept}" if mark else "")).encode())


def _provenance(about: Mapping[str, Any], command: str) -> list[str]:
    named = [
        f"`{command}` at commit `{about['commit']}`, in {about['minutes']:.0f} minutes on "
        f"{about['machine']}."
    ]
    for bundle, use in ((about["bundle"], "Bundle"), (about["zero_shot"], "For P3")):
        if bundle:
            named.append(
                f"{use}: `{bundle['name']}`, sha256 `{bundle['sha256'][:16]}`, exported at "
                f"`{bundle['commit']}`."
            )
    named.append(
        f"Data: {about['data_files']} files, sha256 over names and contents "
        f"`{about['data_sha256'][:16]}`."
    )
    strength = about["strength"] if isinstance(about["strength"], str) else f"{about['strength']:g}"
    named.append(f"Strength {strength}, seed {about['seed']}, timing {about['timing']}.")
    if not about["budget"]["whole"]:
        named.append("**A sample**: one clip of every content in every style, one repeat.")
    return ["\n".join(named)]


def as_tables(result: Mapping[str, Any]) -> list[str]:
    """The lines of all tables of a result."""
    lines = _targets(result["targets"]) + _judges(result["judges"])
    lines += _steadiness(result.get("steadiness", []))
    for part in ("p1", "p2", "p3"):
        protocols = [protocol for protocol in result["protocols"] if protocol["part"] == part]
        if protocols:
            zero_shot = result["about"]["zero_shot"] or {}
            lines += [
                f"## {part.upper()}",
                "",
                prose(NOTES[part].format(zero_shot=zero_shot.get("name"))),
                "",
            ]
        for protocol in protocols:
            lines += [
                f"### {protocol['title']}, repeats: {protocol['repeats']}",
                "",
                *_accuracies(protocol),
                *_measures(protocol),
            ]
        if part == "p1" and protocols:
            lines += _by_target(protocols[0])
            lines += _diversity(result["diversity"]) + _strengths(result["strength"])
    for part, tables in (
        ("unlabelled", robustness_tables),
        ("actions", action_tables),
        ("hearings", hearing_tables),
        ("body_parts", _body_parts),
    ):
        if part in result:
            lines += tables(result[part])
    return lines


def as_comparison(rows: Sequence[Mapping[str, Any]]) -> str:
    """The table of `report.compare`."""
    names = list(rows[0]["judges"])
    head = [
        "bundle",
        "mode",
        "outputs",
        *(f"{what}, {name}" for what in ("style", "content") for name in names),
    ]
    body = [
        [
            row["bundle"],
            row["mode"],
            str(row["outputs"]),
            *_judged(row, names),
            *_truth_and_feet(row),
        ]
        for row in rows
    ]
    return "\n".join(table([*head, "truth", "feet", "jerk"], body))


def _truth_and_feet(row: Mapping[str, Any]) -> list[str]:
    geometry = row["geometry"] or {}
    return [
        estimate_text(row["truth"]["ratio"]),
        estimate_text(geometry.get("planted_speed"), 2),
        estimate_text(geometry.get("jerk"), 2),
    ]


def _targets(targets: Iterable[Mapping[str, Any]]) -> list[str]:
    body = [
        [
            t["where"],
            t["what"],
            number_text(t["found"]),
            t["wanted"],
            "yes" if t["met"] else "**no**",
            number_text(t["retimed"]),
        ]
        for t in targets
    ]
    return (
        [
            "## Targets",
            "",
            *table(["", "figure", "found", "wanted", "met", "real clips, retimed"], body),
        ]
        if body
        else []
    )


def _judges(judges: Sequence[Mapping[str, Any]]) -> list[str]:
    body = [
        [
            judge["name"],
            f"`{judge['sha256'][:16]}`",
            name,
            str(real["clips"]),
            estimate_text(real["style"]),
            number_text(real["style_of_all"]),
            estimate_text(real["content"]),
        ]
        for judge in judges
        for name, real in judge["real"].items()
    ]
    head = [
        "judge",
        "sha256",
        "real test clips of",
        "clips",
        "style",
        "among styles of both sets",
        "content",
    ]
    return ["## The judges on real test clips", "", *table(head, body)]


def _steadiness(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    body = [
        [
            row["judge"],
            row["set_name"],
            row["disturbance"],
            str(row["clips"]),
            number_text(row["style"]),
            number_text(row["content"]),
        ]
        for row in rows
    ]
    note = (
        "What each judge keeps of its accuracy on the same clips with smooth noise on all joints, "
        f"quicker and slower. It should keep {LEAST_KEPT:g} of both."
    )
    head = ["judge", "real test clips of", "shown with", "clips", "style", "content"]
    return [
        "### What a little noise or another tempo costs them",
        "",
        prose(note),
        "",
        *table(head, body),
    ]


def _accuracies(protocol: Mapping[str, Any]) -> list[str]:
    names = list(protocol["real"])
    truth = protocol["rows"][0]["truth"]
    floor = truth["floor_m"] / truth["input_m"] if truth["floor_m"] and truth["input_m"] else None
    real = [
        estimate_text(protocol["real"][name][what])
        for what in ("style", "content")
        for name in names
    ]
    body = [["real clips", "–", *real, "–", "–", f"{number_text(floor)} (floor)"]]
    for row in protocol["rows"]:
        apart = f"{number_text(row['style_apart'])}, {number_text(row['content_apart'])}"
        body.append(
            [
                row["mode"],
                str(row["outputs"]),
                *_judged(row, names),
                apart,
                number_text(row["same_style"]),
                estimate_text(row["truth"]["ratio"]),
            ]
        )
    head = [
        "mode",
        "outputs",
        *(f"{what}, {name}" for what in ("style", "content") for name in names),
    ]
    said = []
    if truth["outputs"]:
        said = [
            prose(
                f"The input is {100 * truth['input_m']:.1f} cm a joint away from the nearest real "
                f"clip of the target cell, which {truth['outputs']} of "
                f"{protocol['rows'][0]['outputs']} results have."
            ),
            "",
        ]
    return [*table([*head, "judges apart", "same style seen", "distance to truth"], body), *said]


def _judged(row: Mapping[str, Any], names: Sequence[str]) -> list[str]:
    return [
        f"{estimate_text(accuracy)} ({number_text(accuracy['share'])})"
        for what in ("style", "content")
        for accuracy in (row["judges"][name][what] for name in names)
    ]


def _measures(protocol: Mapping[str, Any]) -> list[str]:
    names = list(protocol["real"])
    head = ["mode", *(f"{what} FID, {name}" for what in ("style", "content") for name in names)]
    head += ["geodesic", "feet", "skating, %", "jerk", "path, cm", "path", "limits, %", "flips"]
    body = []
    for row in protocol["rows"]:
        fids = [
            estimate_text(row["judges"][name][f"{what}_fid"], 2)
            for what in ("style", "content")
            for name in names
        ]
        geometry = row["geometry"]
        measured = ["–"] * 8
        if geometry:
            measured = [
                number_text(geometry["geodesic"]["value"]),
                f"{estimate_text(geometry['planted_speed'], 2)} ×",
                number_text(geometry["skating"]["value"], 1, 100.0)
                + f" ({number_text(geometry['input_skating'], 1, 100.0)})",
                f"{estimate_text(geometry['jerk'], 2)} ×",
                number_text(geometry["path_m"]["value"], 1, 100.0),
                number_text(geometry["path_share"]["value"]),
                number_text(geometry["beyond_limits"]["value"], 2, 100.0),
                str(geometry["flips"]),
            ]
        body.append([row["mode"], *fids, *measured])
    return table(head, body)


def _by_target(protocol: Mapping[str, Any]) -> list[str]:
    """P1 by target style and by content, for the two modes that have targets."""
    lines = []
    for key, name in (("by_target", "into"), ("by_content", "content")):
        rows = {
            row["mode"]: row[key]
            for row in protocol["rows"]
            if row["mode"] in ("label", "reference")
        }
        columns = [
            (mode, figure)
            for mode, parts in rows.items()
            for figure in next(iter(parts.values()))
            if figure != "outputs"
        ]
        body = [
            [label, *(number_text(rows[mode][label][figure]) for mode, figure in columns)]
            for label in next(iter(rows.values()))
        ]
        named = [f"{mode}: {figure.replace('_', ' ')}" for mode, figure in columns]
        lines += table([name, *named], body)
    return lines


def _diversity(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    if not rows:
        return []
    names = list(rows[0]["vectors"])
    head = [
        "mode",
        "inputs",
        "variations of each",
        "joints apart, cm",
        *(
            f"{what}, {n}"
            for what in ("style vectors apart", "variations right", "inputs with all right")
            for n in names
        ),
    ]
    body = [
        [
            row["mode"],
            str(row["inputs"]),
            str(row["variations"]),
            estimate_text(row["metres"], 2, 100.0),
        ]
        + [
            estimate_text(row[key][name])
            for key in ("vectors", "right", "all_right")
            for name in names
        ]
        for row in rows
    ]
    return [
        "### Diversity",
        "",
        "Many variations of one input in one style; distances are means over pairs of them.",
        "",
        *table(head, body),
    ]


def _body_parts(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    body = []
    for row in rows:
        styled = row["judge"] == row["part"]
        kept = row["seen"]["value"] / row["real"]["value"] if row["real"]["value"] else None
        body.append(
            [
                row["part"],
                f"{row['judge']}: {'the wanted style' if styled else 'that of the input'}",
                str(row["outputs"]),
                estimate_text(row["seen"]),
                estimate_text(row["whole"]),
                estimate_text(row["retimed"]),
                estimate_text(row["real"]),
                number_text(kept, 2),
                f"{row['planted_cm_s']:.1f} ({row['planted_cm_s_input']:.1f})",
            ]
        )
    note = (
        "Test clips in another style, the upper or the lower body alone, and two judges that see "
        f"one of both: does the styled part show the style, at least {LEAST_SEEN:g} of what the "
        "judge reaches on real clips, and the rest the input's? Without a mask: how often the "
        "judge sees the style in whole results. Retimed: how often in the nearest real clip of the "
        "wanted style, brought to the input's time."
    )
    head = [
        "styled",
        "judge sees",
        "outputs",
        "with the mask",
        "without",
        "real clips, retimed",
        "on real clips",
        "kept",
        "planted feet, cm/s (input)",
    ]
    return ["## Parts of the body", "", prose(note), "", *table(head, body)]


def _strengths(curve: Sequence[Mapping[str, Any]]) -> list[str]:
    if not curve:
        return []
    names = list(curve[0]["style"])
    head = [
        "mode",
        "strength",
        *(f"{what}, {name}" for what in ("style", "content") for name in names),
        "distance to truth",
    ]
    body = [
        [
            point["mode"],
            f"{point['strength']:g}",
            *(
                number_text(point[what][name]["value"])
                for what in ("style", "content")
                for name in names
            ),
            number_text(point["truth_ratio"]["value"]),
        ]
        for point in curve
    ]
    return [
        "### Strength",
        "",
        f"![Style against content accuracy as strength grows]({STRENGTH_PICTURE})",
        "",
        f"On {curve[0]['outputs']} clips.",
        "",
        *table(head, body),
        "",
        "### The style space",
        "",
        f"![Style codes of the test clips, by style and by content]({STYLE_SPACE_PICTURE})",
        "",
        prose(
            "Codes of real test clips, with labels (left) and without any (right), along their two "
            "main axes: above coloured by style, below the same points by content. Colours that "
            "lie apart below are content that leaked into the style."
        ),
        "",
    ]
