"""Which joint of a rig is which: from names, chains and shapes, or as a file or a person states it.

Data flow: `names` reads what joints are called, `chains` finds the joints of a limb, `search`
combines limbs into bodies, `confidence` rates the best of them, and `body_frame` finds up, left and
the unit; `carried` are joints that a leg moves without their hanging on it, `posture` tells animals
from people. `mapping` puts it all together. `rig_file` and `presets` state a rig instead;
`world_frame` brings clips into a world.
"""
