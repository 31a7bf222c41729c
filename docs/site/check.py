"""What has to hold of the built site: links lead somewhere, nothing is loaded from elsewhere, and
every exported name has its place.

    check.py SITE

Prints what is wrong, and exits with 1 if anything is.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

LOADED = {
    ("link", "href"),
    ("script", "src"),
    ("img", "src"),
    ("img", "srcset"),
    ("iframe", "src"),
    ("source", "src"),
    ("video", "src"),
    ("audio", "src"),
    ("object", "data"),
    ("use", "href"),
}
"""What a browser fetches by itself; what `a` names it does not."""
NO_RESOURCE = {"canonical", "next", "prev", "alternate", "author", "license"}
"""Of `link`, what is not fetched."""
FETCHED_BY_CSS = re.compile(r"(?:url\(\s*['\"]?|@import\s+['\"])(?P<target>[^'\")\s]+)")
APART = ("showcase",)
"""Folders with tests of their own."""


class Page(HTMLParser):
    """links: all that a page names; loaded: what is fetched with it; ids: what can be named."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.ids: set[str] = set()
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        self.ids |= {str(values[key]) for key in ("id", "name") if values.get(key)}
        if tag == "link" and set(str(values.get("rel")).split()) & NO_RESOURCE:
            return
        for key, value in attrs:
            if value and (tag, key) in LOADED:
                self.loaded.append(value)
            if value and (tag, key) in LOADED | {("a", "href")}:
                self.links.append(value)
        self.loaded += FETCHED_BY_CSS.findall(values.get("style") or "")


@cache
def page_at(path: Path) -> Page:
    return Page(path.read_text(encoding="utf-8"))


def faults(site: Path, names: Iterable[str]) -> list[str]:
    """names: the anchors that the Python reference has to have"""
    found = []
    for path in sorted(site.rglob("*")):
        where = path.relative_to(site)
        if where.parts[0] in APART:
            continue
        if path.suffix == ".html":
            page = page_at(path)
            found += [f"{where} loads {x} from elsewhere" for x in page.loaded if is_foreign(x)]
            found += [
                f"{where} links to {target}, which is not there"
                for target in sorted(set(page.links))
                if not is_there(target, path, site)
            ]
        elif path.suffix == ".css":
            targets = FETCHED_BY_CSS.findall(path.read_text(encoding="utf-8"))
            found += [f"{where} loads {x} from elsewhere" for x in targets if is_foreign(x)]
    reference = page_at(site / "reference" / "python.html")
    found += [f"the reference has no {name}" for name in names if name not in reference.ids]
    return found


def is_foreign(target: str) -> bool:
    return bool(urlsplit(target).netloc)


def is_there(target: str, page: Path, site: Path) -> bool:
    parts = urlsplit(target)
    if parts.scheme or parts.netloc:
        return True  # another's page is not asked for
    path = (page.parent / unquote(parts.path)).resolve() if parts.path else page
    if parts.path.startswith("/"):
        path = site / unquote(parts.path).lstrip("/")
    if path.is_dir():
        path = path / "index.html"
    if not path.is_file():
        return False
    fragment = unquote(parts.fragment)
    return not fragment or path.suffix != ".html" or fragment in page_at(path).ids | {"__top"}


if __name__ == "__main__":
    import kinestyle

    wrong = faults(Path(sys.argv[1]), [f"kinestyle.{name}" for name in kinestyle.__all__])
    for line in wrong:
        print(line)
    sys.exit(1 if wrong else 0)
