"""The features of a corpus on the device that computes with them. Batches are cut there: what goes
to the device in a step are the numbers of frames, and nothing waits for it.

On the processor the corpus stays where it is, a file that is mapped into memory.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from kinestyle.learn.data.corpus import Corpus, Crop, Entry
from kinestyle.motion.rotation import Array
from kinestyle.retarget.features import LAYOUT, mirror_features

CPU = torch.device("cpu")
CLIPS_AT_ONCE = 32
"""Of one length, in `DeviceCorpus.clips`."""

_VELOCITIES = ("root_yaw_velocity", "root_xz_velocity", "joint_velocity")


class DeviceCorpus:
    """Features (N, 260) float32 of a corpus, on the processor until they are moved."""

    def __init__(self, corpus: Corpus):
        self.corpus = corpus
        self.to(CPU)

    def to(self, device: torch.device) -> None:
        """Move the features. On the processor they are those of the corpus itself."""
        self.device = device
        self.features = torch.from_numpy(self.corpus.features).to(device)
        # which feature a mirror shows in the place of each, and with which sign
        order = np.abs(mirror_features(np.arange(1.0, LAYOUT.size + 1))) - 1.0
        sign = mirror_features(np.ones(LAYOUT.size, np.float32))
        self.mirror_order = torch.from_numpy(order.astype(np.int64)).to(device)
        self.mirror_sign = torch.from_numpy(sign).to(device)
        velocities = np.isin(np.arange(LAYOUT.size), LAYOUT.only(*_VELOCITIES))
        self.is_velocity = torch.from_numpy(velocities).to(device)

    def send(self, numbers: Sequence[object] | np.ndarray) -> Tensor:
        """Numbers of the host as a tensor on the device, which nobody waits for."""
        here = torch.as_tensor(numbers, device=CPU)
        if self.device.type == "cuda":
            here = here.pin_memory()
        return here.to(self.device, non_blocking=True)

    def cut(self, crops: Sequence[Crop], frames: int) -> Tensor:
        """(n, frames, 260) of n crops, as `CropSampler.crop` gives each: the last frame repeated
        without velocity where there are too few, in a mirror where it says so.
        """
        first, last = self.send([(crop.start, crop.stop - 1) for crop in crops]).unbind(dim=1)
        at = first[:, None] + torch.arange(frames, device=self.device)
        padded = (at > last[:, None])[..., None]
        rows = self.features[torch.minimum(at, last[:, None])]
        rows = rows.masked_fill(padded & self.is_velocity, 0.0)
        return self.mirrored(rows, [crop.mirror for crop in crops])

    def mirrored(self, rows: Tensor, mirror: Sequence[bool]) -> Tensor:
        """rows: (n, T, 260), mirror: n -> the same, those in a mirror that are to be."""
        if not any(mirror):
            return rows
        seen = rows.index_select(-1, self.mirror_order) * self.mirror_sign
        return torch.where(self.send(mirror)[:, None, None], seen, rows)

    def between(self, at: Array) -> Tensor:
        """at: (n, T) frames of the corpus, between two of them as well, not a number where there is
        none -> (n, T, 260), zeros there.
        """
        known = np.isfinite(at)
        low = np.where(known, np.floor(at), 0).astype(np.int64)
        high = np.minimum(low + 1, len(self.corpus.features) - 1)
        weight = self.send(np.where(known, at - low, 0.0).astype(np.float32))[..., None]
        low_rows, high_rows = (self.features[self.send(rows)] for rows in (low, high))
        between = low_rows * (1.0 - weight) + high_rows * weight
        return between.masked_fill(~self.send(known)[..., None], 0.0)

    def clips(self, entries: Sequence[Entry], multiple: int) -> Iterator[tuple[list[int], Tensor]]:
        """Whole clips, cut to a multiple of so many frames, those of one length together: their
        positions among `entries`, and (n, T, 260). Nothing is padded, so that each gives what it
        gives by itself. Clips of fewer frames are left out.
        """
        by_length: dict[int, list[int]] = {}
        for i, entry in enumerate(entries):
            by_length.setdefault(entry.frame_count // multiple * multiple, []).append(i)
        by_length.pop(0, None)
        for frames, found in sorted(by_length.items()):
            for i in range(0, len(found), CLIPS_AT_ONCE):
                some = found[i : i + CLIPS_AT_ONCE]
                crops = [Crop(entries[j].start, entries[j].start + frames, False) for j in some]
                yield some, self.cut(crops, frames)
