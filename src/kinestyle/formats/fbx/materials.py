"""The materials of a binary file of FBX 7, as far as they are shown: a colour, and an image that is
in the file.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kinestyle.formats.character_mesh import Images, Material
from kinestyle.formats.fbx.objects import Objects

_PLAIN = Material()
_CUTOFF = 0.35


class Materials:
    """Those that are used, in the order of their first use."""

    def __init__(self, objects: Objects) -> None:
        self.objects = objects
        self.images = Images()
        self._rows: list[Material] = []
        self._numbers: dict[int | None, int] = {}

    @property
    def rows(self) -> tuple[Material, ...]:
        """Where all are black their images were lost: they are grey."""
        if any(row.image >= 0 or any(row.colour[:3]) for row in self._rows):
            return tuple(self._rows)
        return tuple(replace(row, colour=_PLAIN.colour) for row in self._rows)

    def number(self, identity: int | None) -> int:
        """The number of a material; None for what has none."""
        if identity not in self._numbers:
            self._numbers[identity] = len(self._rows)
            self._rows.append(_PLAIN if identity is None else self._read(identity))
        return self._numbers[identity]

    def has_image(self, material: int) -> bool:
        return self._rows[material].image >= 0

    def _read(self, identity: int) -> Material:
        image = self._image(identity, ("diffuse", "basecolor", "base_color"))
        red, green, blue = 1.0, 1.0, 1.0
        if image < 0:
            red, green, blue = self._colour(identity)
        if image >= 0 and self._image(identity, ("transparen",)) == image:
            return replace(
                _PLAIN, colour=(1.0, 1.0, 1.0, 1.0), image=image, alpha="mask", cutoff=_CUTOFF
            )
        opacity = self.objects.property(identity, "Opacity")
        clear = opacity[0] if opacity and isinstance(opacity[0], float) else 1.0
        # zero is what some programs write for no transparency
        is_clear = 0.0 < clear < 1.0
        return replace(
            _PLAIN,
            colour=(red, green, blue, clear if is_clear else 1.0),
            image=image,
            alpha="blend" if is_clear else "opaque",
        )

    def _colour(self, identity: int) -> tuple[float, float, float]:
        for name in ("DiffuseColor", "Diffuse"):
            values = self.objects.property(identity, name)
            if len(values) == 3 and all(isinstance(value, float) for value in values):
                red, green, blue = np.clip(np.nan_to_num(np.array(values, float)), 0, 1).tolist()
                return red, green, blue
        return _PLAIN.colour[:3]

    def _image(self, identity: int, words: tuple[str, ...]) -> int:
        """The image of the texture that is connected to a property whose name holds a word."""
        for link in self.objects.into.get(identity, []):
            is_meant = any(word in link.channel.lower() for word in words)
            if not is_meant or self.objects.kind(link.child) != "Texture":
                continue
            videos = self.objects.below(link.child, "Video")
            content = self.objects.by_number[videos[0]].find("Content") if videos else None
            values = content.decoded() if content is not None and content.count == 1 else []
            data = values[0] if values and isinstance(values[0], bytes) else None
            return self.images.number(videos[0] if videos else link.child, data)
        return -1
