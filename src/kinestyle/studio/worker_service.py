"""What a worker does with clips: it reads, restyles and writes them, and keeps their analyses."""

from __future__ import annotations

import tempfile
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

from kinestyle.bundle import GRAPHS, Style
from kinestyle.formats.meshes import holds_mesh, mesh_of
from kinestyle.formats.reading import AS_IT_IS, Reading
from kinestyle.formats.table import read_as, write_motion
from kinestyle.inspection.report import Inspection
from kinestyle.motion.clip import Clip
from kinestyle.motion.rotation import Array
from kinestyle.motion.warp import warped_again
from kinestyle.motion.window import Motion, Window
from kinestyle.note import as_dict, reworded
from kinestyle.retarget.correspondence import Correspondence
from kinestyle.retarget.travel import end_distance_m
from kinestyle.rig.presets import preset
from kinestyle.rig.rig_file import Rig, parse_rig
from kinestyle.runtime.analysis import Analysis
from kinestyle.runtime.cue import Cue
from kinestyle.runtime.edits import edit_base, plan_edit
from kinestyle.runtime.reference import StyleCode
from kinestyle.runtime.settings import CycleMode, Settings
from kinestyle.runtime.style_files import parse_style
from kinestyle.runtime.stylizer import Stylizer, bundle_for
from kinestyle.runtime.takes import choose_takes
from kinestyle.studio.clip_state import pack_state, put_state
from kinestyle.studio.clip_store import StatedRig
from kinestyle.studio.error_responses import LimitError
from kinestyle.studio.learning import facts_of_style, learn
from kinestyle.studio.mesh_packing import pack_mesh
from kinestyle.studio.motion_packing import pack_motion
from kinestyle.studio.parts_first import PREVIEW_SECONDS, cut_around
from kinestyle.studio.warm_clips import AnalysedPart, WarmClip, WarmClips
from kinestyle.studio.wire import Message

STEM = "kinestyle-upload"
"""What every file is called while it is read or written: a client's names never touch the disk."""

Progress = Callable[[str, float], None]
"""Called with what is done and how much of a job is; what it raises ends the job."""
Share = Callable[[float], None]


def stage(progress: Progress, name: str, start: float, stop: float) -> Share:
    """The progress of one stage of a job, which is from `start` to `stop` of the whole."""
    progress(name, start)
    return lambda share: progress(name, start + share * (stop - start))


class Sent(NamedTuple):
    """A clip as the server sends it along.

    name: the client's; files: (ending, bytes), the first is the one to read; state: the motion of a
    result that is to be put in; rig, reading: what the client says of the joints and of the file
    """

    name: str
    files: tuple[tuple[str, bytes], ...]
    state: bytes | None
    rig: StatedRig | None = None
    reading: Reading = AS_IT_IS


class MissingError(Exception):
    """Clips that the worker does not have (any more): the server sends them and asks again."""

    def __init__(self, keys: Sequence[str]):
        self.keys = list(keys)


