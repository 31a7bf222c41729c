"""The documents name commands, options and files that exist, in the words of the project.

Every `kinestyle ...` command in a ```console or ```bash block of README.md and of pages in docs is
parsed, not run, by the parser of the command line.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(
    r"^(?P<indent>[ \t]*)```(?P<kind>console|bash)[ \t]*\n(?P<body>.*?)^(?P=indent)```[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
SEPARATORS = {"|", "||", "&&", ";", "&"}
CONVERTED = (click.Choice, click.types.IntParamType, click.types.FloatParamType)
"""Types whose values can be checked without looking at a disk."""


def shell_lines(markdown: str) -> Iterator[str]:
    """The commands in a document's shell blocks. Where a console block has `$ ` prompts, what
    follows no prompt is output.
    """
    for block in BLOCK.finditer(markdown):
        lines = [line.strip() for line in block["body"].replace("\\\n", " ").splitlines()]
        if block["kind"] == "console" and any(line.startswith("$ ") for line in lines):
            lines = [line for line in lines if line.startswith("$ ")]
        yield from (line.removeprefix("$ ") for line in lines)


def kinestyle_commands(markdown: str) -> Iterator[list[str]]:
    """The arguments of each `kinestyle` in a document's shell blocks, up to a pipe or a
    redirection.
    """
    for line in shell_lines(markdown):
        tokens = shlex.shlex(line, posix=True, punctuation_chars=True)
        tokens.whitespace_split = True
        command: list[str] = []
        for token in [*tokens, ";"]:
            if token not in SEPARATORS:
                command.append(token)
                continue
            if command and command[0] == "kinestyle":
                redirection = next(
                    (i for i, word in enumerate(command) if word in {">", ">>", "<", "2>"}),
                    len(command),
                )
                yield command[1:redirection]
            command = []


def check(
    command: click.Command, arguments: list[str], parent: click.Context | None = None
) -> None:
    """Raise click.UsageError unless the command line takes these arguments. Touches no file and
    runs nothing.
    """
    # with its own settings, because click keeps the help option that it makes for the first context
    context = click.Context(
        command, info_name=command.name, parent=parent, **command.context_settings
    )
    parameters = command.get_params(context)
    values, rest, _ = command.make_parser(context).parse_args(list(arguments))
    if any(parameter.is_eager and values.get(parameter.name) for parameter in parameters):
        return  # --help and --version want nothing else
    for parameter in parameters:
        given = values.get(parameter.name)
        if isinstance(given, str) and isinstance(parameter.type, CONVERTED):
            parameter.type.convert(given, parameter, context)
        # what was not given is None, empty or a marker of click's own
        if parameter.required and (
            given == () or not isinstance(given, str | int | float | list | tuple)
        ):
            raise click.MissingParameter(ctx=context, param=parameter)
    if isinstance(command, click.Group):
        if not rest:
            raise click.UsageError("no command is named", context)
        _, subcommand, rest = command.resolve_command(context, rest)
        assert subcommand is not None, "click raises for a command that it does not know"
        check(subcommand, rest, context)
    elif rest:
        raise click.UsageError(f"too many arguments: {shlex.join(rest)}", context)


@pytest.mark.parametrize(
    "name",
    [
        "README.md",
        "docs/USING.md",
        "docs/MANY.md",
        "docs/FORMATS.md",
        "docs/STUDIO.md",
        "docs/TRAINING.md",
        "docs/NOTEBOOK.md",
        "docs/TEXT_TO_MOTION.md",
        "docs/ENGINES.md",
    ],
)
def test_documents_name_only_commands_and_options_that_exist(name):
    from kinestyle.cli import main

    commands = list(kinestyle_commands((ROOT / name).read_text(encoding="utf-8")))
    assert commands, (
        f"{name} shows no `kinestyle` command in a ```console or ```bash block; a reader needs "
        f"one to start from"
    )
    wrong = []
    for arguments in commands:
        try:
            check(main, arguments)
        except click.UsageError as error:
            wrong.append(f"  kinestyle {shlex.join(arguments)}\n    {error.format_message()}")
    assert not wrong, f"{name} shows commands that the command line refuses:\n" + "\n".join(wrong)


DOCUMENTS = sorted(
    path
    for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("lab/*.md"))
    if path.is_file()
)
LINK = re.compile(r"\]\((?P<target>[^)\s#]*)(?:#(?P<heading>[^)\s]*))?\)")


def anchors(markdown: str) -> set[str]:
    """The names by which a page's headings are linked to."""
    headings = re.findall(r"^#+ (.*)$", markdown, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path):
    broken = []
    for link in LINK.finditer(page.read_text(encoding="utf-8")):
        target, heading = link["target"], link["heading"]
        if target.startswith("http"):
            continue
        there = (page.parent / target).resolve() if target else page
        if not there.exists() or (
            heading and heading not in anchors(there.read_text(encoding="utf-8"))
        ):
            broken.append(link[0])
    assert not broken, f"{page.name} has links that lead nowhere: {broken}"


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: page.name)
def test_prose_has_lines_of_at_most_100_columns(page: Path):
    """Tables, pictures, blocks of code and the command that made a page may be longer."""
    text = re.sub(r"^[ \t]*```.*?^[ \t]*```", "", page.read_text("utf-8"), flags=re.M | re.S)
    long = [
        line
        for line in text.splitlines()
        if len(line) > 100
        and not line.startswith(("|", "![", "`kinestyle "))
        and " " in line.strip()
    ]
    assert not long, f"wrap these lines of {page.name}: {long}"


