"""What a bundle is called and under which terms it may be used, which its data decides."""

from __future__ import annotations

from kinestyle.errors import DataError
from kinestyle.learn.data.corpus import Corpus
from kinestyle.learn.data.own_clips import SET_NAME, OwnClips
from kinestyle.learn.data.prepare import is_own

LICENCE = "CC BY-NC 4.0 (weights trained on the Bandai-Namco Research Motion Dataset)"
ATTRIBUTION = (
    "Trained on Bandai-Namco-Research-Motiondataset 1 and 2, (c) Bandai Namco Research Inc., CC "
    "BY-NC 4.0; the autoencoder also on motion from mocap.cs.cmu.edu, created with funding from "
    "NSF EIA-0196217."
)


def terms_of(corpus: Corpus, own: OwnClips, recipe_name: str) -> dict[str, str]:
    """Name, licence and attribution of what is made of a corpus. Raises DataError for a licence
    that the user cannot give.
    """
    if is_own(corpus):
        return {
            "name": own.name or SET_NAME,
            "licence": own.licence or "licence not stated",
            "attribution": own.attribution or "Trained on clips of its maker's own.",
        }
    if own.licence or own.attribution:
        raise DataError(
            "--licence and --attribution are for bundles of own clips; what is trained on the "
            "Bandai-Namco sets keeps their terms"
        )
    return {"name": own.name or recipe_name, "licence": LICENCE, "attribution": ATTRIBUTION}
