"""What the studio does for a client, without HTTP: it keeps uploads, restyles them, and makes files
and previews.
"""

from __future__ import annotations

import asyncio
import json
import re
import secrets
import shlex
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from importlib import resources
from pathlib import Path, PurePosixPath
from typing import Any

from kinestyle.bundle import Bundle
from kinestyle.errors import StyleError
from kinestyle.formats.reading import AS_IT_IS, Reading
from kinestyle.formats.table import FORMATS
from kinestyle.label import Label
from kinestyle.rig.presets import preset
from kinestyle.runtime.cue import STYLE_FILE, Cue
from kinestyle.runtime.part_names import split_style
from kinestyle.runtime.settings import Settings
from kinestyle.runtime.style_files import OWN, own_name
from kinestyle.runtime.takes import deciding_settings
from kinestyle.studio.choices import refusal_to_refine
from kinestyle.studio.clip_store import ClipStore, Content, StatedRig, StoredClip, Upload, key_of
from kinestyle.studio.config import StudioConfig
from kinestyle.studio.error_responses import FormatError, LimitError, RequestError, UnknownError
from kinestyle.studio.fair_shares import Client
from kinestyle.studio.parts_first import has_part
from kinestyle.studio.pool import Job, Pool

BESIDE = {".amc": ".asf"}
"""Formats whose files come in pairs: the one that is read -> the one beside it."""

_NUMBER_AND_RATE = re.compile(r"(_[0-9]{3}_[0-9]{2,3})\Z")
"""The end of names that say the frame rate, as HDM05's AMC files do. A reader learns nothing else
of a client's name.
"""

_SENT_STYLE = re.compile(r"[\w-]{20,30}\.style")
"""How styles that were sent are called in cues."""

_OF_MESSAGES = "job", "done", "sizes"
"""What a worker's message holds beside what it is about."""

NamedFile = tuple[str, bytes]
"""A name as the client gives it, and bytes."""
NamedFiles = Sequence[NamedFile]


