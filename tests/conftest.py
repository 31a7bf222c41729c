"""Fixtures that several test files share."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pytest

from kinestyle.bundle import Manifest, Style, Tempo, write_bundle
from kinestyle.formats.table import read_motion
from kinestyle.learn.data.corpus import Corpus, Entry, group_statistics
from kinestyle.motion.clip import Clip
from kinestyle.retarget.features import clip_to_features
from kinestyle.runtime.stylizer import Stylizer
from made_rigs import walk
from own_clip_files import filled

if TYPE_CHECKING:
    from kinestyle.learn.nets.networks import GlobalMotionPredictor, NetworkSizes
    from kinestyle.learn.stages.autoencoder import Autoencoder
    from kinestyle.learn.stages.stylizer import StylizerNetwork


# what a shell starts in the background ignores Ctrl-C, and so would the processes that tests start
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """The folder of real motion data, of which none is in the repository; tests that ask for it are
    skipped without it.
    """
    named = os.environ.get("KINESTYLE_DATA")
    if not named:
        pytest.skip(
            "needs real motion data: set KINESTYLE_DATA to the folder that holds bandai, "
            "unlabelled and wild"
        )
    folder = Path(named).resolve()
    if not folder.is_dir():
        pytest.skip(f"needs real motion data: KINESTYLE_DATA names {named}, which is no folder")
    return folder


@pytest.fixture
def time_limit(request: pytest.FixtureRequest) -> Iterator[None]:
    """No file may make a reader hang."""
    if not hasattr(signal, "setitimer"):
        yield
        return

    def give_up(*_: object) -> None:
        raise TimeoutError(f"{request.node.name} ran for more than 120 seconds")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, 120)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


@pytest.fixture(scope="session")
def walk_file() -> Path:
    """The example clip: 151 frames at 30 a second, with fingers and a lantern without a role."""
    return Path(__file__).resolve().parents[1] / "src" / "kinestyle" / "examples" / "walk.bvh"


@pytest.fixture
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The folder that commands run in."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def clip_file(here: Path, walk_file: Path) -> Path:
    """A copy of the example in the folder that commands run in."""
    path = here / "walk.bvh"
    path.write_bytes(walk_file.read_bytes())
    return path


@pytest.fixture
def closed_folder(tmp_path_factory: pytest.TempPathFactory, walk_file: Path) -> Iterator[Path]:
    """A folder with the example in it that this process may not enter."""
    if not hasattr(os, "geteuid"):
        pytest.skip("this system has no users as POSIX has them")
    folder = tmp_path_factory.mktemp("closed")
    (folder / "walk.bvh").write_bytes(walk_file.read_bytes())
    folder.chmod(0)
    before = os.geteuid()
    if before == 0:  # for whom no folder is closed
        for parent in folder.parents[:3]:
            parent.chmod(parent.stat().st_mode | 0o055)
        os.seteuid(65534)
    yield folder
    os.seteuid(before)
    folder.chmod(0o700)


@pytest.fixture(scope="session")
def walk_clip(walk_file: Path) -> Clip:
    return read_motion(walk_file)


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    """The studio's HTTP interface, with one worker and the bundle that ships."""
    pytest.importorskip("fastapi")
    from studio_client import studio_client

    with studio_client() as client:
        yield client


