"""A copy of the package whose `Settings` have one field more: what a further setting costs."""

from __future__ import annotations

import shutil
from pathlib import Path

PACKAGE = Path(__file__).resolve().parents[1] / "src" / "kinestyle"

FIELD = """    twist: float = field(
        default=0.0,
        metadata={
            "option": Number(
                label="Twist",
                help="changes nothing, and is there to be seen",
                least=0.0,
                most=1.0,
                slider=(0.0, 1.0, 0.25),
            )
        },
    )

"""


def package_with_one_more_setting(folder: Path) -> Path:
    """The folder that holds the copy. One file of it differs: `runtime/settings.py`."""
    copy = folder / "src" / "kinestyle"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("released", "__pycache__"))
    (copy / "released").symlink_to(PACKAGE / "released")
    path = copy / "runtime" / "settings.py"
    before, method, after = path.read_text().partition("    def __post_init__(self)")
    assert method, "Settings check themselves"
    path.write_text(before + FIELD + method + after)
    return copy.parent
