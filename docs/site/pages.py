"""The pages of the documents' site: those of the repository, and a reference made from docstrings.

    pages.py OUT [SHOWCASE]

Writes them into the folder OUT, under the paths that they have in the repository, so that their
links hold. What a page links to and is none itself, such as a picture or a licence, goes along.
SHOWCASE is the folder of the page that needs no server, which has a page of its own where it is
there. mkdocs makes the site of them, see `scripts/docs`.
"""

from __future__ import annotations

import inspect
import re
import shutil
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

import click

import kinestyle
from kinestyle.cli import main as main_command
from kinestyle.runtime.options import options_of
from kinestyle.runtime.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
FLAG = re.compile(r"(?<![\w`-])--?[a-z][\w-]*")
LINK = re.compile(r"\]\((?P<target>[^)\s#]+)(?:#[^)\s]*)?\)")

NAVIGATION: Mapping[str, Mapping[str, str]] = {
    "Use it": {
        "Kinestyle": "README.md",
        "Using it": "docs/USING.md",
        "Many clips": "docs/MANY.md",
        "Formats": "docs/FORMATS.md",
        "Studio": "docs/STUDIO.md",
        "A page without a server": "docs/SITE.md",
        "Live": "docs/LIVE.md",
        "Blender": "docs/BLENDER.md",
        "Game engines": "docs/ENGINES.md",
        "Looking at clips": "docs/NOTEBOOK.md",
        "Text to motion": "docs/TEXT_TO_MOTION.md",
    },
    "The method": {
        "How it works": "docs/METHOD.md",
        "Presets and ablations": "docs/ABLATIONS.md",
        "Results": "docs/RESULTS.md",
        "Training": "docs/TRAINING.md",
        "Model card": "MODEL_CARD.md",
        "Data card": "DATA_CARD.md",
        "Log": "lab/LOG.md",
    },
    "Reference": {
        "Python": "reference/python.md",
        "Settings": "reference/settings.md",
        "Command line": "reference/command_line.md",
        "Files and rigs": "reference/files.md",
        "Measuring": "reference/evaluate.md",
        "Learning": "reference/learn.md",
    },
    "The project": {
        "Architecture": "ARCHITECTURE.md",
        "Conventions": "CONVENTIONS.md",
        "Contributing": "CONTRIBUTING.md",
        "Releases": "docs/RELEASING.md",
        "Changes": "CHANGELOG.md",
        "Security": "SECURITY.md",
    },
}
"""The pages, by section and title."""

PUBLIC: Mapping[str, tuple[str, ...]] = {
    "Restyling": ("Stylizer", "Settings", "Cue", "choose_takes", "StreamingStylizer"),
    "Clips": ("Clip", "read_motion", "open_motion", "write_motion", "show"),
    "Editing": ("edit", "concatenate", "resample", "add_layer", "read_layer"),
    "Styles of one's own": ("learn_style", "write_style"),
    "Rigs": ("Skeleton", "StatedWorld", "Rig", "map_joints"),
    "Errors": ("KinestyleError", "KinestyleWarning"),
}
"""What `kinestyle` exports, by what it is for: what the policy of versions is about."""

DETAILS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "files": (
        "Files and rigs",
        (
            "kinestyle.formats.table",
            "kinestyle.formats.reading",
            "kinestyle.formats.layers",
            "kinestyle.formats.limits",
            "kinestyle.rig.mapping",
            "kinestyle.rig.rig_file",
            "kinestyle.errors",
            "kinestyle.note",
            "kinestyle.motion.rotation",
            "kinestyle.motion.skeleton",
            "kinestyle.retarget.features",
        ),
    ),
    "evaluate": (
        "Measuring",
        (
            "kinestyle.evaluate.report",
            "kinestyle.evaluate.evaluator",
            "kinestyle.evaluate.judge",
            "kinestyle.evaluate.measures",
            "kinestyle.inspection.report",
        ),
    ),
    "learn": (
        "Learning",
        (
            "kinestyle.learn.pipeline",
            "kinestyle.learn.presets",
            "kinestyle.learn.export",
            "kinestyle.learn.refining",
            "kinestyle.learn.data.own_clips",
        ),
    ),
}
"""Modules for those who build on what is below the exported names, which may change with any
version."""


def main() -> None:
    out = Path(sys.argv[1])
    showcase = Path(sys.argv[2]) if len(sys.argv) > 2 else None
    shutil.rmtree(out, ignore_errors=True)
    for path in existing_pages():
        copy_page(path, out)
    (out / "reference").mkdir(parents=True, exist_ok=True)
    for name, text in reference().items():
        (out / "reference" / f"{name}.md").write_text(text, encoding="utf-8")
    pages = navigation()
    if showcase is not None and (showcase / "index.html").is_file():
        shutil.copytree(showcase, out / "showcase")
        (out / "docs" / "TRY.md").write_text(showcase_page(), encoding="utf-8")
        pages["Use it"] = {"Try it": "docs/TRY.md", **pages["Use it"]}
    base = (Path(__file__).parent / "mkdocs.yml").read_text(encoding="utf-8")
    configuration = out.parent / "docs_site.yml"
    here, root = Path(__file__).parent.as_posix(), ROOT.as_posix()
    base = base.replace("@HERE@", here).replace("@ROOT@", root).replace("@OUT@", out.as_posix())
    configuration.write_text(f"{base}\nnav:\n{yaml_of(pages)}", encoding="utf-8")


