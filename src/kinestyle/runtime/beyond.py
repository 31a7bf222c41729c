"""What is done where a clip is too far from what a bundle knows. Apart from the rest, so that
naming it loads nothing.
"""

from __future__ import annotations

from typing import Literal, get_args

Beyond = Literal["fade", "ignore"]
"""fade: the style fades out, as far as `kinestyle.runtime.fit` says (the default); ignore: it is
made up all the same
"""

BEYOND: tuple[Beyond, ...] = get_args(Beyond)
