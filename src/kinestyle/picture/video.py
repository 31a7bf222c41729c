"""From pictures to a file: MP4 through PyAV, GIF and WebP through Pillow. Each is written whole or
not at all.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

import numpy as np

from kinestyle.errors import ClipError, MotionFileError
from kinestyle.extras import needs_extra
from kinestyle.picture.film import Film
from kinestyle.storage import replace_bytes, scratch_folder

with needs_extra("pictures", "drawing pictures"):
    from PIL import Image


class Container(NamedTuple):
    """A format of films.

    encode: the whole file of a film
    most_pixels: of all pictures together, a limit on memory, time and file size
    """

    encode: Callable[[Film], bytes]
    most_pixels: float


def write_film(film: Film, path: Path) -> None:
    """Write a film in the kind of file that the path's suffix names.

    Raises MotionFileError for an unknown suffix or a path that cannot be written to,
    MissingExtraError where PyAV is not installed, ClipError for a film that is too long.
    """
    container = container_of(path)
    pixels = film.frame_count * film.size_px[0] * film.size_px[1]
    if pixels > container.most_pixels:
        most = int(container.most_pixels / (film.size_px[0] * film.size_px[1]))
        raise ClipError(
            f"{path.name} would have {film.frame_count} pictures of {film.size_px[0]} x "
            f"{film.size_px[1]} pixels, "
            f"expected at most {most}; show less with --from and --to, or take a smaller --size "
            f"or --fps"
        )
    # a path that cannot be written is refused before the work, not after it
    if not path.parent.is_dir() or path.is_dir():
        replace_bytes(path, b"")
    replace_bytes(path, container.encode(film))


def container_of(path: Path) -> Container:
    """Raises MotionFileError for an unknown suffix."""
    try:
        return CONTAINERS[path.suffix.lower()]
    except KeyError:
        raise MotionFileError(
            f"{path.name} has the suffix {path.suffix!r}, expected {', '.join(CONTAINERS)} for a "
            f"film"
        ) from None


def _encode_mp4(film: Film) -> bytes:
    with needs_extra("video", "writing .mp4 (not .webp or .gif)"):
        import av
    with scratch_folder() as folder:
        # the index goes to the front of the file, for which it is read again: memory will not do
        path = folder / "film.mp4"
        with av.open(str(path), "w", options={"movflags": "faststart"}) as file:
            rate = Fraction(film.frame_rate).limit_denominator(1001)
            stream = file.add_stream(
                "libx264" if "libx264" in av.codecs_available else "mpeg4", rate=rate
            )
            # colours are stored for two pixels each way together
            stream.width, stream.height = (2 * -(-pixels // 2) for pixels in film.size_px)
            stream.pix_fmt = "yuv420p"
            stream.options = {"crf": "19", "preset": "veryfast"}
            for picture in film.pictures():
                even = np.pad(
                    picture,
                    ((0, picture.shape[0] % 2), (0, picture.shape[1] % 2), (0, 0)),
                    mode="edge",
                )
                file.mux(stream.encode(av.VideoFrame.from_ndarray(even, format="rgb24")))
            file.mux(stream.encode())
        return path.read_bytes()


def _encode_gif(film: Film) -> bytes:
    # one palette for the whole film, or still floors would flicker
    samples = [
        film.picture(frame)
        for frame in np.unique(np.linspace(0, film.frame_count - 1, 6).astype(int)).tolist()
    ]
    palette = Image.fromarray(np.concatenate(samples)).quantize(
        255, method=Image.Quantize.MEDIANCUT
    )
    pictures = (
        Image.fromarray(p).quantize(palette=palette, dither=Image.Dither.NONE)
        for p in film.pictures()
    )
    return _encode(film, pictures, "GIF", 10, optimize=False, disposal=1)


def _encode_webp(film: Film) -> bytes:
    return _encode(film, map(Image.fromarray, film.pictures()), "WEBP", 1, quality=82, method=3)


def _encode(
    film: Film,
    pictures: Iterator[Image.Image],
    kind: str,
    tick_milliseconds: int,
    **options: object,
) -> bytes:
    """An endless loop. Durations are whole ticks whose sum is the film's, to one tick."""
    ends = (
        np.round((np.arange(film.frame_count) + 1.0) / film.frame_rate * 1000.0 / tick_milliseconds)
        * tick_milliseconds
    )
    durations = np.maximum(np.diff(ends, prepend=0.0), tick_milliseconds).astype(int).tolist()
    file = io.BytesIO()
    frames = _Frames(pictures, film.frame_count)
    frames.save(file, format=kind, save_all=True, duration=durations, loop=0, **options)
    return file.getvalue()


class _Frames(Image.Image):
    """An image of many frames for Pillow, of which one is in memory at a time."""

    def __init__(self, pictures: Iterator[Image.Image], frame_count: int):
        super().__init__()
        self.n_frames = frame_count
        self._pictures, self._at = pictures, -1
        self.seek(0)

    def tell(self) -> int:
        return self._at

    def seek(self, frame: int) -> None:
        if frame >= self.n_frames:
            raise EOFError
        # at the end a writer seeks the first frame again, and needs nothing of it
        while self._at < frame:
            picture = next(self._pictures)
            self._at += 1
            self.im, self._mode, self._size, self.palette = (
                picture.im,
                picture.mode,
                picture.size,
                picture.palette,
            )


CONTAINERS: dict[str, Container] = {
    ".mp4": Container(_encode_mp4, 8e9),
    ".gif": Container(_encode_gif, 4e8),
    ".webp": Container(_encode_webp, 4e8),
}
"""By lower-case suffix."""
