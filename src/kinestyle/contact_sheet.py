"""Contact sheets: one picture with a row for each clip and a column for each moment, to compare motion by eye.

All cells share one scale and one camera (three-quarter, orthographic, relative to each row's own initial facing), those
of a row one floor, and each is centred on its body: travel stays in the cell while floating, sinking and leaning show.
Left limbs are warm, right limbs cool, so that swapped sides show too; what has sunk below the floor turns pale.

Limbs are round cones in a depth buffer, not lines sorted by depth: where two limbs cross, the order of whole bones can
be wrong for a part of them, and a twisted shoulder is just where that would be read as an error of the motion.
"""

from __future__ import annotations

import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image, ImageChops, ImageDraw, ImageFilter, ImageFont

from kinestyle.errors import ClipError
from kinestyle.motion import rotation
from kinestyle.motion.canonical import CANONICAL
from kinestyle.motion.clip import Clip
from kinestyle.motion.contacts import CONTACT_JOINTS, find_contacts
from kinestyle.motion.retarget import correspond, to_canonical
from kinestyle.motion.rotation import Array
from kinestyle.motion.skeleton import tip_position
from kinestyle.storage import replace_bytes

RIGHT, MIDDLE, LEFT = -1, 0, 1

Colour = tuple[int, int, int]
PAPER: Colour = (240, 242, 245)
CARD: Colour = (253, 253, 254)
INK: Colour = (38, 44, 54)
FAINT_INK: Colour = (128, 136, 148)
GRID: Colour = (176, 185, 199)
FLOOR: Colour = (230, 234, 241)
SHADOW: Colour = (58, 66, 84)
TRAIL: Colour = (112, 124, 146)
PLANTED: Colour = (52, 178, 104)
SIDE_COLOUR: dict[int, Colour] = {MIDDLE: (176, 181, 190), LEFT: (242, 124, 62), RIGHT: (52, 128, 214)}

AZIMUTH_RADIANS = np.radians(38.0)
"""How far the initial facing is turned from the viewer, to the right of the picture."""
ELEVATION_RADIANS = np.radians(17.0)
"""How far the camera looks down: enough to part the feet, little enough that height still reads as height."""

LIGHT = np.array([-0.42, 0.72, 0.55], dtype=np.float32)
GRID_SPACING_M = 0.5
TRAIL_SPACING_SECONDS = 0.1
PLANTED_RADIUS_M = 0.075
SINK_M = 0.05
"""Depth below the floor at which a surface is fully pale. A sole's own thickness must not look like sinking."""
SUPERSAMPLING = 3
MARGIN_PX = 20
LABEL_PX, TIME_PX = 38, 30
HEADER_PX = 46


