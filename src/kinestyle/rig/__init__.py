"""Which joint of a rig is which: names, chains, shapes, and what a file or a person says of it."""
