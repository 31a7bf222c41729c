"""A coverage-guided fuzzer for the readers of motion files, on atheris. `scripts/fuzz` runs it.

    fuzz_readers.py READER SECONDS

It begins with the files of tests/files and what the project writes itself, and keeps what it learns
in build/fuzz/READER. For each input it asserts:

- the reader returns a clip or raises MotionFileError, with one sentence, and nothing else;
- it takes at most CPU_SECONDS and as much again for each CPU_BYTES of input;
- it never holds more than BASE_BYTES, BYTES_PER_BYTE for each byte of input, and BYTES_PER_JOINT
  for each joint of each frame that it returns, by Python's and numpy's own accounts;
- what it returns is finite, and where the format is written too, writing it and reading that gives
as many frames and joints.

The first input that breaks one of these ends the run and is kept in build/fuzz/READER-findings.
"""

from __future__ import annotations

import io
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["kinestyle"]):
    import numpy as np

    from kinestyle.errors import MotionFileError
    from kinestyle.formats.arrays import format_arrays, parse_npy, parse_npz
    from kinestyle.formats.asf_amc import parse_amc, parse_asf
    from kinestyle.formats.bvh import format_bvh, parse_bvh
    from kinestyle.formats.fbx import format_fbx, parse_fbx
    from kinestyle.formats.gltf import format_gltf, parse_gltf
    from kinestyle.formats.gltf.meshopt import decode_view
    from kinestyle.formats.gltf.vrm_animation import vrm_animation
    from kinestyle.json_object import JsonObject
    from kinestyle.motion import rotation
    from kinestyle.motion.canonical import CANONICAL
    from kinestyle.motion.clip import Clip

from made_gltf import character
from made_meshopt import compressed, encoded
from made_rigs import as_rig, walk

ROOT = Path(__file__).resolve().parents[1]
FILES = ROOT / "tests" / "files"
CPU_SECONDS, CPU_BYTES = 4.0, 2**16
BASE_BYTES, BYTES_PER_BYTE, BYTES_PER_JOINT = 32 * 2**20, 512, 1024
FILTERS = ("NONE", "QUATERNION", "EXPONENTIAL", "OCTAHEDRAL")
RIG = FILES / "asf_amc" / "valid_amc" / "plain.asf"


def made_clip(frames: int = 5) -> Clip:
    """A little motion of the canonical skeleton."""
    turn = np.linspace(0.0, 1.0, frames * CANONICAL.joint_count * 3).reshape(frames, -1, 3)
    position = np.array(np.broadcast_to(CANONICAL.offsets, turn.shape))
    return Clip(CANONICAL, position, rotation.exp(turn), 1 / 30)


def written(
    data: bytes,
    parse: Callable[[bytes, str], Clip],
    write: Callable[[Clip, str], tuple[bytes, object]],
) -> Clip:
    """Read, written and read again."""
    clip = parse(data, "fuzz")
    again = parse(write(clip, "fuzz")[0], "again")
    assert again.frame_count == clip.frame_count, (
        f"{clip.frame_count} frames became {again.frame_count}"
    )
    assert again.skeleton.joint_count == clip.skeleton.joint_count, "the joints became others"
    return clip


def amc(data: bytes) -> Clip:
    return parse_amc(data, "fuzz", parse_asf(RIG.read_bytes(), "rig"))