@dataclass(frozen=True, eq=False)
class Row:
    """A clip as the sheet needs it: T frames of J points joined by B bones.

    position: (T, J, 3) in the world, in metres, Y up, the floor at y = 0; points may be joints and end sites alike
    bones: (B, 2) int, for each bone the point nearer the root and the point farther from it
    side: (J,) int, LEFT, RIGHT or MIDDLE; a bone has the side of its nearer point,
        so that the girdles of shoulders and hips belong to the trunk
    frame_time_seconds: time from one frame to the next
    forward: (3,) where the body faces at first; None takes it from where the left and right limbs leave the trunk
    root: the point that each cell is centred on
    head: the point at the base of the skull; None draws no skull
    contact, contact_points: (T, K) bool and K point indices: which feet are planted when; None marks none

    Raises ClipError when there is no frame or a position is not finite.
    """

    label: str
    position: Array
    bones: np.ndarray
    side: np.ndarray
    frame_time_seconds: float
    forward: Array | None = None
    root: int = 0
    head: int | None = None
    contact: np.ndarray | None = None
    contact_points: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        count = self.position.shape[1]
        assert self.position.shape[2:] == (3,), f"position has shape {self.position.shape}, wanted (T, J, 3)"
        assert self.bones.shape[1:] == (2,) and len(self.bones), f"bones have shape {self.bones.shape}, wanted (B, 2), B > 0"
        assert self.side.shape == (count,), f"side has shape {self.side.shape}, wanted ({count},)"
        assert self.frame_time_seconds > 0, f"frame time is {self.frame_time_seconds} s, wanted more than 0"
        if self.contact is not None:
            shape = (len(self.position), len(self.contact_points))
            assert self.contact.shape == shape, f"contact has shape {self.contact.shape}, wanted {shape}"
        if not len(self.position):
            raise ClipError(f"The clip {self.label!r} has no frames, so there is nothing to draw.")
        finite = np.isfinite(self.position).all(axis=(1, 2))
        if not finite.all():
            raise ClipError(f"Frame {int(np.argmin(finite))} of the clip {self.label!r} has a position that is not finite.")

    @cached_property
    def _bone_length(self) -> Array:
        """(B,) metres, the median over time: files with translating joints stretch their bones."""
        parent, child = self.bones.T
        length: Array = np.median(np.linalg.norm(self.position[:, child] - self.position[:, parent], axis=-1), axis=0)
        return length

    @cached_property
    def _reach(self) -> Array:
        """(J,) length in metres of the longest chain of bones from each point outward."""
        (parent, child), length = self.bones.T, self._bone_length
        reach = np.zeros(self.position.shape[1])
        # a tip counts for most of its bone, so that fingertips end thin and hands without fingers do not
        np.maximum.at(reach, child, 0.8 * length)
        reach[np.unique(parent)] = 0.0
        for _ in range(len(reach)):
            before = reach.copy()
            np.maximum.at(reach, parent, length + reach[child])
            if np.array_equal(before, reach):
                break
        return reach

    @property
    def size_m(self) -> float:
        """Root to the farthest tip along the bones: about four fifths of a person's height."""
        return max(float(self._reach[self.root]), 1e-3)

    @cached_property
    def radius(self) -> Array:
        """(J,) metres: flesh around each point, by what it carries, as boughs are; thick at the hip, thin at a finger."""
        carried = np.sqrt(self._reach * self.size_m)
        radius = np.where(self.side == MIDDLE, 0.092, 0.057) * carried
        # rigs that end at the wrist or ankle would show spikes
        long = self._bone_length > 0.1 * self.size_m
        np.maximum.at(radius, self.bones[long, 1], 0.6 * radius[self.bones[long, 0]])
        if self.head is not None:
            neck = np.append(self.bones[self.bones[:, 1] == self.head, 0], self.head)
            radius[neck] = np.maximum(radius[neck], 0.04 * self.size_m)
        return radius

    @property
    def initial_forward(self) -> Array:
        """(3,) unit, level: where the body faces in the first frame; +Z when nothing tells."""
        if self.forward is not None:
            forward = np.array(self.forward, dtype=float)
        else:
            first = self.position[0]
            branch = self.bones[(self.side[self.bones[:, 0]] == MIDDLE) & (self.side[self.bones[:, 1]] != MIDDLE), 1]
            left, right = first[branch[self.side[branch] == LEFT]], first[branch[self.side[branch] == RIGHT]]
            across = left.mean(axis=0) - right.mean(axis=0) if len(left) and len(right) else np.zeros(3)
            forward = np.cross(across, [0.0, 1.0, 0.0])
        forward[1] = 0.0
        length = np.linalg.norm(forward)
        return forward / length if length > 1e-9 else np.array([0.0, 0.0, 1.0])

    def moments(self, columns: int) -> np.ndarray:
        """(columns,) frame numbers spread evenly from first to last; a single one is the middle."""
        fraction = np.linspace(0.0, 1.0, columns) if columns > 1 else np.array([0.5])
        return np.round(fraction * (len(self.position) - 1)).astype(int)

    def axes(self) -> Array:
        """(3, 3) the picture's right, its up and the way to the viewer, as rows, in the world."""
        up, forward = np.array([0.0, 1.0, 0.0]), self.initial_forward
        left = np.cross(up, forward)
        right = np.cos(AZIMUTH_RADIANS) * left + np.sin(AZIMUTH_RADIANS) * forward
        near = np.cos(AZIMUTH_RADIANS) * forward - np.sin(AZIMUTH_RADIANS) * left
        cos, sin = np.cos(ELEVATION_RADIANS), np.sin(ELEVATION_RADIANS)
        return np.stack([right, cos * up - sin * near, sin * up + cos * near])

    def seen(self, points: Array, frame: int) -> Array:
        """points: (..., 3) in the world -> (..., 3) metres right, up and near, from the floor under the root at `frame`."""
        return (points - self.position[frame, self.root] * [1.0, 0.0, 1.0]) @ self.axes().T