@dataclass(eq=False)
class Studio:
    """Everything behind the HTTP interface of one server."""

    config: StudioConfig
    bundle: Bundle
    store: ClipStore = field(init=False)
    own_styles: ClipStore = field(init=False)
    """Style files that clients sent: by their ids they are known to who has those."""
    pool: Pool = field(init=False)
    _previews: dict[str, bytes] = field(default_factory=dict)
    _takes: OrderedDict[str, list[int]] = field(default_factory=OrderedDict)
    """Those that were chosen, by what they were chosen for."""
    _preview_lock: asyncio.Lock = field(default_factory=asyncio.Lock)

    def __post_init__(self) -> None:
        self.store, self.pool = ClipStore(self.config), Pool(self.config)
        self.own_styles = ClipStore(self.config, what="style")

    async def keep(
        self,
        files: NamedFiles,
        client: Client,
        rig: StatedRig | None = None,
        reading: Reading = AS_IT_IS,
    ) -> StoredClip:
        """Keep an upload."""
        return self.store.put(StoredClip(await self.read(files, client, rig, reading)))

    async def keep_style(self, files: NamedFiles, client: Client) -> StoredClip:
        """Keep a `.style` file. Its name in a cue is its id with `.style` behind it."""
        return self.own_styles.put(StoredClip(await self.read_style(files, client)))

    async def read_style(self, files: NamedFiles, client: Client) -> Content:
        """A style file, as the worker that has read it describes it. Raises FormatError,
        LimitError, RequestError, StyleError.
        """
        if len(files) != 1:
            raise RequestError(f"the request holds {len(files)} files; send one {STYLE_FILE} file")
        name, data = shown_name(files[0][0]), files[0][1]
        if Path(name).suffix.lower() != STYLE_FILE:
            raise FormatError(
                f"{name} is no {STYLE_FILE} file; send one that `kinestyle learn` wrote"
            )
        if len(data) > self.config.max_style_bytes:
            raise LimitError(
                f"{name} has {len(data)} bytes, more than the limit of "
                f"{self.config.max_style_bytes} for a style"
            )
        upload = Upload(name, ((STYLE_FILE, data),))
        if (known := self.own_styles.content(upload.key)) is not None:
            return known
        blank = Content(upload.key, name, upload, None, {"frame_count": 0, "joint_count": 0}, b"")
        head = {"work": "style", "name": name, "styles": {name: upload.key}}
        message = await self.pool.run(self._job(head, (blank,), client))
        return replace(blank, facts=blank.facts | message.head["facts"])

    async def learn(
        self, clips: Sequence[StoredClip], name: str, refine: bool, client: Client
    ) -> StoredClip:
        """Keep a style that is heard in clips, as `keep_style` does. Raises StyleError, LimitError;
        MissingExtraError where it cannot be refined here.
        """
        whole_name = own_name(name)
        if refine and (refusal := refusal_to_refine()):
            raise refusal
        clips = list({clip.content.key: clip for clip in clips}.values())
        contents = [clip.content for clip in clips]
        self._check_learning(contents)
        file = shown_name(f"{whole_name.removeprefix(f'{OWN}/')}{STYLE_FILE}")
        head = {"work": "learn", "name": file, "style": whole_name, "refine": refine}
        job = self._job(head, contents, client)
        job.refines = refine
        # none of them is a heavy clip for that, though all of them together are
        job.heavy |= sum(one.joint_frames for one in contents) > self.config.heavy_joint_frames
        message = await self.pool.run(job)
        upload = Upload(file, ((STYLE_FILE, message.blobs[0]),))
        told = {name: value for name, value in message.head.items() if name not in _OF_MESSAGES}
        facts = {"frame_count": 0, "joint_count": 0, **told.pop("facts"), **told}
        content = Content(upload.key, file, upload, None, facts, b"")
        words = learn_command(contents, whole_name, refine, file, self.config)
        steps = [*(clip.command for clip in clips if clip.of is not None), words]
        command = " && ".join(dict.fromkeys(filter(None, steps))) if all(steps) else None
        return self.own_styles.put(StoredClip(content, command=command))

    def _check_learning(self, contents: Sequence[Content]) -> None:
        """Raises StyleError, LimitError."""
        if not contents:
            raise StyleError("a style is heard in clips, and none is given; give one or more")
        seconds = sum(content.facts["duration_seconds"] for content in contents)
        for found, limit, unit in (
            (len(contents), self.config.max_learn_clips, "clips"),
            (seconds, self.config.max_learn_seconds, "seconds of motion"),
        ):
            if found > limit:
                raise LimitError(
                    f"{found:.6g} {unit} are more than the limit of {limit:g} for one style; some "
                    f"seconds to two minutes will do"
                )

    def styles_sent(self, cue: Cue[Any]) -> dict[str, Content]:
        """The styles of a cue that a client sent, by their names there. Raises UnknownError."""
        return {name: style.content for name, style in self._styles_kept(cue).items()}

    def _styles_kept(self, cue: Cue[Any]) -> dict[str, StoredClip]:
        """The same, with what made them."""
        return {
            name: self.own_styles.get(name.removesuffix(STYLE_FILE))
            for name in cue.style_names
            if _SENT_STYLE.fullmatch(name)
        }

    async def read_again(
        self, upload: Upload, client: Client, rig: StatedRig | None, reading: Reading
    ) -> StoredClip:
        """Keep an upload as it is when it is read otherwise."""
        stated = None if rig is None else self._named_rig(rig)
        again = replace(upload, rig=stated, reading=reading)
        return self.store.put(StoredClip(await self._read(again, client)))

    async def restyle(
        self, clip: StoredClip, cue: Cue[str], settings: Settings, client: Client
    ) -> StoredClip:
        """Keep what a clip becomes in the style that is asked for. cue: its references are ids"""
        known = cue.map(lambda reference: self.store.get(reference).content)
        sent = self.styles_sent(cue)
        content = await self.restyled(clip.content, known, settings, client, sent=sent)
        words = command_line(
            clip.content, as_sent(known, sent), settings, content.name, self.config
        )
        steps = [words] if clip.of is None else [clip.command, words]
        command = " && ".join(filter(None, steps)) if all(steps) else None
        if command is not None:
            made = [style.command for style in self._styles_kept(cue).values()]
            missing = [one for one in made if one is not None and one not in command]
            command = " && ".join([*missing, command])
        request = cue.as_dict() | settings.as_dict()
        return self.store.put(StoredClip(content, request, clip.id, command))

    async def write(
        self, content: Content, ending: str | None, client: Client
    ) -> tuple[str, bytes, list[str]]:
        """A clip as a file: its name, its bytes and what the format could not express."""
        if ending is None:
            own = Path(content.name).suffix.lower()
            ending = own if own in FORMATS and FORMATS[own].write else ".bvh"
        if ending not in FORMATS or FORMATS[ending].write is None:
            written = ", ".join(name for name, row in FORMATS.items() if row.write)
            raise FormatError(f"the format {ending!r} is not written; ask for one of {written}")
        head = {"work": "write", "format": ending, "name": content.name}
        message = await self.pool.run(self._job(head, (content,), client))
        return f"{Path(content.name).stem}{ending}", message.blobs[0], message.head["notes"]

    async def preview(self, style: str) -> bytes:
        """The motion of the example walk in a style."""
        if sent := self.styles_sent(Cue.of(style)):
            client = Client("previews", is_background=True)
            async with self._preview_lock:
                walk = await self.read([("walk.bvh", example("walk"))], client)
                done = await self.restyled(walk, Cue.of(style), Settings(), client, sent)
            return done.motion
        named = self.bundle.style(style)
        # one after the other: a page that asks for all of them hinders nobody
        async with self._preview_lock:
            if named.name not in self._previews:
                client = Client("previews", is_background=True)
                walk = await self.read([("walk.bvh", example("walk"))], client)
                cue: Cue[Content] = Cue.of(named.name)
                restyled = await self.restyled(walk, cue, Settings(), client)
                self._previews[named.name] = restyled.motion
        return self._previews[named.name]

    async def read(
        self,
        files: NamedFiles,
        client: Client,
        rig: StatedRig | None = None,
        reading: Reading = AS_IT_IS,
    ) -> Content:
        """An upload, as the worker that has read it describes it."""
        return await self._read(self._upload(files, rig, reading), client)

    async def _read(self, upload: Upload, client: Client) -> Content:
        key = upload.key
        if (known := self.store.content(key)) is not None:
            return known
        blank = Content(key, upload.name, upload, None, {"frame_count": 0, "joint_count": 0}, b"")
        message = await self.pool.run(
            self._job({"work": "read", "name": upload.name}, (blank,), client)
        )
        return replace(blank, facts=message.head["facts"], motion=message.blobs[0])

    async def restyled(
        self,
        content: Content,
        cue: Cue[Content],
        settings: Settings,
        client: Client,
        sent: Mapping[str, Content] | None = None,
    ) -> Content:
        """What a clip becomes in the style that a cue asks for. sent: styles of the cue that came
        as files, by their names there
        """
        sent = sent or {}
        wanted = self._wanted(cue, settings, sent)
        label = label_of(as_sent(cue, sent))
        name = f"{Path(content.name).stem}_{label}{_written_ending(content.name)}"
        key = key_of(
            content.key.encode(), name.encode(), json.dumps(wanted, sort_keys=True).encode()
        )
        if (known := self.store.content(key)) is not None:
            return known
        head = {"work": "stylize", **wanted, "name": name, "result": key}
        contents = (content, *cue.like, *sent.values())
        message = await self.pool.run(self._job(head, contents, client))
        return Content(
            key, name, content.upload, message.blobs[0], message.head["facts"], message.blobs[1]
        )

    async def part(
        self, clip: StoredClip, cue: Cue[str], settings: Settings, at: float, client: Client
    ) -> bytes | None:
        """The motion of the seconds around a moment of a clip, nearly as `restyle` makes them; None
        where a part is not what it is in the whole.
        """
        if not has_part(cue, settings):
            return None
        known = cue.map(lambda reference: self.store.get(reference).content)
        name = clip.content.name
        sent = self.styles_sent(cue)
        head = {"work": "part", **self._wanted(known, settings, sent), "name": name, "at": at}
        contents = (clip.content, *known.like, *sent.values())
        message = await self.pool.run(self._job(head, contents, client))
        return message.blobs[0]

    async def takes(
        self, clip: StoredClip, cue: Cue[str], settings: Settings, count: int, client: Client
    ) -> list[int]:
        """The seeds of variations of what is asked for that differ as far as they can, see
        `kinestyle.runtime.takes`.
        """
        known = cue.map(lambda reference: self.store.get(reference).content)
        sent = self.styles_sent(cue)
        wanted = self._wanted(known, deciding_settings(settings), sent) | {"count": count}
        key = key_of(clip.content.key.encode(), json.dumps(wanted, sort_keys=True).encode())
        if key not in self._takes:
            head = {"work": "takes", **wanted, "name": clip.content.name}
            job = self._job(head, (clip.content, *known.like, *sent.values()), client)
            # seconds of processor time, which usual work on a clip does not take
            job.heavy = True
            self._takes[key] = list((await self.pool.run(job)).head["seeds"])
            while len(self._takes) > self.config.kept_clips:
                self._takes.popitem(last=False)
        return self._takes[key]

    async def preview_of(self, clip: StoredClip, style: str, client: Client) -> bytes:
        """The motion of some seconds from the middle of a clip in a style."""
        cue: Cue[Content] = Cue.of(style)
        sent = self.styles_sent(cue)
        head = {
            "work": "preview",
            **self._wanted(cue, Settings(), sent),
            "name": clip.content.name,
        }
        client.is_background = True
        job = self._job(head, (clip.content, *sent.values()), client)
        return (await self.pool.run(job)).blobs[0]

    async def mesh(self, clip: StoredClip, client: Client) -> bytes | None:
        """What the file of a clip, or of the one that a result was made from, shows of its
        character; None where that is nothing. Raises MotionFileError.
        """
        upload = clip.content.upload
        known = self.store.mesh(upload)
        if known is None:
            facts = {"frame_count": 0, "joint_count": 0}
            of = self.store.content(upload.key) or Content(
                upload.key, upload.name, upload, None, facts, b""
            )
            head = {"work": "mesh", "name": upload.name}
            client.is_background = True  # what moves comes first
            message = await self.pool.run(self._job(head, (of,), client))
            known = message.blobs[0]
            self.store.keep_mesh(upload, known)
        return known or None

    def _wanted(
        self, cue: Cue[Content], settings: Settings, sent: Mapping[str, Content]
    ) -> dict[str, Any]:
        """What a worker is told of it. Raises LimitError, StyleError."""
        cues = len(cue.style) + len(cue.like)
        if cues > self.config.max_cues:
            raise LimitError(
                f"{cues} styles and reference clips are more than the limit of "
                f"{self.config.max_cues} in one mix"
            )
        for style in cue.style_names:
            if style not in sent:
                self.bundle.style(style)
        known = cue.map(lambda reference: reference.key)
        wanted = {"cue": known.as_dict(), "settings": settings.as_dict()}
        return wanted | ({"styles": {name: one.key for name, one in sent.items()}} if sent else {})

    def _job(
        self,
        head: dict[str, Any],
        contents: Sequence[Content],
        client: Client,
    ) -> Job:
        by_key = {content.key: content for content in contents}
        heavy = any(
            c.upload.size > self.config.heavy_bytes
            or c.joint_frames > self.config.heavy_joint_frames
            for c in contents
        )
        keys = tuple(content.key for content in contents)
        return Job(
            head,
            keys,
            lambda key: by_key[key].supply(),
            client.job or secrets.token_urlsafe(12),
            client,
            heavy,
        )

    def _upload(self, named_files: NamedFiles, rig: StatedRig | None, reading: Reading) -> Upload:
        """Files in the order to read them, under endings of ours. Raises FormatError, RequestError,
        and as `_named_rig` does.
        """
        files = [(shown_name(name), data) for name, data in named_files]
        motion = _motion_among(files)
        name, data = motion
        suffix = Path(name).suffix.lower()
        rate = _NUMBER_AND_RATE.search(Path(name).stem) if suffix == ".amc" else None
        beside = _files_beside(motion, [file for file in files if file is not motion])
        sent = ((f"{rate[1] if rate else ''}{suffix}", data), *beside)
        return Upload(name, sent, None if rig is None else self._named_rig(rig), reading)

    def _named_rig(self, rig: StatedRig) -> StatedRig:
        """A rig under the name to show. Raises RigError for an unknown family, LimitError."""
        if rig.data is None:
            preset(rig.name)
            return rig
        name, limit = shown_name(rig.name), self.config.max_rig_bytes
        if len(rig.data) > limit:
            raise LimitError(
                f"{name} has {len(rig.data)} bytes, more than the limit of {limit} for a rig; it "
                f"needs only its joints"
            )
        return StatedRig(name, rig.data)