def meshopt(data: bytes) -> None:
    """A compressed view: its filter, its stride and its number of rows in front, then its bytes."""
    if len(data) < 4:
        return
    kind, stride = FILTERS[data[0] % len(FILTERS)], 4 * (data[1] % 64 + 1)
    count = min(int.from_bytes(data[2:4], "little") + 1, 64 * len(data) // stride + 1)
    of = JsonObject("fuzz", "bufferViews[0]", {}, MotionFileError)
    rows = decode_view(data[4:], "ATTRIBUTES", kind, count, stride, of)
    assert len(rows) == count * stride, "the view has another size"


def asf(data: bytes) -> None:
    parse_asf(data, "fuzz")


READERS: dict[str, Callable[[bytes], Clip | None]] = {
    "bvh": lambda data: written(data, parse_bvh, format_bvh),
    "asf": asf,
    "amc": amc,
    "glb": lambda data: written(data, parse_gltf, format_gltf),
    "gltf": lambda data: parse_gltf(data, "fuzz"),
    "meshopt": meshopt,
    "fbx": lambda data: parse_fbx(data, "fuzz"),
    "npy": lambda data: written(data, parse_npy, lambda clip, _: format_arrays(clip, "a.npy")),
    "npz": lambda data: written(data, parse_npz, lambda clip, _: format_arrays(clip, "a.npz")),
}


def seeds(reader: str) -> Iterator[bytes]:
    """Whole files to begin with."""
    for path in sorted(FILES.rglob(f"*.{reader}")):
        yield path.read_bytes()
    clip = made_clip()
    if reader in ("glb", "gltf"):
        yield format_gltf(clip, f"clip.{reader}")[0]
    if reader == "glb":
        yield vrm_animation(clip, "clip.vrma")[0].to_bytes(True)
        yield compressed(character(as_rig(walk(0.2).clip)))
    if reader == "meshopt":
        for kind in range(len(FILTERS)):
            for words in (1, 2, 4):
                rows = np.arange(40 * 4 * words).reshape(40, -1) ** (kind + 1) % 251
                head = bytes([kind, words - 1]) + (39).to_bytes(2, "little")
                yield head + encoded(rows.astype(np.uint8))
    if reader == "fbx":
        yield format_fbx(clip, "clip.fbx")[0]
    if reader == "npy":
        for shape in ((3, 22, 3), (2, 263)):
            for dtype in ("<f4", ">f8"):
                file = io.BytesIO()
                np.save(
                    file, np.linspace(0.0, 1.0, int(np.prod(shape))).reshape(shape).astype(dtype)
                )
                yield file.getvalue()
    if reader == "npz":
        poses, path = np.zeros((3, 156)), np.zeros((3, 3))
        whole = {"posed_joints": np.ones((2, 22, 3)), "global_rot_mats": np.ones((2, 22, 3, 3))}
        for arrays in (
            {"poses": poses, "trans": path, "mocap_framerate": np.array(30.0)},
            {"global_orient": path, "body_pose": poses[:, :63], "transl": path},
            whole,
        ):
            for save in (np.savez, np.savez_compressed):
                file = io.BytesIO()
                save(file, **arrays)
                yield file.getvalue()


def check(reader: str, data: bytes) -> None:
    """Raise AssertionError where the reader breaks one of its promises."""
    tracemalloc.reset_peak()
    before, _ = tracemalloc.get_traced_memory()
    began = time.process_time()
    clip, message = None, ""
    try:
        clip = READERS[reader](data)
    except MotionFileError as error:
        message = str(error)
    seconds = time.process_time() - began
    _, peak = tracemalloc.get_traced_memory()
    assert "\n" not in message, f"the message has several lines: {message}"
    assert len(message) < 1000, f"the message is {len(message)} characters long"
    if clip is not None:
        assert np.isfinite(clip.local_position).all(), "a position is not finite"
        assert np.isfinite(clip.local_rotation).all(), "a rotation is not finite"
    limit = CPU_SECONDS * (1.0 + len(data) / CPU_BYTES)
    assert seconds <= limit, f"{len(data)} bytes took {seconds:.1f} s, more than {limit:.1f} s"
    joints = (
        clip.local_rotation[..., 0].size if clip is not None and reader not in ("bvh", "amc") else 0
    )
    allowed = BASE_BYTES + BYTES_PER_BYTE * len(data) + BYTES_PER_JOINT * joints
    assert peak - before <= allowed, (
        f"{len(data)} bytes took {peak - before} bytes of memory, more than {allowed}"
    )


def main() -> None:
    reader, seconds = sys.argv[1], int(sys.argv[2])
    if reader not in READERS:
        sys.exit(f"no reader is named {reader!r}, expected one of {', '.join(READERS)}")
    corpus, findings = (
        ROOT / "build" / "fuzz" / reader,
        ROOT / "build" / "fuzz" / f"{reader}-findings",
    )
    for folder in (corpus, findings):
        folder.mkdir(parents=True, exist_ok=True)
    for i, data in enumerate(seeds(reader)):
        (corpus / f"seed-{i:03d}").write_bytes(data)
    tracemalloc.start()
    options = [
        f"-max_total_time={seconds}",
        f"-dict={FILES / 'keywords.dict'}",
        f"-artifact_prefix={findings}/",
        "-timeout=120",
    ]
    options += [
        "-max_len=65536",
        "-rss_limit_mb=4096",
        "-report_slow_units=60",
        "-print_final_stats=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], lambda data: check(reader, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
