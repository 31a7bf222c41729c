"""Numbers and tables as lines of Markdown."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

COLUMNS = 100


def prose(text: str) -> str:
    """A paragraph in lines of at most `COLUMNS`."""
    return textwrap.fill(text, COLUMNS, break_long_words=False, break_on_hyphens=False)


def table(head: Sequence[str], body: Iterable[Sequence[str]]) -> list[str]:
    rows = [head, ["---"] * len(head), *body]
    return [*(f"| {' | '.join(row)} |" for row in rows), ""]


def estimate_text(estimate: Mapping[str, Any] | None, digits: int = 3, scale: float = 1.0) -> str:
    if estimate is None or estimate["value"] is None:
        return "–"
    value = number_text(estimate["value"], digits, scale)
    return (
        value
        if estimate["interval"] is None
        else f"{value} ± {number_text(estimate['interval'], digits, scale)}"
    )


def number_text(value: float | None, digits: int = 3, scale: float = 1.0) -> str:
    return "–" if value is None else f"{scale * value:.{digits}f}"