RETIRED = {
    "manner": "style",
    "manners": "styles",
    "stand_in": "placeholder",
    "oddities": "diagnostics",
    "unlearned_manner": "style_residual",
    "calm_rotation": "limit_angular_velocity",
    "fade_flips": "suppress_flips",
    "believable_rise": "soft_clamp_height",
    "LegWay": "LegTrajectory",
    "plant_feet": "lock_feet",
    "held_feet": "locked_feet",
    "turn_joints": "set_world_rotations",
    "move_hips": "offset_root",
    "hold_last": "pad_last",
    "usual_error": "reference error",
    "log_deviation": "log_std",
    "style_back": "style cycle",
    "by_products": "conv_as_matmul",
    "made_with": "fingerprint",
    "uneven_m": "step penalty",
    "most_still": "largest hold ratio",
    "Examiner": "Evaluator",
    "KeptClip": "CachedClip",
}
"""Words and names that the project once had, and the field's word for each."""


def test_the_words_are_those_of_the_field():
    """Someone from animation or machine learning knows each name at sight."""
    names = {word.lower(): better for word, better in RETIRED.items()}
    pattern = re.compile(rf"\b({'|'.join(RETIRED)})\b", re.IGNORECASE)
    pages = [page for page in DOCUMENTS if page.parent.name != "lab"]  # the log is history
    code = [
        path
        for folder in ("src/kinestyle", "tests", "benchmarks", "examples", "scripts", "runs")
        for path in (ROOT / folder).rglob("*")
        if path.suffix in {".py", ".js", ".html", ".css", ""}
        and path.is_file()
        and path != Path(__file__).resolve()
    ]
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]}, say {names[match[0].lower()]}"
        for path in (*pages, *code)
        for number, line in enumerate(path.read_text("utf-8", errors="ignore").splitlines(), 1)
        for match in pattern.finditer(line)
    ]
    assert not found, "\n".join(found)


def test_architecture_names_what_is_there():
    """Its table of layers is that of the import contract, and its paths exist."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    named = [re.findall(r"`([\w_]+)`", row) for row in rows]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    (layers,) = (
        contract["layers"]
        for contract in contracts["importlinter"]["contracts"]
        if contract["type"] == "layers"
    )
    expected = [sorted(layer.split(" | ")) for layer in layers if layer != "__main__"]
    assert [sorted(row) for row in named] == expected
    places = re.findall(r"`([\w./]+/[\w.]*)`", text.partition("## Where do I change")[2])
    assert len(places) > 20
    missing = [
        place
        for place in places
        if not any((folder / place).exists() for folder in (ROOT, ROOT / "src" / "kinestyle"))
    ]
    assert not missing, f"ARCHITECTURE names {missing}"


@click.group()
@click.version_option("1")
def toy() -> None: ...


@toy.command()
@click.argument("clip", type=click.Path(exists=True))
@click.option("--style", required=True)
@click.option("--strength", type=float, default=1.0)
@click.option("--feet", type=click.Choice(["fix", "keep"]))
@click.option("-o", "--output", required=True)
@click.option("--quiet", is_flag=True)
def stylize(**_: object) -> None: ...


@toy.command()
@click.argument("clips", nargs=-1, required=True)
def render(**_: object) -> None: ...


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        "--version",
        "stylize --help",
        "stylize in.bvh --style old -o out.bvh",
        "stylize in.bvh --style=old --strength 0.5 --feet keep --quiet --output out.bvh",
        "render a.bvh b.bvh",
    ],
)
def test_the_check_accepts(line):
    check(toy, line.split())


@pytest.mark.parametrize(
    "line",
    [
        "",
        "restyle in.bvh",
        "--verbose render a.bvh",
        "stylize in.bvh --style old -o out.bvh --strengh 1",
        "stylize in.bvh --style old -o",
        "stylize in.bvh --style old",
        "stylize --style old -o out.bvh",
        "stylize in.bvh more.bvh --style old -o out.bvh",
        "stylize in.bvh --style old -o out.bvh --feet maybe",
        "stylize in.bvh --style old -o out.bvh --strength much",
        "render",
    ],
)
def test_the_check_refuses(line):
    with pytest.raises(click.UsageError):
        check(toy, line.split())


def test_commands_are_found_in_a_document():
    markdown = """
Not a command: kinestyle one

```console
$ kinestyle two a.bvh \\
    --style 'not old'  # why
kinestyle output of the command
$ cd somewhere && kinestyle three > log.txt
```

```bash
export A=1
kinestyle four | head
```

```python
kinestyle = "five"
```

- in a list:

  ```bash
  kinestyle six
  ```
"""
    expected = [["two", "a.bvh", "--style", "not old"], ["three"], ["four"], ["six"]]
    assert list(kinestyle_commands(markdown)) == expected