def _motion_among(files: NamedFiles) -> NamedFile:
    """The one file that is a motion. Raises FormatError, RequestError."""
    if not files:
        raise RequestError("the upload holds no file; send one")
    motions = [file for file in files if Path(file[0]).suffix.lower() in FORMATS]
    if not motions:
        known = ", ".join(FORMATS)
        raise FormatError(f"{files[0][0]} is of no known motion format; send one of {known}")
    if len(motions) > 1:
        raise RequestError(
            f"the upload holds {len(motions)} motions; send one at a time, with the files that "
            f"belong to it"
        )
    return motions[0]


def _files_beside(motion: NamedFile, others: NamedFiles) -> NamedFiles:
    """What belongs to a motion, by its ending. Raises RequestError for what does not, or lacks."""
    name = motion[0]
    suffix = BESIDE.get(Path(name).suffix.lower())
    if suffix is None:
        if others:
            wrong = others[0][0]
            raise RequestError(f"{wrong} does not belong to {name}; send only the one file")
        return []
    if not others:
        raise RequestError(
            f"{name} comes without its skeleton; send its {suffix} file with it, in the same "
            f"request"
        )
    strange = [other for other, _ in others if Path(other).suffix.lower() != suffix]
    if strange or len(others) > 1:
        wrong = (strange or [others[1][0]])[0]
        raise RequestError(f"{wrong} does not belong to {name}; send one {suffix}")
    return [(suffix, others[0][1])]