class Layout(NamedTuple):
    """Where things lie in a cell, in pixels. The floor under the root is at (width / 2, floor)."""

    width: int
    height: int
    floor: int
    pixels_per_metre: float
    disc: float
    """Radius of the patch of floor."""

    def to_pixels(self, seen: Array) -> Array:
        """seen: (..., 3) metres -> (..., 2) pixels from the cell's top left; far outliers are kept within a drawable range."""
        right, up = seen[..., 0], seen[..., 1]
        pixels = np.stack([0.5 * self.width + self.pixels_per_metre * right, self.floor - self.pixels_per_metre * up], axis=-1)
        return np.clip(pixels, -4.0 * self.width, 4.0 * self.width + self.height)


def row_of(clip: Clip, label: str | None = None) -> Row:
    """The row for a clip on any rig: in canonical metres, Y up, its own floor at 0, contacts found. Raises RigError."""
    correspondence = correspond(clip)
    skeleton, roles = clip.skeleton, correspondence.mapping.joints
    tips = tip_position(skeleton, clip.world_position, clip.world_rotation)
    position = rotation.rotate(correspondence.axes, np.concatenate([clip.world_position, tips], axis=1))
    position = (position - correspondence.floor * np.array([0.0, 1.0, 0.0])) * correspondence.metres_per_unit
    parents = np.concatenate([skeleton.parents, skeleton.end_parents])
    hips, side = roles["hips"], np.zeros(len(parents), dtype=int)
    below = np.zeros(len(parents), dtype=bool)
    for point, parent in enumerate(parents):
        side[point] = side[parent] if parent >= 0 else MIDDLE
        below[point] = parent >= 0 and (parent == hips or below[parent])
        for word, value in (("left_", LEFT), ("right_", RIGHT)):
            if any(joint == point and role.startswith(word) for role, joint in roles.items()):
                side[point] = value
    contact = find_contacts(to_canonical(clip, correspondence))
    feet = [(role, roles[role]) for role in (CANONICAL.names[joint] for joint in CONTACT_JOINTS) if role in roles]
    columns = [[CANONICAL.names[joint] for joint in CONTACT_JOINTS].index(role) for role, _ in feet]
    child = np.flatnonzero(below)
    return Row(
        label=clip.name if label is None else label,
        position=position,
        bones=np.stack([parents[child], child], axis=-1),
        side=side,
        frame_time_seconds=clip.frame_time_seconds,
        root=hips,
        head=roles.get("head"),
        contact=contact[:, columns],
        contact_points=tuple(joint for _, joint in feet),
    )


