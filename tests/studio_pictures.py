"""Pictures of the studio's page for the documents: `python tests/studio_pictures.py FOLDER`."""

from __future__ import annotations

import io
import sys
from pathlib import Path

from PIL import Image

from kinestyle.formats.bvh import format_bvh
from long_motion import long_clip
from made_characters import character_glb
from made_rigs import as_rig, walk
from studio_browser import PHONE, Visit, browsing, serving, visiting

READY = "kinestyle.session.result && !kinestyle.session.busy"


def main(folder: Path) -> None:
    with serving() as server, browsing() as browser:
        with visiting(browser, server.address) as visit:
            take(visit, folder / "studio_light.webp")
            view(visit, "Grid")
            visit.until("kinestyle.view.variants.every(({ character }) => character)")
            take(visit, folder / "studio_grid.webp")
            view(visit, "Side by side")
            open_file(visit, "hero.glb", character_glb(as_rig(walk(seconds=4.0).clip)))
            visit.until("kinestyle.view.result?.skin && kinestyle.view.original.skin")
            take(visit, folder / "studio_mesh.webp")
            name = "five_minutes.bvh"
            open_file(visit, name, format_bvh(long_clip(300.0), name)[0])
            take(visit, folder / "studio_long.webp")
        with visiting(browser, server.address, PHONE, "dark", touch=True) as visit:
            take(visit, folder / "studio_phone.webp")


def view(visit: Visit, name: str) -> None:
    visit.page.get_by_role("button", name=name, exact=True).click()


def open_file(visit: Visit, name: str, data: bytes) -> None:
    before = visit.read("kinestyle.session.source.number")
    visit.page.locator("#file").set_input_files(
        {"name": name, "mimeType": "application/octet-stream", "buffer": data}
    )
    visit.until(f"kinestyle.session.source.number !== {before} && {READY}")


def take(visit: Visit, path: Path) -> None:
    """A moment of the clip, standing still, with its cards."""
    visit.until(READY)
    visit.read("kinestyle.clock.playing && kinestyle.clock.toggle()")
    visit.page.keyboard.press("Escape")
    visit.until("kinestyle.previews.cards.filter(card => card.sketch).length >= 4", 60.0)
    visit.page.wait_for_timeout(1500)
    picture = Image.open(io.BytesIO(visit.page.screenshot()))
    picture.convert("RGB").save(path, quality=82, method=6)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