class WorkerService:
    """Works on clips known by their keys.

    config: the fields of StudioConfig; folder: where files are while they are read and written
    """

    def __init__(self, config: dict[str, Any], folder: Path):
        self.config, self.folder = config, folder
        self._stylizers: dict[str, Stylizer] = {}
        self._clips = WarmClips(config["warm_clips"], config["warm_joint_frames"])
        self._style_files: OrderedDict[str, bytes] = OrderedDict()

    def warm_up(self) -> None:
        """Load the networks before the first clip comes."""
        for graph in GRAPHS:
            self._stylizer("").graphs.session(graph)

    def work(self, head: dict[str, Any], blobs: Sequence[bytes], progress: Progress) -> Message:
        """Do what the message says. Raises KinestyleError for what is wrong with the clip or the
        request, MissingError.
        """
        given = dict(_unpacked(head.get("clips", []), blobs))
        styles = set(head.get("styles", {}).values())
        for key in styles & given.keys():
            self._keep_style(key, given[key].files[0][1])
        missing_styles = [key for key in styles if key not in self._style_files]
        head = head | {"keys": [key for key in head["keys"] if key not in styles]}
        found = {key: self._clips[key] for key in head["keys"] if key in self._clips}
        missing = [key for key in head["keys"] if key not in found and key not in given]
        if missing or missing_styles:
            raise MissingError([*missing, *missing_styles])
        clips = []
        for key in head["keys"]:
            if key not in found:
                progress("reading", 0.1)
                # what is wrong with the rig is said before the clip is read
                rig = _known(given[key].rig)
                clip, moments = self._read(given[key], head["allow_heavy"])
                found[key] = WarmClip(clip, rig, moments)
            self._clips.keep(key, found[key])
            clips.append(found[key])
        work = {
            "read": self._facts,
            "stylize": self._stylize,
            "part": self._stylize_part,
            "takes": self._choose_takes,
            "mesh": self._mesh,
            "preview": self._preview,
            "write": self._write,
            "style": self._style_facts,
            "learn": self._learn,
        }[head["work"]]
        return work(clips, head, progress)

    def _stylizer(self, bundle: str) -> Stylizer:
        if bundle not in self._stylizers:
            self._stylizers[bundle] = Stylizer.load(
                bundle or self.config["bundle"], self.config["styles"]
            )
        return self._stylizers[bundle]

    def _analysis(
        self,
        cached: WarmClip,
        progress: Share,
        bundle: str = "",
        cycle: CycleMode = "auto",
    ) -> Analysis[Clip]:
        wanted = bundle, cycle
        if wanted not in cached.analyses:
            known = next(iter(cached.analyses.values()), None)
            correspondence = None if known is None else known.correspondence
            cached.analyses[wanted] = self._stylizer(bundle).analyse(
                cached.clip, correspondence, cached.rig, progress, cycle
            )
        return cached.analyses[wanted]

    def _part(
        self,
        cached: WarmClip,
        frames: Window,
        bundle: str,
        progress: Share,
        known: AnalysedPart | None,
    ) -> AnalysedPart:
        """Some frames, analysed by themselves, on the body that the clip shows. known: is returned
        where it is that
        """
        key = bundle, frames.first, frames.last
        if known is None or known.key != key:
            whole = next(iter(cached.analyses.values()), None)
            if whole is None:  # the worker is a new one
                whole = self._analysis(cached, progress, bundle)
            analysis = self._stylizer(bundle).analyse(
                cached.clip.window(frames.first, frames.last), whole.correspondence, cycle="no"
            )
            known = AnalysedPart(key, analysis)
        return known

    def _reference_style(self, cached: WarmClip, bundle: str) -> Style:
        if bundle not in cached.styles:
            cached.styles[bundle] = self._stylizer(bundle).reference_style(
                cached.clip, rig=cached.rig
            )
        return cached.styles[bundle]

    def _read(self, sent: Sent, allow_heavy: bool) -> tuple[Clip, Array | None]:
        """The clip that was sent, and its moments, see `WarmClip`. Raises HeavyError for a heavy
        one, unless that is allowed.
        """
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            paths = [Path(folder) / f"{STEM}{ending}" for ending, _ in sent.files]
            for path, (_, data) in zip(paths, sent.files, strict=True):
                path.write_bytes(data)
            clip = read_as(paths[0], sent.reading)
            clip = replace(clip, name=Path(sent.name).stem)
        self._check_size(clip, sent.name, allow_heavy)
        clip = replace(
            clip, warnings=tuple(_called(warning, clip.name) for warning in clip.warnings)
        )
        return (clip, None) if sent.state is None else put_state(clip, sent.state)

    def _check_size(self, clip: Clip, name: str, allow_heavy: bool) -> None:
        found = {
            "max_frames": (clip.frame_count, "frames"),
            "max_joints": (clip.skeleton.joint_count, "joints"),
            "max_joint_frames": (
                clip.frame_count * clip.skeleton.joint_count,
                "frames times joints",
            ),
            "max_clip_seconds": (clip.duration_seconds, "seconds"),
        }
        for limit, (size, unit) in found.items():
            allowed = self.config[limit]
            if size > allowed:
                raise LimitError(
                    f"{name} has {size:.10g} {unit}, more than the limit of {allowed:g}; cut it "
                    f"into shorter clips"
                )
        if (
            not allow_heavy
            and clip.frame_count * clip.skeleton.joint_count > self.config["heavy_joint_frames"]
        ):
            raise HeavyError

    def _facts(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """What an upload is: facts and motion."""
        cached = clips[0]
        analysis = self._analysis(cached, stage(progress, "analysing", 0.3, 0.9))
        motion = pack_motion(
            cached.clip,
            analysis.correspondence,
            analysis.contact,
            rotations=holds_mesh(cached.clip),
        )
        facts = facts_of_clip(cached.clip, analysis)
        return Message({"facts": facts | {"holds_mesh": holds_mesh(cached.clip)}}, (motion,))

    def _mesh(self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress) -> Message:
        """What a clip's file shows of its character; nothing where that is nothing."""
        progress("reading", 0.5)
        mesh = mesh_of(clips[0].clip)
        return Message({}, (b"" if mesh is None else pack_mesh(mesh),))

    def _stylize(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """The first clip in the style that the cue asks for; the other clips are its references."""
        cached, settings = clips[0], Settings(**head["settings"])
        bundle, code = self._code(clips, head, settings)
        stylizer = self._stylizer(bundle)
        analysed = stage(progress, "analysing", 0.0, 0.3)
        analysis = self._analysis(cached, analysed, bundle, settings.cycle)
        restyled = stage(progress, "restyling", 0.3, 0.9)
        # the clip in the style's time, which `apply` finds again
        timed = stylizer.in_time(analysis, code, settings, stage(progress, "restyling", 0.3, 0.3))
        moments = cached.moments
        if timed.moments is not None:
            moments = warped_again(cached.moments, timed.moments)
        plan = plan_edit(timed.clip, settings, timed.moments)
        if plan.changes(timed.clip.frame_count):
            moments = warped_again(moments, plan.moments)
        result = stylizer.apply(analysis, code, settings, restyled)
        name = Path(head["name"]).stem
        # a further animation is called as its file
        is_further = result.animation != cached.clip.animation
        result = replace(result, name=name, animation=name if is_further else result.animation)
        self._clips.keep(head["result"], WarmClip(result, cached.rig, moments, is_result=True))
        notes = (*code.notes, *analysis.own_domain.notes(settings))
        facts = facts_of(result, analysis.correspondence, notes)
        before = edit_base(timed.clip, plan, analysis.correspondence)
        apart = end_distance_m(before, result, analysis.correspondence)
        facts["end_distance_m"] = round(apart, 3)
        facts["holds_mesh"] = holds_mesh(cached.clip)
        state = pack_state(result, moments)
        motion = pack_motion(result, analysis.correspondence, rotations=holds_mesh(cached.clip))
        return Message({"facts": facts}, (state, motion))

    def _stylize_part(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """What `_stylize` makes, of the seconds around a moment of the first clip only, nearly: the
        style that the clip has and where it comes from are taken from these seconds alone.
        """
        cached, settings = clips[0], Settings(**head["settings"])
        bundle, code = self._code(clips, head, settings)
        frames = cut_around(head["at"], cached.clip)
        analysed = stage(progress, "analysing", 0.0, 0.6)
        part = cached.part = self._part(cached, frames, bundle, analysed, cached.part)
        progress("restyling", 0.6)
        result = self._stylizer(bundle).apply(part.analysis, code, replace(settings, cycle="no"))
        shown = result.window(frames.core.start, frames.core.stop)
        c = part.analysis.correspondence
        packed = pack_motion(shown, c, first_frame=frames.start, rotations=holds_mesh(cached.clip))
        return Message({}, (packed,))

    def _preview(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """Some seconds from the middle of the clip in a style, for its card."""
        cached, settings = clips[0], Settings(**head["settings"])
        bundle, code = self._code(clips, head, settings)
        frames = cut_around(0.5 * cached.clip.duration_seconds, cached.clip, PREVIEW_SECONDS)
        analysed = stage(progress, "analysing", 0.0, 0.6)
        part = cached.preview = self._part(cached, frames, bundle, analysed, cached.preview)
        progress("restyling", 0.6)
        result = self._stylizer(bundle).apply(part.analysis, code, replace(settings, cycle="no"))
        shown = result.window(frames.core.start, frames.core.stop)
        packed = pack_motion(shown, part.analysis.correspondence, first_frame=frames.start)
        return Message({}, (packed,))

    def _choose_takes(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """The seeds of variations of the first clip that differ as far as they can."""
        settings = Settings(**head["settings"])
        bundle, cue = self._cue(clips, head)
        analysed = stage(progress, "analysing", 0.0, 0.2)
        analysis = self._analysis(clips[0], analysed, bundle, settings.cycle)
        seeds = choose_takes(
            self._stylizer(bundle),
            analysis,
            cue,
            head["count"],
            settings,
            stage(progress, "choosing takes", 0.2, 1.0),
        )
        return Message({"seeds": seeds})

    def _code(
        self, clips: Sequence[WarmClip], head: dict[str, Any], settings: Settings
    ) -> tuple[str, StyleCode]:
        """The bundle that a cue asks for, and the code."""
        bundle, cue = self._cue(clips, head)
        return bundle, self._stylizer(bundle).style_of(cue, settings.seed)

    def _cue(
        self, clips: Sequence[WarmClip], head: dict[str, Any]
    ) -> tuple[str, Cue[Motion | Style]]:
        """The cue of a message and the bundle that it asks for. All clips but the first are
        references.
        """
        by_key = dict(zip(head["keys"][1:], clips[1:], strict=True))
        cue: Cue[str] = Cue.of(**head["cue"])
        bundle = str(bundle_for(cue, self.config["bundle"]) or "")
        known: Cue[Motion | Style] = cue.map(lambda key: self._reference_style(by_key[key], bundle))
        stylizer = self._stylizer(bundle)
        stylizer.at_hand = {
            name: parse_style(self._style_files[key], name, stylizer.bundle)
            for name, key in head.get("styles", {}).items()
        }
        return bundle, known

    def _keep_style(self, key: str, data: bytes) -> None:
        """Keep a style file, and forget those unused for longest."""
        self._style_files[key] = data
        self._style_files.move_to_end(key)
        while len(self._style_files) > self.config["warm_clips"]:
            self._style_files.popitem(last=False)

    def _style_facts(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """What a style file is. Raises StyleError."""
        ((name, key),) = head["styles"].items()
        bundle = self._stylizer("").bundle
        style = parse_style(self._style_files[key], name, bundle)
        return Message({"facts": facts_of_style(style)})

    def _learn(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """A style that is heard in the clips, as a file."""
        return learn(self._stylizer(""), clips, head["style"], head["refine"], progress)

    def _write(
        self, clips: Sequence[WarmClip], head: dict[str, Any], progress: Progress
    ) -> Message:
        """The clip as a file of the wanted format."""
        cached = clips[0]
        progress("writing", 0.5)
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            path = Path(folder) / f"{STEM}{head['format']}"
            notes = write_motion(cached.clip, path)
            return Message(
                {"notes": [_called(note, cached.clip.name) for note in notes]},
                (path.read_bytes(),),
            )


class HeavyError(Exception):
    """A clip that is larger than its file suggested: it is for the worker for heavy clips."""


def facts_of_clip(clip: Clip, analysis: Analysis[Clip]) -> dict[str, Any]:
    """What the server says of an upload."""
    found = analysis.clip.warnings[len(clip.warnings) :]
    return facts_of(clip, analysis.correspondence, (*found, *analysis.own_domain.warnings))


def facts_of(
    clip: Clip, correspondence: Correspondence, more_warnings: Sequence[str]
) -> dict[str, Any]:
    """What the server says of a clip."""
    inspection = Inspection(clip, correspondence)
    notes = list(dict.fromkeys((*inspection.warnings, *more_warnings)))
    return {
        "frame_count": clip.frame_count,
        "frame_time_seconds": clip.frame_time_seconds,
        "duration_seconds": clip.duration_seconds,
        "joint_count": clip.skeleton.joint_count,
        "inspection": inspection.as_dict(),
        "warnings": notes,
        "notes": [as_dict(note) for note in notes],
    }


def _called(note: str, name: str) -> str:
    """A note on a file of ours, as one on the client's."""
    return reworded(note, lambda text: text.replace(STEM, name))


def _known(rig: StatedRig | None) -> Rig | None:
    """The rig that a client states. Raises RigError."""
    if rig is None:
        return None
    return preset(rig.name) if rig.data is None else parse_rig(rig.data, rig.name)


def _unpacked(
    clips: Sequence[dict[str, Any]], blobs: Sequence[bytes]
) -> Iterator[tuple[str, Sent]]:
    """Clips as the server sends them along, with their keys."""
    rest = iter(blobs)
    for clip in clips:
        files = tuple((ending, next(rest)) for ending in clip["endings"])
        rig = (
            None
            if clip["rig"] is None
            else StatedRig(clip["rig"], next(rest) if clip["rig_file"] else None)
        )
        state = next(rest) if clip["state"] else None
        yield clip["key"], Sent(clip["name"], files, state, rig, Reading(**clip["reading"]))