def draw(
    rows: Sequence[Row], columns: int = 8, width: int = 1600, pixels_per_metre: float | None = None, title: str = ""
) -> Image.Image:
    """The contact sheet of `rows`, `columns` moments each, as an RGB image `width` pixels wide.

    pixels_per_metre: None takes the largest scale at which every body fits its cell
    """
    assert rows and columns > 0, "a contact sheet has at least one row and one column"
    layouts = _lay_out(rows, columns, width, pixels_per_metre)
    gap = MARGIN_PX // 2
    card_heights = [LABEL_PX + layout.height + TIME_PX for layout in layouts]
    sheet = Image.new("RGB", (width, HEADER_PX + sum(card_heights) + gap * len(rows)), PAPER)
    _draw_header(sheet, title, planted=any(row.contact is not None for row in rows))
    text = ImageDraw.Draw(sheet)
    top = HEADER_PX
    for row, layout, card_height in zip(rows, layouts, card_heights, strict=True):
        _draw_card(sheet, (gap, top, width - gap, top + card_height))
        _draw_text(text, (MARGIN_PX + 6, top + LABEL_PX // 2 + 3), row.label, 18, INK, "lm", width - 2 * MARGIN_PX - 12)
        fade = _floor_fade(layout)
        for column, frame in enumerate(row.moments(columns).tolist()):
            x = (width - columns * layout.width) // 2 + column * layout.width
            sheet.paste(_draw_cell(row, frame, layout, fade), (x, top + LABEL_PX))
            below = (x + layout.width // 2, top + LABEL_PX + layout.height + TIME_PX // 2 - 4)
            _draw_text(text, below, f"{frame * row.frame_time_seconds:.2f} s", 14, FAINT_INK, "mm", layout.width)
        top += card_height + gap
    return sheet


def write_sheet(image: Image.Image, path: str | os.PathLike[str]) -> None:
    """Write the picture as a PNG; a file already at `path` is replaced whole or not at all.

    Raises MotionFileError when the folder is missing or cannot be written to.
    """
    picture = io.BytesIO()
    image.save(picture, format="PNG", optimize=True)
    replace_bytes(Path(path), picture.getvalue())


def _lay_out(rows: Sequence[Row], columns: int, width: int, pixels_per_metre: float | None) -> list[Layout]:
    """A layout for each row: one scale and width for all, each row as high as its own motion needs."""
    cell_width = (width - 2 * MARGIN_PX) // columns
    if cell_width < 16:
        raise ClipError(
            f"{columns} columns leave {cell_width} of {width} pixels for each, expected 16 or more; take fewer or a wider sheet"
        )
    half, tops, bottoms = 0.1, [], []
    for row in rows:
        cones = [_cones(row, frame)[:2] for frame in row.moments(columns).tolist()]
        low, high = (
            np.stack([edge((ends + sign * radii[..., None]).reshape(-1, 3), axis=0) for ends, radii in cones])
            for edge, sign in ((np.min, -1.0), (np.max, 1.0))
        )
        # one joint flung away must not shrink every other body to a dot: beyond these bounds it is cut off
        half = max(half, min(float(np.abs([low[:, 0], high[:, 0]]).max()), 0.85 * row.size_m))
        tops.append(float(np.clip(high[:, 1].max(), 0.1, 1.65 * row.size_m)))
        bottoms.append(float(np.clip(low[:, 1].min(), -0.4 * row.size_m, 0.0)))
    # a single wide cell must not make a picture taller than a screen
    tallest = min(1.55 * cell_width, 420.0) / (max(tops) - min(bottoms))
    scale = pixels_per_metre or float(min(0.49 * cell_width / half, tallest))
    disc = min(0.48 * cell_width, 1.0 * scale)
    layouts = []
    for top, bottom in zip(tops, bottoms, strict=True):
        above = int(np.ceil(max(top * scale, disc * np.sin(ELEVATION_RADIANS)))) + 4
        below = int(np.ceil(max(-bottom * scale, disc * np.sin(ELEVATION_RADIANS)))) + 4
        layouts.append(Layout(cell_width, above + below, above, scale, disc))
    return layouts


def _draw_cell(row: Row, frame: int, layout: Layout, fade: Image.Image) -> Image.Image:
    cell = Image.new("RGB", (layout.width, layout.height), CARD)
    cell.paste(FLOOR, mask=fade)
    cell.paste(GRID, mask=ImageChops.multiply(_grid(row, frame, layout), fade))
    cell.paste(TRAIL, mask=ImageChops.multiply(_trail(row, frame, layout), fade))
    cell.paste(SHADOW, mask=_shadow(row, frame, layout))
    if row.contact is not None:
        planted = np.array(row.contact_points, dtype=int)[row.contact[frame].astype(bool)]
        spots = row.seen(row.position[frame, planted] * [1.0, 0.0, 1.0], frame)
        cell.paste(PLANTED, mask=_floor_spots(spots, PLANTED_RADIUS_M, [235] * len(planted), layout))
    body, at = _body(row, frame, layout)
    cell.paste(body, at, mask=body)
    return cell


def _floor_fade(layout: Layout) -> Image.Image:
    """A patch of floor as a mask: an ellipse that is solid in the middle and fades to its rim."""
    y, x = np.mgrid[: layout.height, : layout.width]
    across = (x + 0.5 - 0.5 * layout.width) / layout.disc
    along = (y + 0.5 - layout.floor) / (layout.disc * np.sin(ELEVATION_RADIANS))
    distance = np.hypot(across, along)
    return Image.fromarray((255.0 * np.clip(2.2 * (1.0 - distance), 0.0, 1.0)).astype(np.uint8))


def _grid(row: Row, frame: int, layout: Layout) -> Image.Image:
    """Lines that stay where they are in the world, square to the initial facing, so that they move past a body that travels."""
    forward = row.initial_forward
    axes = np.stack([np.cross([0.0, 1.0, 0.0], forward), forward])
    here, origin = row.position[frame, row.root], row.position[0, row.root]
    place = axes @ (here - origin)
    reach = layout.disc / layout.pixels_per_metre
    mask, pen = _mask(layout)
    for along, across in ((0, 1), (1, 0)):
        first, last = np.ceil((place[along] - reach) / GRID_SPACING_M), np.floor((place[along] + reach) / GRID_SPACING_M)
        for line in np.arange(first, last + 1) * GRID_SPACING_M:
            middle = here + (line - place[along]) * axes[along]
            ends = np.stack([middle - reach * axes[across], middle + reach * axes[across]]) * [1.0, 0.0, 1.0]
            pixels = SUPERSAMPLING * layout.to_pixels(row.seen(ends, frame))
            pen.line([tuple(p) for p in pixels.tolist()], fill=255, width=SUPERSAMPLING)
    return mask.reduce(SUPERSAMPLING)


def _trail(row: Row, frame: int, layout: Layout) -> Image.Image:
    """The root's way over the floor, a dot for each tenth of a second, what is past stronger than what will come."""
    step = max(1, round(TRAIL_SPACING_SECONDS / row.frame_time_seconds))
    frames = np.arange(frame % step, len(row.position), step)
    seen = row.seen(row.position[frames, row.root] * [1.0, 0.0, 1.0], frame)
    near = np.linalg.norm(seen, axis=-1) * layout.pixels_per_metre < layout.disc
    return _floor_spots(seen[near], 0.02, np.where(frames[near] <= frame, 230, 90).tolist(), layout)


def _floor_spots(seen: Array, radius_m: float, strength: Sequence[int], layout: Layout) -> Image.Image:
    """seen: (N, 3) places on the floor -> a mask with a round spot lying at each."""
    mask, pen = _mask(layout)
    wide = SUPERSAMPLING * max(radius_m * layout.pixels_per_metre, 1.6)
    high = max(wide * np.sin(ELEVATION_RADIANS), 0.8 * SUPERSAMPLING)
    for (x, y), value in zip((SUPERSAMPLING * layout.to_pixels(seen)).tolist(), strength, strict=True):
        pen.ellipse((x - wide, y - high, x + wide, y + high), fill=value)
    return mask.reduce(SUPERSAMPLING)


def _mask(layout: Layout) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    mask = Image.new("L", (SUPERSAMPLING * layout.width, SUPERSAMPLING * layout.height))
    return mask, ImageDraw.Draw(mask)


def _shadow(row: Row, frame: int, layout: Layout) -> Image.Image:
    """The bones dropped straight onto the floor: darker the nearer they are to it, so that a planted foot looks planted."""
    position = row.position[frame]
    pixels = layout.to_pixels(row.seen(position * [1.0, 0.0, 1.0], frame))
    height = np.maximum(position[row.bones, 1].mean(axis=1), 0.0)
    darkness = 38.0 + 130.0 * np.exp(-height / (0.12 * row.size_m))
    mask = Image.new("L", (layout.width, layout.height))
    pen = ImageDraw.Draw(mask)
    for bone in np.argsort(-height):
        ends, radius = pixels[row.bones[bone]], row.radius[row.bones[bone]] * layout.pixels_per_metre
        flat = radius * max(np.sin(ELEVATION_RADIANS), 0.4)
        for (x, y), wide, high in zip(ends.tolist(), radius, flat, strict=True):
            pen.ellipse((x - wide, y - high, x + wide, y + high), fill=int(darkness[bone]))
        pen.line([tuple(p) for p in ends.tolist()], fill=int(darkness[bone]), width=max(1, round(1.4 * float(flat.mean()))))
    return mask.filter(ImageFilter.GaussianBlur(max(1.0, 0.022 * layout.pixels_per_metre)))


def _cones(row: Row, frame: int) -> tuple[Array, Array, np.ndarray]:
    """The body as N round cones: ends (N, 2, 3) as seen in metres, radii (N, 2) in metres and sides (N,)."""
    seen, radius, bones = row.seen(row.position[frame], frame), row.radius, row.bones
    ends, radii, side = seen[bones], radius[bones], row.side[bones[:, 0]]
    if row.head is None:
        return ends, radii, side
    above, below = bones[bones[:, 0] == row.head, 1], bones[bones[:, 1] == row.head, 0]
    base = seen[row.head]
    length = np.linalg.norm(seen[above] - base, axis=-1)
    skull = 0.18 * row.size_m
    if len(above) and length.max() > 0.3 * skull:
        along = (seen[above[np.argmax(length)]] - base) / length.max()
    else:
        neck = base - seen[below[0]] if len(below) else row.axes()[:, 1]
        along = neck / max(float(np.linalg.norm(neck)), 1e-9)
    ball = base + np.array([[0.34], [0.58]]) * skull * along
    ends = np.concatenate([ends, ball[None]])
    return ends, np.concatenate([radii, [[0.066 * row.size_m, 0.083 * row.size_m]]]), np.append(side, MIDDLE)


def _body(row: Row, frame: int, layout: Layout) -> tuple[Image.Image, tuple[int, int]]:
    """The shaded body as an RGBA image and where its top left corner lies in the cell."""
    ends, radii, side = _cones(row, frame)
    scale = SUPERSAMPLING * layout.pixels_per_metre
    depth = np.clip(scale * ends[..., 2:], -4.0 * SUPERSAMPLING * layout.width, 4.0 * SUPERSAMPLING * layout.width)
    spot = np.concatenate([SUPERSAMPLING * layout.to_pixels(ends), depth], axis=-1)
    radii = np.maximum(scale * radii, 0.6 * SUPERSAMPLING)
    size = np.array([layout.width, layout.height])
    low = np.clip(np.floor((spot[..., :2] - radii[..., None]).min(axis=(0, 1)) / SUPERSAMPLING), 0, size - 1).astype(int)
    high = np.clip(np.ceil((spot[..., :2] + radii[..., None]).max(axis=(0, 1)) / SUPERSAMPLING), low + 1, size).astype(int)
    spot[..., :2] -= SUPERSAMPLING * low
    columns, lines = (SUPERSAMPLING * (high - low)).tolist()

    near = np.full((lines, columns), -np.inf, dtype=np.float32)
    normal = np.zeros((3, lines, columns), dtype=np.float32)
    part = np.zeros((lines, columns), dtype=np.int8)
    for cone_spot, cone_radii, cone_side in zip(spot.astype(np.float32), radii.astype(np.float32), side, strict=True):
        _cover(cone_spot, cone_radii, int(cone_side), near, normal, part)

    covered = np.isfinite(near)
    near = np.where(covered, near, 0.0) / np.float32(scale)
    palette = np.array([SIDE_COLOUR[s] for s in (MIDDLE, LEFT, RIGHT)], dtype=np.float32)
    colour = palette[part]
    lit = 0.5 + 0.5 * np.tensordot(LIGHT / np.linalg.norm(LIGHT), normal, axes=1)
    # the rim is darkened, since otherwise two limbs of one colour melt together where they cross
    shade = (0.66 + 0.48 * lit**1.5) * (0.72 + 0.28 * np.sqrt(normal[2]))
    colour = colour * shade[..., None]
    gloss = np.clip(lit - 0.9, 0.0, None)[..., None] * np.float32(2.2)
    far = np.clip(0.5 - near / np.float32(0.8 * row.size_m), 0.0, 1.0)[..., None] * np.float32(0.30)
    colour += (255.0 - np.minimum(colour, 255.0)) * np.clip(gloss + far, 0.0, 1.0)

    lines_down = np.arange(lines, dtype=np.float32)[:, None] + np.float32(0.5 + SUPERSAMPLING * (low[1] - layout.floor))
    up = -lines_down / np.float32(scale)
    height = up * np.float32(np.cos(ELEVATION_RADIANS)) + near * np.float32(np.sin(ELEVATION_RADIANS))
    opacity = covered * (1.0 - 0.68 * np.clip(-height / SINK_M - 0.6, 0.0, 1.0))
    flat = np.concatenate([np.clip(colour, 0.0, 255.0) * opacity[..., None], 255.0 * opacity[..., None]], axis=-1)
    flat = flat.reshape(lines // SUPERSAMPLING, SUPERSAMPLING, columns // SUPERSAMPLING, SUPERSAMPLING, 4).mean(axis=(1, 3))
    flat[..., :3] *= 255.0 / np.maximum(flat[..., 3:], 1e-3)
    return Image.fromarray(np.clip(flat + 0.5, 0, 255).astype(np.uint8), "RGBA"), (int(low[0]), int(low[1]))


def _cover(spot: Array, radii: Array, side: int, near: Array, normal: Array, part: np.ndarray) -> None:
    """Put one round cone into the depth buffer.

    spot: (2, 3) pixels right, down and near; radii: (2,) pixels
    near, part: (H, W), normal: (3, H, W) right, up and near; changed in place where the cone is the nearest

    The cone is all balls from one end to the other, c(t) = a + t d with radius r(t). Above a pixel p the surface of a
    ball lies at z(t) = a_z + t d_z + sqrt(r(t)^2 - |p - c(t)|^2), which is concave in t, so its top has a closed form.
    """
    low = np.maximum(np.floor((spot[:, :2] - radii[:, None]).min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil((spot[:, :2] + radii[:, None]).max(axis=0)) + 1, near.shape[::-1]).astype(int)
    if (high <= low).any():
        return
    (ax, ay, az), (dx, dy, dz) = spot[0], spot[1] - spot[0]
    radius, growth = radii[0], radii[1] - radii[0]
    x = np.arange(low[0], high[0], dtype=np.float32)[None, :] + np.float32(0.5) - ax
    y = np.arange(low[1], high[1], dtype=np.float32)[:, None] + np.float32(0.5) - ay
    constant = radius**2 - x**2 - y**2
    linear = radius * growth + x * dx + y * dy
    # seen end on, one ball hides the other and the parabola has no top; a tiny curvature then picks the right end
    curvature = max(dx**2 + dy**2 - growth**2, np.float32(1e-3))
    most = np.maximum(constant + linear**2 / curvature, 0.0)
    t = np.clip(linear / curvature + dz * np.sqrt(most / (curvature * (curvature + dz**2))), 0.0, 1.0)
    thick = np.maximum(radius + growth * t, np.float32(1e-3))
    nx, ny = x - t * dx, y - t * dy
    inside = thick**2 - nx**2 - ny**2
    rise = np.sqrt(np.maximum(inside, 0.0))
    z = az + t * dz + rise
    window = (slice(low[1], high[1]), slice(low[0], high[0]))
    wins = (inside > 0.0) & (z > near[window])
    near[window][wins] = z[wins]
    for axis, component in enumerate((nx, -ny, rise)):
        normal[axis][window][wins] = (component / thick)[wins]
    part[window][wins] = side


def _draw_header(sheet: Image.Image, title: str, planted: bool) -> None:
    text = ImageDraw.Draw(sheet)
    middle, x = HEADER_PX // 2 + 2, sheet.width - MARGIN_PX
    entries = [("right", SIDE_COLOUR[RIGHT]), ("left", SIDE_COLOUR[LEFT])]
    for name, colour in ([("planted", PLANTED)] if planted else []) + entries:
        x -= int(text.textlength(name, font=ImageFont.load_default(size=15)))
        _draw_text(text, (x, middle), name, 15, FAINT_INK, "lm", sheet.width)
        spot = Image.new("L", (48, 48))
        ImageDraw.Draw(spot).ellipse((2, 2, 45, 45), fill=255)
        x -= 18
        sheet.paste(colour, (x, middle - 6), spot.resize((12, 12), Image.Resampling.BOX))
        x -= 18
    _draw_text(text, (MARGIN_PX + 6, middle), title, 21, INK, "lm", x - 2 * MARGIN_PX)


def _draw_card(sheet: Image.Image, box: tuple[int, int, int, int]) -> None:
    size = (box[2] - box[0], box[3] - box[1])
    mask = Image.new("L", (SUPERSAMPLING * size[0], SUPERSAMPLING * size[1]))
    ImageDraw.Draw(mask).rounded_rectangle((0, 0, mask.width - 1, mask.height - 1), radius=10 * SUPERSAMPLING, fill=255)
    sheet.paste(CARD, box[:2], mask.reduce(SUPERSAMPLING))


def _draw_text(
    pen: ImageDraw.ImageDraw, at: tuple[int, int], text: str, size: int, colour: Colour, anchor: str, room: float
) -> None:
    """One line of text, cut short with an ellipsis where it is wider than `room` pixels."""
    font = ImageFont.load_default(size=size)
    line = " ".join(text.split())
    if pen.textlength(line, font=font) > room:
        while line and pen.textlength(line + "...", font=font) > room:
            line = line[:-1]
        line += "..."
    pen.text(at, line, fill=colour, font=font, anchor=anchor)
