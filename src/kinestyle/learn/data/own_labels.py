"""Which style a user's own clip is in: from its folder, from its name, or from a table.

All three end in the same thing, a label for each file. A *pattern* says where the label stands in a
path, without the suffix:

    {style}   {content}   {id}   a part of the path that is taken for this
    *   any part                 **   any parts, at the end

A pattern without "/" is about the file's name, in whatever folder. Unless the user states it, the
pattern is guessed from which parts vary; of two that vary, the one that mostly names actions
("walk", "jumping") is the content.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kinestyle.errors import DataError
from kinestyle.learn.data.splits import SPLITS, UNUSED, read_rows

TABLE = "labels.csv"
UNLABELLED = frozenset({"unlabelled", "unlabeled"})
"""Names of a folder whose clips have no style; the autoencoder learns from them."""

_ACTION = re.compile(
    r"(?:bend|bow|carry|catch|clap|climb|crawl|crouch|dash|drink|eat|fall|gesture|get|greet|grab|"
    r"hit|hop|idle|jog|jump|kick|kneel|lean|leap|lie|lift|look|march|pick|point|pull|punch|push|"
    r"reach|roll|run|sit|skip|spin|sprint|squat|stair|stand|start|step|stop|stretch|swim|swing|"
    r"talk|throw|transition|turn|walk|wait|wash)(?:s|[a-z]?ing)?|"
    r"(?:danc|pac|rais|shuffl|sneez|wav)(?:es?|ing)"
)
"""Words for what is done, in contrast to how."""
_SEPARATORS = "_ -."


@dataclass(frozen=True)
class Annotation:
    """What is known of a clip; "" is unknown. `split` is only known where a table says it."""

    style: str
    content: str = ""
    split: str = ""


@dataclass(frozen=True)
class Labelling:
    """What was understood.

    origin: where the labels come from, in words
    labels: by file; refused: the reason for each file that has no label
    """

    origin: str
    labels: dict[str, Annotation]
    refused: dict[str, str]


def find_labels(data: Path, files: Sequence[str], stated: str | None) -> Labelling:
    """Labels for `files`, paths below `data` with "/" in them.

    stated: "folders", "names", "none", a pattern, the path of a CSV, or None to find out: the table
        `labels.csv` in `data` if it is there, else folders where they name at least two styles,
        else names

    Raises DataError where nothing can be made of it.
    """
    if stated is None and (data / TABLE).is_file():
        stated = str(data / TABLE)
    known = [file for file in files if not _unlabelled(file)]
    if stated == "none" or not known:
        return Labelling("no clip is given a style", dict.fromkeys(files, Annotation("")), {})
    if stated in (None, "folders", "names"):
        return _by_pattern(_guessed_pattern(data, known, stated), files)
    assert stated is not None, "it is a pattern or a path"
    if "{style}" in stated:
        return _by_pattern(stated, files)
    return _read_table(_table_path(data, stated), files)


def _guessed_pattern(data: Path, files: Sequence[str], where: str | None) -> str:
    """where: "folders", "names", or None for either. Raises DataError where none can be seen."""
    pattern = None
    if where != "names":
        pattern = folder_pattern(files, sure=where == "folders")
    if pattern is None and where != "folders":
        pattern = name_pattern(files)
    if pattern is None:
        raise DataError(
            f"neither folders nor names such as {_examples(files)} show which style the clips in "
            f"{data} are in; state it: --labels folders, --labels '{{style}}_{{content}}_"
            f"{{id}}' (a pattern), --labels FILE.csv with columns file,style, or --labels none to "
            f"train without labels"
        )
    return pattern


def _unlabelled(file: str) -> bool:
    return any(part.lower() in UNLABELLED for part in PurePosixPath(file).parts[:-1])


def _examples(files: Sequence[str]) -> str:
    return ", ".join(
        repr(PurePosixPath(file).name) for file in files[:: max(1, len(files) // 3)][:3]
    )


# ---------------------------------------------------------------- patterns


def _by_pattern(pattern: str, files: Iterable[str]) -> Labelling:
    expression = compile_pattern(pattern)
    labels, refused = {}, {}
    for file in files:
        if _unlabelled(file):
            labels[file] = Annotation("")
            continue
        path = PurePosixPath(file).with_suffix("")
        match = expression.fullmatch(str(path) if "/" in pattern else path.name)
        fields = match.groupdict() if match else {}
        style = tidy(fields.get("style") or "")
        if style:
            labels[file] = Annotation(style, tidy(fields.get("content") or ""))
        else:
            refused[file] = f"the pattern {pattern} finds no style in its path"
    where = "folders" if pattern.endswith("/**") else "paths" if "/" in pattern else "file names"
    return Labelling(f"styles come from the {where}, {pattern}", labels, refused)


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """The pattern as a regular expression. Raises DataError for unknown or repeated parts."""
    return re.compile("/".join(_component(part, pattern) for part in pattern.split("/")))


def _component(component: str, pattern: str) -> str:
    if component == "**":
        return ".+"
    # a field ends at a separator that the pattern itself uses beside fields, so that "old_walk_1_b"
    # does not fit "{style}_{id}"
    literal = re.sub(r"\{\w+\}", "", component)
    stops = "".join(re.escape(separator) for separator in _SEPARATORS if separator in literal)
    expression = ""
    for token in re.split(r"(\{\w*\}|\*)", component):
        if token == "*":
            expression += "[^/]*?"
        elif token in ("{style}", "{content}"):
            if pattern.count(token) > 1:
                raise DataError(f"the pattern {pattern!r} has {token} twice; have it once")
            expression += f"(?P<{token[1:-1]}>[^/{stops}]+?)"
        elif token == "{id}":
            expression += r"\W*\d*\W*"
        elif token.startswith("{"):
            raise DataError(
                f"the pattern {pattern!r} has {token}, expected {{style}}, {{content}}, {{id}} or *"
            )
        else:
            expression += re.escape(token)
    return expression


def tidy(label: str) -> str:
    """A label as it is typed after --style: "Not Confident", "not_confident" and "NotConfident" are
    all "not-confident".
    """
    label = unicodedata.normalize("NFC", label)
    label = re.sub(r"(?<=[a-z])(?=[A-Z])", "-", label)
    return re.sub(r"[\s_/\\-]+", "-", label).strip("-").lower()


# ---------------------------------------------------------------- guessing


def folder_pattern(files: Sequence[str], sure: bool = False) -> str | None:
    """The pattern of labels in folders, or None where they name no styles.

    Folders that mostly name actions name no styles, unless the user is `sure` that they do.
    """
    depths = Counter(len(PurePosixPath(file).parts) - 1 for file in files)
    depth = max(depths, key=lambda d: (depths[d], d), default=0)
    paths = [
        PurePosixPath(file).parts[:-1]
        for file in files
        if len(PurePosixPath(file).parts) - 1 == depth
    ]
    roles = _roles(
        [[path[level] for path in paths] for level in range(depth)], folders=True, sure=sure
    )
    if roles is None:
        return None
    while roles[-1] == "*":  # below the labels, any folders
        roles.pop()
    return "/".join([*roles, "**"])


def name_pattern(files: Sequence[str]) -> str | None:
    """The pattern of labels in file names, or None where none can be seen."""
    stems = [PurePosixPath(file).stem for file in files]
    separator = _separator(stems)
    columns = _columns([stem.split(separator) if separator else [stem] for stem in stems])
    if columns is None:
        return None
    numbered = sum(bool(re.fullmatch(r".*\D\d+\W*", value)) for value in columns[-1])
    mostly_numbered = 2 * numbered > len(columns[-1])
    columns[-1] = [_without_number(value) for value in columns[-1]]
    roles = _roles(columns, folders=False)
    if roles is None:
        return None
    if mostly_numbered and roles[-1] != "*":
        roles[-1] += "{id}"
    return separator.join(
        role if any(column) else "{id}" for role, column in zip(roles, columns, strict=True)
    )


def _separator(stems: Sequence[str]) -> str:
    """What most names are separated by; "" where none is."""
    counts = {separator: sum(separator in stem for stem in stems) for separator in _SEPARATORS}
    most = max(counts, key=lambda separator: counts[separator])
    return most if counts[most] else ""


def _columns(split: Sequence[Sequence[str]]) -> list[list[str]] | None:
    """The parts of names column by column, of the names with the most common number of parts; None
    where those are fewer than half.
    """
    if not split:
        return None
    length = Counter(map(len, split)).most_common(1)[0][0]
    alike = [parts for parts in split if len(parts) == length]
    if 2 * len(alike) < len(split):
        return None
    return [list(column) for column in zip(*alike, strict=True)]


def _without_number(part: str) -> str:
    return re.sub(r"\W*\d+\W*$", "", part)


def _roles(columns: Sequence[Sequence[str]], folders: bool, sure: bool = False) -> list[str] | None:
    """Which column of parts of paths is the style, which the content: one of {style}, {content}, *
    for each; None: no style.
    """
    roles = ["*"] * len(columns)
    varying = [i for i, column in enumerate(columns) if _names_groups(column, folders, sure)]
    if len(varying) == 1 and (sure or _share_of_actions(columns[varying[0]]) <= 0.5):
        roles[varying[0]] = "{style}"
        return roles
    if sure and not varying and roles:
        roles[-1] = "{style}"  # all in one style
        return roles
    if len(varying) != 2:
        return None
    shares = [_share_of_actions(columns[i]) for i in varying]
    # where words do not decide: CONTENT/STYLE/clip, but style_content_number
    style_first = shares[0] < shares[1] if shares[0] != shares[1] else not folders
    roles[varying[0]], roles[varying[1]] = (
        ("{style}", "{content}") if style_first else ("{content}", "{style}")
    )
    return roles


def _names_groups(column: Sequence[str], folders: bool, sure: bool) -> bool:
    """Whether parts of paths are labels: they vary, are no numbers and, in file names, most are
    there more than once.
    """
    values = {tidy(value if sure else _without_number(value)) for value in column}
    numbers = sum(not re.search(r"[^\W\d_]", value) for value in column)
    repeated = folders or len(column) < 10 or 2 * len(values) <= len(column)
    return len(values) > 1 and 2 * numbers < len(column) and repeated


def _share_of_actions(column: Iterable[str]) -> float:
    values = {tidy(value) for value in column}
    return sum(any(map(_is_action, value.split("-"))) for value in values) / len(values)


def _is_action(word: str) -> bool:
    return _ACTION.fullmatch(_without_number(word)) is not None


# ---------------------------------------------------------------- tables


def _table_path(data: Path, stated: str) -> Path:
    for path in (Path(stated), data / stated):
        if path.is_file():
            return path
    raise DataError(
        f"--labels {stated!r} is none of folders, names, none, a pattern with {{style}} in it, and "
        f"a CSV file that is there"
    )


@dataclass(frozen=True)
class _Row:
    """A row of a table of labels: its line, the file as it is named there, and its label."""

    where: str
    file: str
    label: Annotation


def _read_table(path: Path, files: Sequence[str]) -> Labelling:
    """Labels from a CSV with columns file, style and perhaps content and split. What a row lacks is
    unknown. Raises DataError for a table without the first two.
    """
    named: dict[str, list[str]] = {}
    for file in files:
        for name in _names_of(file):
            named.setdefault(name, []).append(file)
    labels: dict[str, Annotation] = {}
    refused: dict[str, str] = {}
    for row in _rows(path):
        found = named.get(row.file, [])
        if len(found) != 1:
            meant = (
                f"means {len(found)} files; write its folder too"
                if found
                else "names it, but it is not in the folder"
            )
            refused[row.file] = f"{row.where} {meant}"
        elif row.label.split not in ("", *SPLITS, UNUSED):
            refused[found[0]] = (
                f"{row.where} has the split {row.label.split!r}, expected {', '.join(SPLITS)}, "
                f"{UNUSED} or nothing"
            )
        elif labels.setdefault(found[0], row.label) != row.label:
            refused[found[0]] = f"{row.where} contradicts a line before"
    for file in files:
        if file not in labels:
            refused.setdefault(file, f"{path.name} does not name it")
    labels = {file: label for file, label in labels.items() if file not in refused}
    return Labelling(f"styles come from the table {path.name}", labels, refused)


def _rows(path: Path) -> Iterator[_Row]:
    """The rows that name a file. Raises DataError where there is no column file or style."""
    rows = read_rows(path)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if "file" not in header or "style" not in header:
        raise DataError(
            f"{path} begins with {','.join(header)!r}, expected columns named file and style in "
            f"its first line"
        )
    for number, row in enumerate(rows[1:], start=2):
        cells = dict.fromkeys(("content", "split"), "")
        cells |= {name: cell.strip() for name, cell in zip(header, row, strict=False)}
        file = unicodedata.normalize("NFC", cells.get("file", "")).replace("\\", "/")
        label = Annotation(
            tidy(cells.get("style", "")), tidy(cells["content"]), cells["split"].lower()
        )
        if file.removeprefix("./"):
            yield _Row(f"line {number} of {path.name}", file.removeprefix("./"), label)


def _names_of(file: str) -> set[str]:
    """How a table may name a file: with folder or without, with suffix or without."""
    file = unicodedata.normalize("NFC", file)
    path = PurePosixPath(file)
    return {file, path.name, str(path.with_suffix("")), path.stem}
