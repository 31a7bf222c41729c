"""Joins the page's modules to one file, so that a browser asks for one and not for sixty.

The modules are as the page's are written: named imports of neighbours, names exported where they
are declared, no cycle. An assertion fails for anything else. Each keeps a scope of its own; nothing
is renamed, left out or shortened. What lies in a folder, as three.js does, stays a module.
"""

from __future__ import annotations

import re
from pathlib import Path

_IMPORT = re.compile(r"^import \{(?P<names>[^}]*)\} from '\./(?P<from>[\w./]+)';\n", re.MULTILINE)
_PASSED_ON = re.compile(
    r"^export \{(?P<names>[^}]*)\} from '\./(?P<from>[\w./]+)';\n", re.MULTILINE
)
_EXPORT = re.compile(
    r"^export (?=(?:async function|function|class|const) (?P<name>\w+))", re.MULTILINE
)
_ANY = re.compile(r"^(?:import|export)\b.*", re.MULTILINE)


def joined(folder: Path, entry: str) -> str:
    """The text of a module that does and exports what `entry` in a folder does."""
    modules: dict[str, str] = {}
    apart: dict[str, None] = {}
    exports = _add(folder, entry, modules, apart, ())
    imports = [f"import * as {_scope(name)} from './{name}';\n" for name in apart]
    given = f"export const {{ {', '.join(exports)} }} = {_scope(entry)};\n" if exports else ""
    return "".join([*imports, *modules.values(), given])


def _add(
    folder: Path, name: str, modules: dict[str, str], apart: dict[str, None], above: tuple[str, ...]
) -> list[str]:
    """Put a module behind all that it imports -> the names that it exports."""
    assert name not in above, f"{name} imports itself by way of {' and '.join(above)}"
    text = (folder / name).read_text(encoding="utf-8")

    def scope_of(imported: str) -> str:
        if "/" in imported:
            apart[imported] = None
        elif imported not in modules:
            _add(folder, imported, modules, apart, (*above, name))
        return _scope(imported)

    exports = {found["name"]: found["name"] for found in _EXPORT.finditer(text)}

    def pass_on(found: re.Match[str]) -> str:
        for one in _names(found["names"]):
            inner, _, outer = one.partition(" as ")
            exports[outer or inner] = f"{scope_of(found['from'])}.{inner}"
        return ""

    def take(found: re.Match[str]) -> str:
        names = ", ".join(one.replace(" as ", ": ") for one in _names(found["names"]))
        return f"const {{ {names} }} = {scope_of(found['from'])};\n"

    text = _EXPORT.sub("", _IMPORT.sub(take, _PASSED_ON.sub(pass_on, text)))
    left = _ANY.search(text)
    assert left is None, f"{name}: this import or export is of no kind that is known: {left}"
    given = ", ".join(f"{outer}: {inner}" for outer, inner in exports.items())
    modules[name] = (
        f"// {name}\nconst {_scope(name)} = (() => {{\n{text}return {{ {given} }};\n}})();\n"
    )
    return list(exports)


def _names(text: str) -> list[str]:
    return [" ".join(one.split()) for one in text.split(",") if one.strip()]


def _scope(name: str) -> str:
    return "$" + re.sub(r"\W", "_", name.removesuffix(".js"))
