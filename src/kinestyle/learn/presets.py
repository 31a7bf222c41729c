"""Recipes with a name: what ships, the paper's method, and one switch of it at a time.

Every preset is one command, `kinestyle train --preset NAME`. The ablations change one thing each of
`paper-small` or `paper-small-unsupervised`, which are the paper's method with networks a fifth of
the size and all have the same number of steps, so that all of them can be trained in an afternoon.
`paper` has as many steps as `released` leaves it CPU time for; the paper's own rate of 1e-4 would
need more of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from kinestyle.learn.nets.networks import PAPER_SIZES, POSE_CHANNELS, NetworkSizes
from kinestyle.learn.pipeline import Recipe
from kinestyle.learn.stages.autoencoder import AutoencoderConfig
from kinestyle.learn.stages.paper import UNSUPERVISED, PaperConfig


@dataclass(frozen=True)
class Preset:
    """A recipe and what it is, in one sentence."""

    recipe: Recipe
    about: str


RELEASED = Recipe()
_SMALL_SIZES = replace(
    NetworkSizes(),
    generator=(320, 448, 320),
    content_norm=True,
    norm_over_time=True,
    label_input=True,
)
_SMALL_LOOP = replace(
    PaperConfig().loop, steps=800, learning_rate=4e-4, batch=24, validate_every=200
)
_SMALL = Recipe(
    name="paper-small", sizes=_SMALL_SIZES, stylizer=PaperConfig(loop=_SMALL_LOOP, crop_frames=64)
)
_WITHOUT_LABELS = replace(_SMALL_SIZES, label_input=False)
_SMALL_UNSUPERVISED = replace(
    _SMALL,
    name="paper-small-unsupervised",
    sizes=_WITHOUT_LABELS,
    stylizer=replace(UNSUPERVISED, loop=_SMALL_LOOP, crop_frames=64),
)


def _switch(name: str, about: str, base: Recipe = _SMALL, **changes: object) -> tuple[str, Preset]:
    assert isinstance(base.stylizer, PaperConfig), "ablations are of the paper's stage"
    return name, Preset(replace(base, name=name, stylizer=replace(base.stylizer, **changes)), about)  # type: ignore[arg-type]


PRESETS: dict[str, Preset] = {
    "released": Preset(
        RELEASED, "the bundle that ships: guided by classifiers and a critic, one Gaussian a style"
    ),
    "zero-shot": Preset(
        replace(RELEASED, name="zero-shot", left_out=("bandai1",), refinement=None),
        "the same, not refined, never shown Bandai-Namco set 1 (the paper's Xia test)",
    ),
    "unsupervised": Preset(
        replace(
            _SMALL_UNSUPERVISED,
            name="unsupervised",
            stylizer=replace(UNSUPERVISED, loop=replace(_SMALL_LOOP, steps=3000), crop_frames=64),
        ),
        "the paper's unsupervised setting, small: no label anywhere; it ships for --random",
    ),
    "paper": Preset(
        Recipe(
            name="paper",
            sizes=PAPER_SIZES,
            autoencoder=AutoencoderConfig(
                crop_frames=160, loop=replace(AutoencoderConfig().loop, steps=5000, batch=16)
            ),
            stylizer=PaperConfig(loop=replace(PaperConfig().loop, steps=2000, learning_rate=4e-4)),
        ),
        "the paper's supervised setting at its size, 19.8 million parameters, crops of 160 frames",
    ),
    "paper-small": Preset(
        _SMALL,
        "the paper's supervised setting with networks a fifth of the size: what the ablations "
        "change",
    ),
    "paper-small-unsupervised": Preset(_SMALL_UNSUPERVISED, "the same without labels"),
    "vae": Preset(
        replace(
            _SMALL,
            name="vae",
            autoencoder=AutoencoderConfig(
                latent="variational", loop=replace(AutoencoderConfig().loop, steps=4000)
            ),
        ),
        "latents of a VAE instead of an autoencoder",
    ),
    "poses": Preset(
        replace(
            _SMALL,
            name="poses",
            sizes=replace(_SMALL_SIZES, latent=POSE_CHANNELS),
            autoencoder=AutoencoderConfig(latent="poses"),
        ),
        "no latent: the stylizer works on poses",
    ),
    **dict(
        [
            _switch(
                "deterministic",
                "one style code a clip instead of a distribution",
                probabilistic=False,
            ),
            _switch("end-to-end", "autoencoder and stylizer trained in one stage", end_to_end=True),
            _switch("no-alignment", "without homo-style alignment", alignment="off"),
            _switch(
                "style-alignment",
                "homo-style alignment of two clips of one style, for sequences of one action",
                alignment="style",
            ),
            _switch("no-cycle", "without the cycle losses", cycle=0.0),
            _switch("no-autoencoding", "without rebuilding the input", autoencoding=0.0),
            _switch(
                "unsupervised-no-alignment",
                "unsupervised, without homo-style alignment",
                _SMALL_UNSUPERVISED,
                alignment="off",
            ),
        ]
    ),
}
