"""Recipes with a name: what ships, the paper's method, and one switch of it at a time.

Every preset is one command, `kinestyle train --preset NAME`. The ablations change one thing each of
`paper-small` or `paper-small-unsupervised`, which are the paper's method with networks a fifth of
the size. All of the paper's method learn until validation no longer improves, whatever that takes,
so that a difference between two of them is not one of how far they came; only `unsupervised`, which
ships, has a number of steps.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

from kinestyle.errors import DataError
from kinestyle.evaluate.unseen_styles import LEFT_OUT_STYLES
from kinestyle.learn.data.made_clips import MadeConfig
from kinestyle.learn.loop.schedule import Plateau
from kinestyle.learn.nets.networks import PAPER_SIZES, POSE_CHANNELS, NetworkSizes
from kinestyle.learn.pipeline import Recipe
from kinestyle.learn.stages.autoencoder import AutoencoderConfig
from kinestyle.learn.stages.paper import UNSUPERVISED, PaperConfig
from kinestyle.learn.stages.stylizer import StylizerConfig

RELEASED = Recipe()
MADE_SHARE = 0.4
"""Of the stylizer's samples, where made styles are learned from."""
_SMALL_SIZES = replace(
    NetworkSizes(),
    generator=(320, 448, 320),
    content_norm=True,
    norm_over_time=True,
    label_input=True,
)
_MOST_STEPS = 200_000
"""Where validation would improve for ever. Nothing has come near it."""
_PAPER_LOOP = replace(PaperConfig().loop, steps=_MOST_STEPS, learning_rate=4e-4, plateau=Plateau())
_SMALL_LOOP = replace(_PAPER_LOOP, batch=24)
_SHIPPED_LOOP = replace(_SMALL_LOOP, steps=3000, validate_every=200, plateau=None)
_AUTOENCODER_LOOP = replace(
    AutoencoderConfig().loop, steps=_MOST_STEPS, validate_every=500, plateau=Plateau()
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


_PAPER = Recipe(
    name="paper",
    sizes=PAPER_SIZES,
    autoencoder=AutoencoderConfig(crop_frames=160, loop=replace(_AUTOENCODER_LOOP, batch=16)),
    stylizer=PaperConfig(loop=_PAPER_LOOP),
)


def _switch(name: str, base: Recipe, **changes: object) -> Recipe:
    assert isinstance(base.stylizer, PaperConfig), "ablations are of the paper's stage"
    stylizer = replace(base.stylizer, **changes)  # type: ignore[arg-type]
    return replace(base, name=name, stylizer=stylizer)


def _vae(name: str, base: Recipe) -> Recipe:
    autoencoder = AutoencoderConfig(latent="variational", loop=_AUTOENCODER_LOOP)
    return replace(base, name=name, autoencoder=autoencoder)


def _poses(name: str, base: Recipe) -> Recipe:
    sizes = replace(base.sizes, latent=POSE_CHANNELS)
    return replace(base, name=name, sizes=sizes, autoencoder=AutoencoderConfig(latent="poses"))


def _ablations(base: Recipe, prefix: str = "") -> dict[str, Recipe]:
    """One switch of `base` at a time, those that the paper reports and some more."""
    made: dict[str, Callable[[str, Recipe], Recipe]] = {
        "vae": _vae,
        "poses": _poses,
        "deterministic": partial(_switch, probabilistic=False),
        "end-to-end": partial(_switch, end_to_end=True),
        "no-alignment": partial(_switch, alignment="off"),
        "no-cycle": partial(_switch, cycle=0.0),
        "no-autoencoding": partial(_switch, autoencoding=0.0),
    }
    return {f"{prefix}{name}": switch(f"{prefix}{name}", base) for name, switch in made.items()}


def with_made_styles(recipe: Recipe, styles: int) -> Recipe:
    """The recipe with made styles beside the clips. Raises DataError for the paper's stage, which
    learns from no pairs.
    """
    if not isinstance(recipe.stylizer, StylizerConfig):
        raise DataError(
            f"made styles are learned from in pairs, and the preset {recipe.name} learns from "
            f"none; choose another preset, such as released"
        )
    refinement = recipe.refinement
    return replace(
        recipe,
        made=replace(recipe.made or MadeConfig(), styles=styles),
        stylizer=replace(recipe.stylizer, made_share=MADE_SHARE),
        refinement=refinement
        and replace(refinement, stylizer=replace(refinement.stylizer, made_share=MADE_SHARE)),
    )


_OPEN = Recipe(
    name="open",
    sizes=replace(NetworkSizes(), content_code=160, style_code=96, style_moments=256),
    autoencoder=AutoencoderConfig(loop=replace(AutoencoderConfig().loop, steps=3000)),
    auxiliary=(),
    stylizer=replace(
        StylizerConfig(),
        loop=replace(
            StylizerConfig().loop, steps=2000, validate_every=2000, select_checkpoint="last"
        ),
        unlabelled_share=1.0,
        made_share=0.75,
        residual_gate=(0.0, 1e-6),
        weights=replace(
            StylizerConfig().weights,
            made_pair=10.0,
            pair_latent=2.0,
            pair_content=1.0,
            contrast=0.1,
            action=1.0,
        ),
    ),
    refinement=None,
    made=MadeConfig(styles=600, clips=8, named_clips=40),
)
"""Learns from no label: its styles are made ones, on whatever motion there is. What the generator
misses is the same in both of its renderings, and nothing of it counts as style."""

_MADE_STYLES = replace(with_made_styles(RELEASED, 400), name="made-styles")

RECIPES: dict[str, Recipe] = {
    "released": RELEASED,
    "made-styles": _MADE_STYLES,
    "open": _OPEN,
    "unseen-styles": replace(_MADE_STYLES, name="unseen-styles", left_out=LEFT_OUT_STYLES),
    "zero-shot": replace(RELEASED, name="zero-shot", left_out=("bandai1",), refinement=None),
    "unsupervised": replace(
        _SMALL_UNSUPERVISED,
        name="unsupervised",
        stylizer=replace(UNSUPERVISED, loop=_SHIPPED_LOOP, crop_frames=64),
    ),
    "paper": _PAPER,
    "paper-unsupervised": replace(
        _PAPER,
        name="paper-unsupervised",
        sizes=replace(PAPER_SIZES, label_input=False),
        stylizer=replace(UNSUPERVISED, loop=_PAPER_LOOP),
    ),
    "paper-small": _SMALL,
    "paper-small-unsupervised": _SMALL_UNSUPERVISED,
    **_ablations(_SMALL),
    "style-alignment": _switch("style-alignment", _SMALL, alignment="style"),
    **_ablations(_SMALL_UNSUPERVISED, "unsupervised-"),
}
"""By the names of `preset_names`, which say what they are."""
