"""Reading AMC: the motion of a skeleton from an ASF file beside it."""

from __future__ import annotations

import re
from array import array
from pathlib import Path

import numpy as np

from kinestyle.errors import MotionFileError
from kinestyle.formats.asf_amc.asf import AsfRig, parse_asf
from kinestyle.formats.asf_amc.lines import Lines
from kinestyle.formats.limits import MAX_FILE_BYTES, MAX_FRAMES, joint_frame_limit
from kinestyle.formats.text_files import decode_text, quoted
from kinestyle.motion import rotation
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.storage import name_of, read_bytes

USUAL_FRAME_RATE = 120.0
"""Frames a second of HDM05 and nearly all of CMU: most files do not state theirs."""
_FRAME_RATES = (1.0, 10000.0)
_NAMED_RATE = re.compile(r"_[0-9]{3}_([1-9][0-9]{1,2})\Z")
"""HDM05's names end in the take's number and the frame rate: "_001_120"."""


def read_amc(path: str | Path) -> Clip:
    """The clip in an AMC file, in its own units and axes, on the skeleton of the ASF file that
    `find_asf` finds.

    Raises MotionFileError for a file that cannot be read or is not sound AMC, and where there is no
    ASF file or more than one could be meant.
    """
    path = Path(path)
    data = read_bytes(path, MAX_FILE_BYTES)
    asf = find_asf(path)
    return parse_amc(data, name_of(path), parse_asf(read_bytes(asf, MAX_FILE_BYTES), name_of(asf)))


def find_asf(amc: Path) -> Path:
    """The skeleton of an AMC file: the ASF file beside it with whose name the AMC file's begins
    (HDM_bd.asf for HDM_bd_hop_001.amc, the longest such name), or the only ASF file there.

    Raises MotionFileError.
    """
    try:
        beside = sorted(path for path in amc.parent.iterdir() if path.suffix.lower() == ".asf")
    except OSError as error:
        raise MotionFileError(
            f"the folder of {amc.name} cannot be searched for its skeleton: "
            f"{error.strerror or error}"
        ) from error
    fitting = [
        path
        for path in beside
        if re.match(re.escape(path.stem) + r"([_\-. ]|\Z)", amc.stem, re.IGNORECASE)
    ]
    longest = max((len(path.stem) for path in fitting), default=0)
    found = [path for path in fitting if len(path.stem) == longest] or beside
    if not found:
        raise MotionFileError(
            f"{amc.name} has no skeleton: found no .asf file beside it, expected one, such as "
            f"{amc.stem.split('_')[0]}.asf"
        )
    if len(found) > 1:
        several = ", ".join(path.name for path in found[:4]) + (
            " and more" if len(found) > 4 else ""
        )
        raise MotionFileError(
            f"{amc.name} has no clear skeleton: found {several} beside it, expected one whose "
            f"name begins that of the motion, such as {amc.stem}.asf"
        )
    return found[0]


def parse_amc(data: bytes, name: str, rig: AsfRig) -> Clip:
    """data: the bytes of an AMC file; name: what messages call it -> the clip on `rig`, named after
    `name` without its suffix.

    Raises MotionFileError with one sentence that says where, what was found and what was expected.
    """
    text, _, _ = decode_text(data, name, "AMC", ":FULLY-SPECIFIED")
    lines = Lines(text, name)
    warnings = [*rig.warnings]
    radians_per_angle, frame_rate = rig.radians_per_angle, 0.0
    while lines.next() and lines.keyword.startswith(":"):
        if lines.keyword == ":degrees":
            radians_per_angle = np.pi / 180.0
        elif lines.keyword == ":radians":
            radians_per_angle = 1.0
        elif lines.keyword == ":samples-per-second":
            frame_rate = lines.numbers("the frame rate", 1)[0]
            if not _FRAME_RATES[0] <= frame_rate <= _FRAME_RATES[1]:
                lines.refuse(
                    1, f"a frame rate from {_FRAME_RATES[0]:g} to {_FRAME_RATES[1]:g} a second"
                )
        elif lines.keyword != ":fully-specified":
            warnings.append(
                f"{name}, line {lines.number}: {quoted(lines.words[0])} is not known and was "
                f"passed over"
            )
    values = _parse_frames(lines, rig, joint_frame_limit(len(data)))
    if not frame_rate:
        named = _NAMED_RATE.search(Path(name).stem)
        frame_rate = float(named.group(1)) if named else USUAL_FRAME_RATE
        if not named:
            warnings.append(
                f"{name} does not say its frame rate; the usual {USUAL_FRAME_RATE:g} frames a "
                f"second were taken"
            )
    local_position, local_rotation = _decode(rig, values, radians_per_angle)
    return Clip(
        rig.skeleton,
        local_position,
        local_rotation,
        1.0 / frame_rate,
        Path(name).stem,
        warnings=tuple(warnings),
    )


