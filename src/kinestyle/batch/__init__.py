"""Many clips in many styles, on several processes or machines, in runs that can be cut off."""