@pytest.fixture(scope="module")
def style_file(released: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A style of one's own, bent and wide, whose posture says all of it."""
    from dataclasses import replace

    import numpy as np

    from kinestyle import write_style
    from made_rigs import walk
    from test_own_styles import LEARNED, hear_style, heard
    from test_reference import held

    style = hear_style("own/goblin", [heard(held(walk(seconds=4.0).clip), 5.0)], LEARNED)
    zeros = np.zeros(released.bundle.manifest.code_size or 0, np.float32)
    path = tmp_path_factory.mktemp("styles") / "goblin.style"
    write_style(replace(style, mean=zeros, std=zeros), released.bundle, path)
    return path


@pytest.fixture(scope="module", name="walk")
def opened_walk(client: Any) -> dict[str, Any]:
    """What the studio says of the example that was sent to it."""
    from studio_client import open_walk

    return open_walk(client)


@pytest.fixture
def background() -> Iterator[ThreadPoolExecutor]:
    """For requests that wait while others are sent."""
    with ThreadPoolExecutor(8) as threads:
        yield threads


@pytest.fixture(scope="module")
def visit() -> Iterator[Any]:
    """The studio's page in a browser, after its first result. Its console stays empty."""
    from studio_browser import browsing, serving, visiting

    with (
        serving("--workers", "1") as server,
        browsing() as browser,
        visiting(browser, server.address) as visit,
    ):
        yield visit
        assert visit.errors == []


@pytest.fixture(scope="session")
def pillow() -> Any:
    """Pillow's module Image, for tests that look at pictures; they are skipped without it."""
    return pytest.importorskip("PIL.Image", reason="pictures need the pictures extra")


@pytest.fixture
def seeded() -> Iterator[None]:
    """torch draws the same numbers in every test, and is left as it was."""
    torch = pytest.importorskip("torch")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


@pytest.fixture
def one_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """Clips are read in the process of the test, however many cores there are."""
    monkeypatch.setattr("kinestyle.learn.data.reading.usable_cores", lambda: 1)


@pytest.fixture
def messages() -> list[str]:
    """What was reported, when its `append` is given as the report."""
    return []


@pytest.fixture(scope="session")
def two_styles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A user's folder: six clips that all differ in each of two styles."""
    return filled(tmp_path_factory.mktemp("own"), "old/walk_{}", "proud/walk_{}")


@pytest.fixture
def own_data(two_styles: Path, tmp_path: Path) -> Path:
    """The same twelve clips, to be changed."""
    return Path(shutil.copytree(two_styles, tmp_path / "data"))


@pytest.fixture(scope="session")
def corpus() -> Corpus:
    """Made walks in four cells of two sets, two styles each; enough for every stage to run."""
    arrays, entries, start = [], [], 0
    for number, (set_name, style, content, split) in enumerate(
        (set_name, f"{set_name}/{style}", content, split)
        for set_name in ("bandai1", "bandai2")
        for style in ("calm", "proud")
        for content in ("walk", "turn-left")
        for split in ("train", "train", "validation")
    ):
        features = clip_to_features(
            walk(1.0 + 0.1 * (number % 5), start_heading=0.1 * number).clip
        ).astype(np.float32)
        entries.append(
            Entry(f"made_{number}", set_name, style, content, split, start, start + len(features))
        )
        arrays.append(features)
        start += len(features)
    return Corpus(np.concatenate(arrays), tuple(entries))


class TinyNetworks(NamedTuple):
    """Networks with random weights, small enough to be made for every run of the tests."""

    sizes: NetworkSizes
    autoencoder: Autoencoder
    stylizer: StylizerNetwork
    predictor: GlobalMotionPredictor


TINY_STYLES = {"one/calm": 30.0, "one/proud": 200.0, "two/calm": 90.0, "two/Not-Tired": 5.0}
"""Name -> seconds. The label "calm" is in both sets."""
TINY_STYLE_CODE = 6


@pytest.fixture(scope="session")
def tiny_networks() -> TinyNetworks:
    """Random weights, and the statistics of a made walk, so that what is decoded is somewhere near
    a body.
    """
    torch = pytest.importorskip("torch")
    from kinestyle.learn.nets.networks import GlobalMotionPredictor, NetworkSizes
    from kinestyle.learn.stages.autoencoder import Autoencoder, AutoencoderConfig
    from kinestyle.learn.stages.stylizer import StylizerNetwork

    sizes = NetworkSizes(
        latent=12,
        encoder=(12, 12),
        decoder=(24, 16, 12),
        content=12,
        content_code=8,
        style=(12, 12),
        style_code=TINY_STYLE_CODE,
        generator=(12, 16, 12),
        global_motion=(8, 8, 8),
    )
    mean, deviation = group_statistics(clip_to_features(walk().clip).astype(np.float32))
    with torch.random.fork_rng():
        torch.manual_seed(7)
        autoencoder = Autoencoder(sizes, AutoencoderConfig(), mean, deviation)
        # untrained layers make their input smaller one after the other; larger weights let the
        # style reach the motion
        with torch.no_grad():
            autoencoder.decoder.layers[-1].weight *= 4.0
        stylizer = StylizerNetwork(sizes, len(TINY_STYLES))
        with torch.no_grad():
            stylizer.style_encoder.head.weight[: sizes.style_code] *= 100.0
        predictor = GlobalMotionPredictor(
            sizes, torch.from_numpy(mean), torch.from_numpy(deviation)
        )
        with torch.no_grad():
            predictor.layers[-1].weight *= 200.0
    return TinyNetworks(sizes, autoencoder.eval(), stylizer.eval(), predictor.eval())


@pytest.fixture(scope="session")
def tiny_graphs(request: pytest.FixtureRequest) -> dict[str, bytes]:
    """The tiny networks as graphs. Tests with torch leave them in the folder that
    KINESTYLE_TINY_GRAPHS names, if it names one, and tests without torch take them from there.
    """
    named = os.environ.get("KINESTYLE_TINY_GRAPHS")
    folder = Path(named) if named else None
    if folder is not None and importlib.util.find_spec("torch") is None:
        kept = {path.stem: path.read_bytes() for path in folder.glob("*.onnx")}
        if kept:
            return kept
    networks: TinyNetworks = request.getfixturevalue("tiny_networks")
    pytest.importorskip("onnx")
    from kinestyle.learn.export import to_graphs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the exporter's own
        graphs = to_graphs(networks.autoencoder, networks.stylizer, networks.predictor)
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        for name, graph in graphs.items():
            (folder / f"{name}.onnx").write_bytes(graph)
    return graphs


@pytest.fixture(scope="session")
def tiny_manifest() -> Manifest:
    random = np.random.default_rng(3)
    size = TINY_STYLE_CODE
    styles = tuple(
        Style(name, seconds, random.normal(0.0, 2.0, size).astype(np.float32), np.full(size, 0.5))
        for name, seconds in TINY_STYLES.items()
    )
    row = tuple(np.random.default_rng(4).normal(0.0, 0.02, size).round(6).tolist())
    tempo = Tempo(row, row)
    return Manifest("tiny", "free to use", styles=styles, tempo=tempo)


@pytest.fixture(scope="session")
def tiny_bundle(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_manifest: Manifest,
    tiny_graphs: dict[str, bytes],
) -> Path:
    """A bundle that was never trained: for everything that must hold whatever the weights are."""
    path = tmp_path_factory.mktemp("bundle") / "tiny.kinestyle"
    write_bundle(path, tiny_manifest, tiny_graphs)
    return path


@pytest.fixture(scope="session")
def tiny(tiny_bundle: Path) -> Stylizer:
    return Stylizer.load(tiny_bundle)


@pytest.fixture(scope="session")
def released() -> Stylizer:
    """The bundle that ships with Kinestyle."""
    return Stylizer.load()


@pytest.fixture(scope="session")
def timely(released: Stylizer) -> Stylizer:
    """The released bundle, but gaits change their tempo as much as gestures do."""
    manifest = released.bundle.manifest
    assert manifest.tempo is not None
    tempo = Tempo(manifest.tempo.standing, manifest.tempo.standing)
    return Stylizer(replace(released.bundle, manifest=replace(manifest, tempo=tempo)))


@pytest.fixture
def unsupervised(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path_factory: pytest.TempPathFactory,
    tiny_manifest: Manifest,
    tiny_graphs: dict[str, bytes],
) -> Stylizer:
    """Takes the place of what ships: one bundle, without named styles."""
    folder = tmp_path_factory.mktemp("released")
    write_bundle(
        folder / "unsupervised.kinestyle",
        replace(tiny_manifest, styles=(), prior="standard normal"),
        tiny_graphs,
    )
    monkeypatch.setattr("kinestyle.bundle.file._RELEASED", folder)
    return Stylizer.load("unsupervised")