def navigation() -> dict[str, dict[str, str]]:
    """`NAVIGATION`, and the documents that it does not name under their own titles."""
    found = {section: dict(pages) for section, pages in NAVIGATION.items()}
    named = {page for pages in found.values() for page in pages.values()}
    for path in sorted((ROOT / "docs").glob("*.md")):
        if f"docs/{path.name}" not in named:
            title = path.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
            found["Use it"][title] = f"docs/{path.name}"
    return found


def existing_pages() -> list[str]:
    """Those of the repository, as paths in it."""
    named = [page for pages in navigation().values() for page in pages.values()]
    return [page for page in named if not page.startswith("reference/")]


def copy_page(path: str, out: Path) -> None:
    """Copy a page of the repository, and the files that it links to, to their places in `out`."""
    text = (ROOT / path).read_text(encoding="utf-8")
    (out / path).parent.mkdir(parents=True, exist_ok=True)
    (out / path).write_text(text, encoding="utf-8")
    for link in LINK.finditer(text):
        target = ((ROOT / path).parent / link["target"]).resolve()
        if "://" in link["target"] or target.suffix == ".md" or not target.is_file():
            continue  # a link that leads nowhere is mkdocs's to refuse
        there = out / target.relative_to(ROOT)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(target, there)


def reference() -> dict[str, str]:
    """The reference's pages by name, as Markdown for mkdocstrings."""
    pages = {
        "python": python_page(),
        "settings": settings_page(),
        "command_line": command_line_page(),
    }
    for name, (title, modules) in DETAILS.items():
        said = (
            "For those who build on what is below [the exported names](python.md). It may change "
            "with any version."
        )
        parts = [f"## `{module}`\n\n::: {module}\n{options(root=False)}" for module in modules]
        pages[name] = "\n\n".join((f"# {title}", said, *parts)) + "\n"
    return pages


def python_page() -> str:
    said = (
        "What `kinestyle` exports. Shapes and units are those of "
        "[the conventions](../CONVENTIONS.md): metres, radians, quaternions wxyz, `T` frames, `J` "
        "joints."
    )
    parts = [
        f"## {title}\n\n"
        + "\n\n".join(f"::: kinestyle.{name}\n{options(root=True)}" for name in names)
        for title, names in PUBLIC.items()
    ]
    return "\n\n".join(("# Python", said, *parts)) + "\n"


def options(root: bool) -> str:
    shown = "true" if root else "false"
    return f"    options:\n      show_root_heading: {shown}\n      show_root_toc_entry: {shown}"


def settings_page() -> str:
    """A row for each field of `Settings`, which every interface has under one name."""
    rows = [
        "| in Python, HTTP | on the command line | default | what it is |",
        "|---|---|---|---|",
    ]
    for option in options_of(Settings):
        said = option.sentence
        if choices := getattr(option, "choices", None):
            said += " " + "; ".join(f"`{value}`: {meaning}" for value, meaning in choices.items())
        said = said.replace("|", "\\|")
        rows.append(f"| `{option.name}` | `{option.flag}` | `{option.default!r}` | {said} |")
    head = (
        "# Settings\n\nHow a clip is restyled: the fields of "
        "[`Settings`](python.md#kinestyle.Settings), keywords of `Stylizer.stylize`, fields of "
        "an HTTP request, options of the command line and controls of the studio's page.\n"
    )
    return f"{head}\n" + "\n".join(rows) + "\n"


def command_line_page() -> str:
    """What `--help` says, of every command."""
    parts = ["# Command line\n\nWhat `kinestyle COMMAND --help` says."]
    # with its settings: a command keeps the first help option that it is asked for
    whole = click.Context(main_command, info_name="kinestyle", **main_command.context_settings)
    for name in main_command.list_commands(whole):
        command = main_command.get_command(whole, name)
        assert command is not None, f"kinestyle lists {name} and does not know it"
        context = click.Context(command, info_name=name, parent=whole)
        usage = " ".join(command.collect_usage_pieces(context))
        records = [one.get_help_record(context) for one in command.get_params(context)]
        rows = [
            f"| `{record[0]}` | {cell(record[1])} |" for record in records if record and record[1]
        ]
        said = inspect.cleandoc(command.help or "").replace("\b\n", "")
        parts += [
            f"## {name}",
            f"```text\nkinestyle {name} {usage}\n```",
            FLAG.sub(r"`\g<0>`", said),
            "\n".join(["| option | what it does |", "|---|---|", *rows]),
        ]
    return "\n\n".join(parts) + "\n"


def cell(text: str) -> str:
    """Plain text in a table."""
    escaped = text.replace("|", "\\|").replace("<", "&lt;").replace("*", "\\*")
    return FLAG.sub(r"`\g<0>`", escaped)


def showcase_page() -> str:
    return (
        "# Try it\n\nThe studio's page over recorded clips: every style, its strength, parts and "
        "variations. It runs in your browser alone; your own files need the program "
        "(`pip install '.[studio]' && kinestyle studio` in a copy of the source). "
        '<a href="../showcase/index.html">On a page of its own</a>.\n\n'
        '<iframe src="../showcase/index.html" title="Kinestyle, recorded" loading="lazy" '
        'style="width:100%;height:80vh;border:0"></iframe>\n'
    )


def yaml_of(sections: Mapping[str, Mapping[str, str]]) -> str:
    def lines() -> Iterable[str]:
        for section, pages in sections.items():
            yield f"  - {section}:"
            yield from (f'      - "{title}": {page}' for title, page in pages.items())

    return "\n".join(lines()) + "\n"


if __name__ == "__main__":
    assert {name for names in PUBLIC.values() for name in names} == set(kinestyle.__all__), (
        "each exported name stands in one group of the reference"
    )
    main()
