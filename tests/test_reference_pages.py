"""The reference says of every exported name what goes in, what comes out, and what is raised; the
site's check sees what is wrong with a site.
"""

from __future__ import annotations

import ast
import inspect
import re
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

import kinestyle

ROOT = Path(__file__).resolve().parents[1]
SITE = ROOT / "docs" / "site"
SHAPE = re.compile(r"\([A-Z.\d][^()]*,[^()]*\)")


@pytest.fixture(scope="module")
def pages() -> Iterator[ModuleType]:
    yield from imported("pages")


@pytest.fixture(scope="module")
def check() -> Iterator[ModuleType]:
    yield from imported("check")


def imported(name: str) -> Iterator[ModuleType]:
    from importlib.util import module_from_spec, spec_from_file_location

    spec = spec_from_file_location(f"site_{name}", SITE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def functions() -> dict[str, object]:
    """All that can be called of the exported names, and the attributes that are computed."""
    found: dict[str, object] = {}
    for name in kinestyle.__all__:
        exported = getattr(kinestyle, name)
        if not inspect.isclass(exported):
            found[name] = exported
            continue
        for key, member in vars(exported).items():
            of_class = isinstance(member, classmethod | staticmethod)
            plain = member.__func__ if of_class else getattr(member, "fget", member)
            plain = getattr(plain, "func", plain)  # of a cached property
            if not key.startswith("_") and inspect.isfunction(plain):
                found[f"{name}.{key}"] = plain
    return found


FUNCTIONS = functions()


def test_each_exported_name_stands_in_one_group(pages: ModuleType) -> None:
    named = [name for names in pages.PUBLIC.values() for name in names]
    assert sorted(named) == sorted(kinestyle.__all__)
    page = pages.python_page()
    assert all(f"::: kinestyle.{name}\n" in page for name in kinestyle.__all__)


@pytest.mark.parametrize("name", [*kinestyle.__all__, *FUNCTIONS])
def test_it_has_words_of_its_own(name: str) -> None:
    exported = FUNCTIONS.get(name) or getattr(kinestyle, name)
    assert vars(exported).get("__doc__") if inspect.isclass(exported) else exported.__doc__


@pytest.mark.parametrize("name", FUNCTIONS)
def test_arrays_have_their_shapes(name: str) -> None:
    function = FUNCTIONS[name]
    signature = inspect.signature(function)
    arrays = [one for one in signature.parameters.values() if "Array" in str(one.annotation)]
    arrays += [signature] if "Array" in str(signature.return_annotation) else []
    said = function.__doc__ or ""
    assert not arrays or SHAPE.search(said) or re.search(r"\([A-Z],\)", said), said


@pytest.mark.parametrize("name", FUNCTIONS)
def test_what_it_raises_itself_is_named(name: str) -> None:
    source = textwrap.dedent(inspect.getsource(FUNCTIONS[name]))
    raised = {
        node.exc.func.id
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Raise)
        and isinstance(node.exc, ast.Call)
        and isinstance(node.exc.func, ast.Name)
        and node.exc.func.id.endswith("Error")
        and issubclass(getattr(kinestyle.errors, node.exc.func.id, int), kinestyle.KinestyleError)
    }
    said = FUNCTIONS[name].__doc__ or ""
    assert all(error in said for error in raised), f"{raised - set(said.split())} is not named"


def test_every_setting_and_every_command_has_its_place(pages: ModuleType) -> None:
    from kinestyle.cli import main
    from kinestyle.runtime.options import options_of

    settings, commands = pages.settings_page(), pages.command_line_page()
    for option in options_of(kinestyle.Settings):
        assert f"| `{option.name}` | `{option.flag}` |" in settings
        assert option.flag in commands
    for command in main.list_commands(None):
        assert f"\n## {command}\n" in commands


def test_the_pages_of_the_site_are_there(pages: ModuleType) -> None:
    assert all((ROOT / page).is_file() for page in pages.existing_pages())
    documents = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert documents <= set(pages.existing_pages()), "a document is on no page of the site"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    (tmp_path / "reference").mkdir()
    (tmp_path / "reference" / "python.html").write_text('<h3 id="kinestyle.Clip">Clip</h3>')
    (tmp_path / "index.html").write_text(
        '<link rel="canonical" href="https://example.org/"><a href="https://example.org">there</a>'
        '<a href="reference/python.html#kinestyle.Clip">Clip</a><img src="a.png">'
    )
    (tmp_path / "a.png").write_bytes(b"")
    return tmp_path


def test_a_sound_site_has_no_faults(check: ModuleType, site: Path) -> None:
    assert check.faults(site, ["kinestyle.Clip"]) == []


@pytest.mark.parametrize(
    ("html", "said"),
    [
        ('<script src="https://example.org/x.js"></script>', "loads https://example.org/x.js"),
        ('<link rel="stylesheet" href="//example.org/x.css">', "loads //example.org/x.css"),
        ('<p style="background: url(https://example.org/a.png)">', "from elsewhere"),
        ('<a href="missing.html">x</a>', "links to missing.html"),
        ('<a href="reference/python.html#kinestyle.Clap">x</a>', "kinestyle.Clap, which is not"),
        ('<img src="b.png">', "links to b.png"),
    ],
)
def test_each_fault_of_a_site_is_seen(check: ModuleType, site: Path, html: str, said: str) -> None:
    (site / "page.html").write_text(html)
    check.page_at.cache_clear()
    assert any(said in fault for fault in check.faults(site, []))


def test_a_stylesheet_and_a_missing_name_are_seen(check: ModuleType, site: Path) -> None:
    (site / "a.css").write_text("@import 'https://example.org/font.css';")
    check.page_at.cache_clear()
    found = check.faults(site, ["kinestyle.Settings"])
    assert found == [
        "a.css loads https://example.org/font.css from elsewhere",
        "the reference has no kinestyle.Settings",
    ]