def _parse_frames(lines: Lines, rig: AsfRig, joint_frames: int) -> Array:
    """From the first frame's number to the end of the file -> (T, C) numbers as in the file, the
    columns in the rig's order.

    joint_frames: the most frames times joints to read
    """
    names, joints = rig.skeleton.names, rig.joints
    counts = [len(channels) for channels in rig.channels]
    firsts = np.concatenate([[0], np.cumsum(counts)]).tolist()
    moved = {joint for joint, count in enumerate(counts) if count}
    frame_limit = min(MAX_FRAMES, joint_frames // len(names))
    values = array("d")
    frame_count = first_frame = 0
    if not lines.words:
        lines.refuse(0, "the number of the first frame")
    while lines.words:
        if not re.fullmatch("[0-9]{1,9}", lines.words[0]):
            lines.refuse(0, "the number of a frame")
        lines.end_of_line(1, "the number of a frame")
        frame = int(lines.words[0])
        first_frame = first_frame if frame_count else frame
        if frame != first_frame + frame_count:
            lines.refuse(0, f"frame {first_frame + frame_count}, the one after the last")
        if frame_count == frame_limit:
            lines.refuse(0, f"at most {frame_limit} frames of {len(names)} joints")
        row = [0.0] * firsts[-1]
        missing = set(moved)
        while lines.next() and not lines.words[0][0].isdigit():
            joint = joints.get(lines.keyword)
            if joint is None:
                lines.refuse(0, f"a bone of {rig.name}; is that the skeleton of this motion?")
            if joint not in missing:
                wanted = (
                    f"each bone once in frame {frame}"
                    if counts[joint]
                    else f"no values for a bone that {rig.name} holds still"
                )
                lines.refuse(0, wanted)
            missing.remove(joint)
            row[firsts[joint] : firsts[joint + 1]] = lines.numbers(names[joint], counts[joint])
        if missing:
            lines.refuse(
                0, f"{quoted(names[min(missing)])} within frame {frame}; the file is incomplete"
            )
        values.extend(row)
        frame_count += 1
    return np.array(values).reshape(frame_count, firsts[-1])


def _decode(rig: AsfRig, values: Array, radians_per_angle: float) -> tuple[Array, Array]:
    """values: (T, C) -> local positions (T, J, 3) in the file's unit, local rotations (T, J, 4)
    wxyz.
    """
    skeleton = rig.skeleton
    local_position = np.array(
        np.broadcast_to(skeleton.offsets, (len(values), skeleton.joint_count, 3))
    )
    local_rotation = np.array(
        np.broadcast_to(rotation.IDENTITY, (len(values), skeleton.joint_count, 4))
    )
    column = 0
    for joint, channels in enumerate(rig.channels):
        columns = dict(zip(channels, range(column, column + len(channels)), strict=True))
        column += len(channels)
        for i, channel in enumerate(("tx", "ty", "tz")):
            if channel in columns:
                local_position[:, joint, i] = values[:, columns[channel]]
        # the first rotation about fixed axes is the innermost of intrinsic ones
        rotations = [channel for channel in reversed(channels) if channel[0] == "r"]
        if rotations:
            angles = values[:, [columns[channel] for channel in rotations]] * radians_per_angle
            own = rotation.from_euler(angles, "".join(c[1] for c in rotations).upper())
            axes = rig.axes[joint]
            local_rotation[:, joint] = rotation.multiply(
                rotation.multiply(axes, own), rotation.inverse(axes)
            )
    return local_position, local_rotation
