"""Text and flat shapes on pictures: labels, cards, marks."""

from __future__ import annotations

import numpy as np

from kinestyle.extras import needs_extra
from kinestyle.picture.floor import Colour

with needs_extra("pictures", "drawing pictures"):
    from PIL import Image, ImageDraw, ImageFont

PAPER: Colour = (240, 242, 245)
CARD: Colour = (253, 253, 254)
INK: Colour = (38, 44, 54)
FAINT_INK: Colour = (128, 136, 148)
_SUPERSAMPLING = 4


def pen_for(picture: Image.Image) -> ImageDraw.ImageDraw:
    return ImageDraw.Draw(picture)


def text_width(pen: ImageDraw.ImageDraw, text: str, size: int) -> int:
    """Pixels."""
    return int(np.ceil(pen.textlength(text, font=ImageFont.load_default(size=size))))


def draw_text(
    pen: ImageDraw.ImageDraw,
    at: tuple[int, int],
    text: str,
    size: int,
    colour: Colour,
    anchor: str,
    room: float,
) -> None:
    """One line of text, cut short with an ellipsis where it is wider than `room` pixels."""
    font = ImageFont.load_default(size=size)
    line = " ".join(text.split())
    if pen.textlength(line, font=font) > room:
        while line and pen.textlength(line + "...", font=font) > room:
            line = line[:-1]
        line += "..."
    pen.text(at, line, fill=colour, font=font, anchor=anchor)


def draw_dot(picture: Image.Image, at: tuple[int, int], size: int, colour: Colour) -> None:
    """A round mark of `size` pixels whose top left is at `at`."""
    large = Image.new("L", (_SUPERSAMPLING * size, _SUPERSAMPLING * size))
    edge = _SUPERSAMPLING * size - 1
    ImageDraw.Draw(large).ellipse((0, 0, edge, edge), fill=255)
    picture.paste(colour, at, large.reduce(_SUPERSAMPLING))


def draw_card(picture: Image.Image, box: tuple[int, int, int, int]) -> None:
    """A card of lighter paper with round corners; box: left, top, right, bottom in pixels."""
    size = (box[2] - box[0], box[3] - box[1])
    mask = Image.new("L", (_SUPERSAMPLING * size[0], _SUPERSAMPLING * size[1]))
    edges = (0, 0, mask.width - 1, mask.height - 1)
    ImageDraw.Draw(mask).rounded_rectangle(edges, radius=10 * _SUPERSAMPLING, fill=255)
    picture.paste(CARD, box[:2], mask.reduce(_SUPERSAMPLING))