def examples() -> list[str]:
    """The names of the clips that ship with the package."""
    return sorted(
        entry.name.removesuffix(".bvh")
        for entry in _examples().iterdir()
        if entry.name.endswith(".bvh")
    )


def example(name: str) -> bytes:
    """The file of one of them. Raises UnknownError."""
    if name not in examples():
        raise UnknownError(f"there is no example {name!r}; there are {', '.join(examples())}")
    return (_examples() / f"{name}.bvh").read_bytes()


def _examples() -> Any:
    return resources.files("kinestyle") / "examples"


def shown_name(name: str) -> str:
    """A client's name for a file as it is shown, and given back as a download's: no folders,
    nothing but harmless characters.
    """
    last = PurePosixPath(name.replace("\\", "/")).name
    plain = "".join(c if c.isprintable() and c not in '<>:"|?*/' else "_" for c in last).strip(" .")
    stem, suffix = Path(plain).stem[:80], Path(plain).suffix[:16]
    return f"{stem or 'clip'}{suffix}"


def _written_ending(name: str) -> str:
    """The ending of a result's name: the input's, if that format is written."""
    suffix = Path(name).suffix.lower()
    return suffix if suffix in FORMATS and FORMATS[suffix].write else ".bvh"


def as_sent(cue: Cue[Content], sent: Mapping[str, Content]) -> Cue[Content]:
    """The cue with styles that came as files called as their files, for a person."""

    def called(name: str) -> str:
        whose, parts = split_style(name)
        if whose not in sent:
            return name
        file = sent[whose].name
        file = f"./{file}" if file.startswith("-") else file
        return file if parts is None else f"{file}@{parts}"

    return replace(cue, style=tuple(map(called, cue.style)))


