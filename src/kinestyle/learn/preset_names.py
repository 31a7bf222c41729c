"""What `kinestyle train --preset` can be asked for, without torch, which the recipes need."""

from __future__ import annotations

from dataclasses import dataclass

from kinestyle.errors import DataError


@dataclass(frozen=True)
class PresetName:
    """What a preset trains, in one sentence, and whether clips have to have styles for it."""

    about: str
    needs_labels: bool = True


_SWITCHES = {
    "vae": "latents of a VAE instead of an autoencoder",
    "poses": "no latent: the stylizer works on poses",
    "deterministic": "one style code a clip instead of a distribution",
    "end-to-end": "autoencoder and stylizer trained in one stage",
    "no-alignment": "without homo-style alignment",
    "no-cycle": "without the cycle losses",
    "no-autoencoding": "without rebuilding the input",
}
"""What the ablations change of the paper's method, in both of its settings."""

PRESET_NAMES = {
    "released": PresetName(
        "the bundle that ships: auxiliary classifiers and a critic, one Gaussian a style"
    ),
    "made-styles": PresetName(
        "the same, with 400 made styles beside the clips: exact pairs on every action"
    ),
    "open": PresetName(
        "made styles alone, a dozen of them with a name, on clips that need no labels",
        needs_labels=False,
    ),
    "unseen-styles": PresetName(
        "the same without five styles of Bandai-Namco set 1, which P6 then asks for by reference"
    ),
    "zero-shot": PresetName(
        "the released one, not refined, never shown Bandai-Namco set 1 (the paper's Xia test)"
    ),
    "unsupervised": PresetName(
        "the paper's unsupervised setting, small: no label anywhere; it ships for --random",
        needs_labels=False,
    ),
    "paper": PresetName(
        "the paper's supervised setting at its size, 19.8 million parameters, crops of 160 frames"
    ),
    "paper-unsupervised": PresetName("the same without labels", needs_labels=False),
    "paper-small": PresetName(
        "the paper's supervised setting with networks a fifth of the size: what the ablations "
        "change"
    ),
    "paper-small-unsupervised": PresetName("the same without labels", needs_labels=False),
    **{name: PresetName(about) for name, about in _SWITCHES.items()},
    "style-alignment": PresetName(
        "homo-style alignment of two clips of one style, for sequences of one action"
    ),
    **{
        f"unsupervised-{name}": PresetName(f"without labels, {about}", needs_labels=False)
        for name, about in _SWITCHES.items()
    },
}


def listing() -> str:
    """A line for each preset."""
    return "\n".join(f"  {name:<29}{preset.about}" for name, preset in PRESET_NAMES.items())


def require_preset(name: str) -> PresetName:
    """Raises DataError, with all presets, for one that is not there."""
    if name not in PRESET_NAMES:
        raise DataError(f"no preset is called {name!r}; the presets are\n{listing()}")
    return PRESET_NAMES[name]