def label_of(cue: Cue[Content]) -> str:
    """What a result is called after: walk_old, walk_like_zombie, walk_random."""
    if cue.random:
        return "random"
    names = [name.strip().lower().removesuffix(STYLE_FILE) for name in cue.style_names]
    words = [Label.parse(name).name for name in names]
    words += [f"like_{Path(reference.name).stem}" for reference in cue.like]
    return re.sub(r"[^\w-]+", "_", "_".join(words))[:60]


def command_line(
    content: Content, cue: Cue[Content], settings: Settings, result: str, config: StudioConfig
) -> str | None:
    """The command line that makes the result from files called as the client called them.

    None where there is none: a command line states one rig, one rate and one animation for all of
    its references.
    """
    rigs = {reference.upload.rig for reference in cue.like}
    readings = {tuple(_said("like-", reference)) for reference in cue.like} or {()}
    if len(rigs) > 1 or len(readings) > 1:
        return None
    cue = replace(cue, like_rig=_rig_word(next(iter(rigs), None)))
    settings = replace(settings, rig=_rig_word(content.upload.rig))
    words = ["kinestyle", "stylize", _file_word(content.name)]
    words += cue.as_options(lambda reference: _file_word(reference.name)) + settings.as_options()
    words += [*_said("", content), *readings.pop()]
    if config.bundle is not None:
        words += ["--bundle", str(config.bundle)]
    for folder in config.styles:
        words += ["--styles", str(folder)]
    return shlex.join([*words, "-o", _file_word(result)])


def learn_command(
    clips: Sequence[Content], name: str, refine: bool, out: str, config: StudioConfig
) -> str | None:
    """The command line that makes a style file, see `command_line`. name: the style's whole one"""
    rigs = {clip.upload.rig for clip in clips}
    readings = {tuple(_said("", clip)) for clip in clips}
    if len(rigs) > 1 or len(readings) > 1:
        return None
    words = ["kinestyle", "learn", *(_file_word(clip.name) for clip in clips)]
    if name != f"{OWN}/{Path(out).stem}":
        words += ["--name", name.removeprefix(f"{OWN}/")]
    words += ["--refine"] if refine else []
    rig = _rig_word(rigs.pop())
    words += [*([] if rig is None else ["--rig", rig]), *readings.pop()]
    if config.bundle is not None:
        words += ["--bundle", str(config.bundle)]
    return shlex.join([*words, "-o", _file_word(out)])


def _file_word(name: str) -> str:
    return f"./{name}" if name.startswith("-") else name


def _rig_word(rig: StatedRig | None) -> str | None:
    return rig and (rig.name if rig.data is None else _file_word(rig.name))


def _said(prefix: str, content: Content) -> list[str]:
    """How a file is to be read; that of a result says it all."""
    return content.upload.reading.as_options(prefix) if content.state is None else []
